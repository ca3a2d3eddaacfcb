"""Rejected arms are retried on request: one row per try, nothing overwritten."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ig_assets.core.costs.budget import Budget
from ig_assets.core.generation.overview import gate_figures
from ig_assets.core.generation.writing.arms import PlannedArm
from ig_assets.core.generation.writing.rejected_arms import (
    RetryStatus,
    rejected_arms,
    retry_status,
)
from ig_assets.errors import BudgetError
from ig_assets.warehouse.rows import merge_rows
from ig_assets_tests.core.generation.generation_factory import MONTH, GenerationFactory
from ig_assets_tests.stand_ins.openai_server import (
    MALFORMED,
    RESPONSES,
    Fault,
    OpenAIStandIn,
)

DRAFTS = "SELECT * FROM drafts ORDER BY variant_id"
REFUSED = Fault(400, "content_policy_violation")
TOO_LONG = Fault(400, "context_length_exceeded")


def retries(env: GenerationFactory) -> list[PlannedArm]:
    planned = env.arms()
    with env.warehouse.transaction() as con:
        return rejected_arms(con, MONTH, planned)


def status(env: GenerationFactory) -> RetryStatus:
    with env.warehouse.transaction() as con:
        return retry_status(con, MONTH)


def all_rejected(env: GenerationFactory, server: OpenAIStandIn) -> None:
    """Two arms that the vendor refused."""
    env.topics("bread")
    server.fail(REFUSED, REFUSED)
    env.draft(env.arms())
    env.polish()
    assert (status(env).arms, status(env).accepted) == (2, 0)


def test_rejected_arms_are_written_once_more_beside_the_old_rows(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    all_rejected(env, server)
    drafts, variants = env.read(DRAFTS), env.read("SELECT * FROM variants")
    arms = retries(env)
    assert [(arm.arm, arm.tried_before) for arm in arms] == [("a", 1), ("b", 1)]

    summary = env.draft(arms, "run-2")
    env.polish("run-2")

    assert (summary.planned, summary.written, summary.rejected) == (2, 2, 0)
    for before, table in ((drafts, "drafts"), (variants, "variants")):
        after = env.read(f"SELECT * FROM {table}")
        assert len(after) == 4 and all(row in after for row in before)
    assert (status(env).arms, status(env).accepted) == (2, 2)
    assert retries(env) == []


def test_a_plain_run_retries_nothing_and_overwrites_nothing(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    all_rejected(env, server)
    asked = server.requests[RESPONSES]
    assert env.draft(env.arms(), "run-2").written == 0
    env.draft(retries(env), "run-3")
    env.polish("run-3")
    asked = server.requests[RESPONSES]
    before = env.read(DRAFTS)
    assert env.draft(env.arms(), "run-4").written == 0
    assert env.polish("run-4").polished == 0
    assert (env.read(DRAFTS), server.requests[RESPONSES]) == (before, asked)


def test_only_rejected_arms_are_retried(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread", "kites")
    server.fail(Fault(), REFUSED)
    env.draft(env.arms())
    env.polish()
    [arm] = retries(env)
    assert arm.tried_before == 1
    asked = server.requests[RESPONSES]
    env.draft([arm], "run-2")
    assert server.requests[RESPONSES] == asked + 1


def test_an_arm_can_be_retried_until_it_passes_and_each_try_is_kept(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    all_rejected(env, server)
    for tries in (2, 3):
        server.fail(MALFORMED, MALFORMED, MALFORMED, MALFORMED)
        env.draft(retries(env), f"run-{tries}")
        env.polish(f"run-{tries}")
        assert {row["tries"] for row in status(env).rejected} == {tries}
    env.draft(retries(env), "run-9")
    env.polish("run-9")
    assert (status(env).accepted, status(env).rejected) == (2, ())
    assert len(env.read(DRAFTS)) == 8


def test_another_try_is_another_draw(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    all_rejected(env, server)
    env.draft(retries(env), "run-2")
    seeds = [json.loads(row["settings"])["seed"] for row in env.read(DRAFTS)]
    assert len(set(seeds)) == 4


def test_a_variant_that_failed_the_gates_is_drafted_and_measured_anew(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    env.draft(env.arms())
    assert env.polish(most_seconds=0.5).rejected == 2
    with env.warehouse.transaction() as con:
        assert {f["passed"] for f in gate_figures(con, MONTH, "spoken_seconds")} == {
            False
        }
    env.draft(retries(env), "run-2")
    assert env.polish("run-2").polished == 2
    with env.warehouse.transaction() as con:
        figures = gate_figures(con, MONTH, "spoken_seconds")
    assert [figure["passed"] for figure in figures] == [True, True]
    assert len(env.read("SELECT * FROM variants")) == 4


def test_every_try_is_charged_to_the_budget(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    all_rejected(env, server)
    env.ledger.budgets = (Budget("ever", "tokens", 10),)
    with pytest.raises(BudgetError):
        env.draft(retries(env), "run-2")
    env.ledger.budgets = ()
    env.draft(retries(env), "run-2")
    calls = env.read("SELECT * FROM api_calls WHERE run_id = 'run-2'")
    assert len(calls) == 2 and all(call["cost_usd"] > 0 for call in calls)


def test_a_retry_that_died_halfway_goes_on_and_pays_nothing_twice(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    all_rejected(env, server)
    env.draft(retries(env)[:1], "run-2")  # and the process is gone
    [left] = retries(env)
    assert (left.arm, left.tried_before) == ("b", 1)
    env.draft([left], "run-3")
    assert retries(env) == []
    assert env.polish("run-3").polished == 2


def test_a_topic_that_is_tested_already_is_left_alone(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    all_rejected(env, server)
    row = {"experiment_id": "e1", "month": MONTH, "topic_id": "t-bread"}
    with env.warehouse.transaction() as con:
        merge_rows(con, "experiments", [row])
    assert retries(env) == [] and status(env).left_alone == 2


# ── grounding that is too long ────────────────────────────────────────────────


def references_sent(server: OpenAIStandIn) -> list[int]:
    """How many library scripts each request showed."""
    return [body["input"].count("A library script") for body in server.bodies()]


def test_grounding_that_is_too_long_is_shortened_before_the_arm_is_given_up(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    server.fail(TOO_LONG)
    summary = env.draft(env.arms()[:1])
    assert (summary.written, summary.rejected) == (1, 0)
    assert references_sent(server) == [2, 1]
    retrieved = env.read("SELECT script_id FROM retrievals")
    assert [row["script_id"] for row in retrieved] == ["s1"], "only what was sent"
    edges = env.read("SELECT parent_id FROM edges WHERE relation = 'retrieved'")
    assert [row["parent_id"] for row in edges] == ["s1"]


def test_without_any_grounding_what_is_too_long_is_rejected(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    server.fail(TOO_LONG, TOO_LONG, TOO_LONG)
    assert env.draft(env.arms()[:1]).rejected == 1
    assert references_sent(server) == [2, 1, 0]
    [row] = env.read(DRAFTS)
    assert "longer than the model reads" in row["rejection"]


def test_servers_without_a_code_are_understood_and_not_quoted(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    words = "This model's maximum context length is 4096 tokens, you sent BREAD."
    env.topics("bread")
    server.fail(*[Fault(400, message=words)] * 3)
    env.draft(env.arms()[:1])
    [row] = env.read(DRAFTS)
    assert references_sent(server) == [2, 1, 0] and "BREAD" not in row["rejection"]


@pytest.mark.parametrize("fault", [REFUSED, Fault(400, "invalid_value")])
def test_no_other_refusal_is_tried_with_less(
    env: GenerationFactory, server: OpenAIStandIn, fault: Any
) -> None:
    env.topics("bread")
    server.fail(fault)
    assert env.draft(env.arms()[:1]).rejected == 1
    assert references_sent(server) == [2]
