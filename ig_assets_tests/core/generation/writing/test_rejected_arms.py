"""Rejected arms are tried again when a person asks: a row each, nothing overwritten."""

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
    standing,
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


def again(desk: GenerationFactory) -> list[PlannedArm]:
    planned = desk.arms()
    with desk.warehouse.transaction() as con:
        return rejected_arms(con, MONTH, planned)


def stands(desk: GenerationFactory) -> RetryStatus:
    with desk.warehouse.transaction() as con:
        return standing(con, MONTH)


def all_rejected(desk: GenerationFactory, server: OpenAIStandIn) -> None:
    """Two arms that the vendor refused."""
    desk.topics("bread")
    server.fail(REFUSED, REFUSED)
    desk.draft(desk.arms())
    desk.polish()
    assert (stands(desk).arms, stands(desk).standing) == (2, 0)


def test_rejected_arms_are_written_again_beside_the_old_rows(
    desk: GenerationFactory, server: OpenAIStandIn
) -> None:
    all_rejected(desk, server)
    drafts, variants = desk.read(DRAFTS), desk.read("SELECT * FROM variants")
    arms = again(desk)
    assert [(arm.arm, arm.tried_before) for arm in arms] == [("a", 1), ("b", 1)]

    summary = desk.draft(arms, "run-2")
    desk.polish("run-2")

    assert (summary.planned, summary.written, summary.rejected) == (2, 2, 0)
    for before, table in ((drafts, "drafts"), (variants, "variants")):
        after = desk.read(f"SELECT * FROM {table}")
        assert len(after) == 4 and all(row in after for row in before)
    assert (stands(desk).arms, stands(desk).standing) == (2, 2)
    assert again(desk) == []


def test_a_plain_run_tries_nothing_again_and_overwrites_nothing(
    desk: GenerationFactory, server: OpenAIStandIn
) -> None:
    all_rejected(desk, server)
    asked = server.requests[RESPONSES]
    assert desk.draft(desk.arms(), "run-2").written == 0
    desk.draft(again(desk), "run-3")
    desk.polish("run-3")
    asked = server.requests[RESPONSES]
    before = desk.read(DRAFTS)
    assert desk.draft(desk.arms(), "run-4").written == 0
    assert desk.polish("run-4").polished == 0
    assert (desk.read(DRAFTS), server.requests[RESPONSES]) == (before, asked)


def test_only_what_is_rejected_is_tried_again(
    desk: GenerationFactory, server: OpenAIStandIn
) -> None:
    desk.topics("bread", "kites")
    server.fail(Fault(), REFUSED)
    desk.draft(desk.arms())
    desk.polish()
    [arm] = again(desk)
    assert arm.tried_before == 1
    asked = server.requests[RESPONSES]
    desk.draft([arm], "run-2")
    assert server.requests[RESPONSES] == asked + 1


def test_an_arm_can_be_tried_until_it_stands_and_each_try_is_kept(
    desk: GenerationFactory, server: OpenAIStandIn
) -> None:
    all_rejected(desk, server)
    for tries in (2, 3):
        server.fail(MALFORMED, MALFORMED, MALFORMED, MALFORMED)
        desk.draft(again(desk), f"run-{tries}")
        desk.polish(f"run-{tries}")
        assert {row["tries"] for row in stands(desk).rejected} == {tries}
    desk.draft(again(desk), "run-9")
    desk.polish("run-9")
    assert (stands(desk).standing, stands(desk).rejected) == (2, ())
    assert len(desk.read(DRAFTS)) == 8


def test_another_try_is_another_draw(
    desk: GenerationFactory, server: OpenAIStandIn
) -> None:
    all_rejected(desk, server)
    desk.draft(again(desk), "run-2")
    seeds = [json.loads(row["settings"])["seed"] for row in desk.read(DRAFTS)]
    assert len(set(seeds)) == 4


def test_a_variant_that_failed_the_gates_is_drafted_and_measured_anew(
    desk: GenerationFactory, server: OpenAIStandIn
) -> None:
    desk.topics("bread")
    desk.draft(desk.arms())
    assert desk.polish(most_seconds=0.5).rejected == 2
    with desk.warehouse.transaction() as con:
        assert {f["passed"] for f in gate_figures(con, MONTH, "spoken_seconds")} == {
            False
        }
    desk.draft(again(desk), "run-2")
    assert desk.polish("run-2").polished == 2
    with desk.warehouse.transaction() as con:
        figures = gate_figures(con, MONTH, "spoken_seconds")
    assert [figure["passed"] for figure in figures] == [True, True]
    assert len(desk.read("SELECT * FROM variants")) == 4


def test_every_try_is_charged_to_the_budget(
    desk: GenerationFactory, server: OpenAIStandIn
) -> None:
    all_rejected(desk, server)
    desk.ledger.budgets = (Budget("ever", "tokens", 10),)
    with pytest.raises(BudgetError):
        desk.draft(again(desk), "run-2")
    desk.ledger.budgets = ()
    desk.draft(again(desk), "run-2")
    calls = desk.read("SELECT * FROM api_calls WHERE run_id = 'run-2'")
    assert len(calls) == 2 and all(call["cost_usd"] > 0 for call in calls)


def test_a_retry_that_died_halfway_goes_on_and_pays_nothing_twice(
    desk: GenerationFactory, server: OpenAIStandIn
) -> None:
    all_rejected(desk, server)
    desk.draft(again(desk)[:1], "run-2")  # and the process is gone
    [left] = again(desk)
    assert (left.arm, left.tried_before) == ("b", 1)
    desk.draft([left], "run-3")
    assert again(desk) == []
    assert desk.polish("run-3").polished == 2


def test_a_topic_that_is_tested_already_is_left_alone(
    desk: GenerationFactory, server: OpenAIStandIn
) -> None:
    all_rejected(desk, server)
    row = {"experiment_id": "e1", "month": MONTH, "topic_id": "t-bread"}
    with desk.warehouse.transaction() as con:
        merge_rows(con, "experiments", [row])
    assert again(desk) == [] and stands(desk).left_alone == 2


# ── grounding that is too long ────────────────────────────────────────────────


def shown(server: OpenAIStandIn) -> list[int]:
    """How many library scripts each request showed."""
    return [body["input"].count("A library script") for body in server.bodies()]


def test_grounding_that_is_too_long_is_shortened_before_the_arm_is_given_up(
    desk: GenerationFactory, server: OpenAIStandIn
) -> None:
    desk.topics("bread")
    server.fail(TOO_LONG)
    summary = desk.draft(desk.arms()[:1])
    assert (summary.written, summary.rejected) == (1, 0)
    assert shown(server) == [2, 1]
    retrieved = desk.read("SELECT script_id FROM retrievals")
    assert [row["script_id"] for row in retrieved] == ["s1"], "only what was shown"
    edges = desk.read("SELECT parent_id FROM edges WHERE relation = 'retrieved'")
    assert [row["parent_id"] for row in edges] == ["s1"]


def test_without_any_grounding_what_is_too_long_is_rejected(
    desk: GenerationFactory, server: OpenAIStandIn
) -> None:
    desk.topics("bread")
    server.fail(TOO_LONG, TOO_LONG, TOO_LONG)
    assert desk.draft(desk.arms()[:1]).rejected == 1
    assert shown(server) == [2, 1, 0]
    [row] = desk.read(DRAFTS)
    assert "longer than the model reads" in row["rejection"]


def test_servers_without_a_code_are_understood_and_not_quoted(
    desk: GenerationFactory, server: OpenAIStandIn
) -> None:
    words = "This model's maximum context length is 4096 tokens, you sent BREAD."
    desk.topics("bread")
    server.fail(*[Fault(400, message=words)] * 3)
    desk.draft(desk.arms()[:1])
    [row] = desk.read(DRAFTS)
    assert shown(server) == [2, 1, 0] and "BREAD" not in row["rejection"]


@pytest.mark.parametrize("fault", [REFUSED, Fault(400, "invalid_value")])
def test_no_other_refusal_is_tried_with_less(
    desk: GenerationFactory, server: OpenAIStandIn, fault: Any
) -> None:
    desk.topics("bread")
    server.fail(fault)
    assert desk.draft(desk.arms()[:1]).rejected == 1
    assert shown(server) == [2]
