"""Each draft is paid for once, through the real SDK against OpenAI's stand-in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ig_assets.core.costs.budget import Budget
from ig_assets.core.identity import text_hash
from ig_assets.errors import AccessError, BudgetError, TransientVendorError
from ig_assets_tests.core.generation.generation_factory import (
    EXAMPLE,
    KEY,
    GenerationFactory,
)
from ig_assets_tests.stand_ins.openai_server import (
    MALFORMED,
    RESPONSES,
    Fault,
    OpenAIStandIn,
)

QUOTA = Fault(429, "insufficient_quota")
DRAFTS = "SELECT * FROM drafts ORDER BY variant_id"


def sent(server: OpenAIStandIn) -> int:
    return server.requests[RESPONSES]


def test_each_arm_is_one_request_and_one_row_with_what_it_came_from(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread", is_canary=True, is_control=True)
    arms = {arm.variant_id: arm for arm in env.arms()}
    summary = env.draft(list(arms.values()))
    assert (summary.planned, summary.written, summary.rejected) == (4, 4, 0)
    assert sent(server) == 4
    drafts = env.read(DRAFTS)
    assert [row["variant_id"] for row in drafts] == sorted(arms)
    for row in drafts:
        arm = arms[row["variant_id"]]
        assert (row["arm"], row["hook_style"]) == (arm.arm, arm.hook_style)
        assert row["model_id"] == arm.model.model_id
        assert row["model"] == "gpt-5-mini" and row["provider"] == "openai"
        assert row["text"] == f"{row['hook']}\n\n{row['body']}\n\n" + (
            row["call_to_action"]
        )
        assert json.loads(row["settings"])["temperature"] == 0.7
        assert len(row["prompt_hash"]) == len(row["request_hash"]) == 64
        assert row["rejection"] is None and row["created_at"] == env.clock.now()


def test_what_grounds_a_draft_is_recorded_with_it(env: GenerationFactory) -> None:
    env.topics("bread")
    env.draft(env.arms())
    retrieved = env.read('SELECT * FROM retrievals ORDER BY variant_id, "rank"')
    assert [row["script_id"] for row in retrieved] == ["s1", "s2"] * 2
    assert retrieved[0]["revision_hash"] == text_hash("A library script 1.")
    edges = env.read(
        "SELECT parent_id, relation, count(*) AS n FROM edges GROUP BY 1, 2"
    )
    assert {(e["parent_id"], e["relation"], e["n"]) for e in edges} == {
        ("s1", "retrieved", 2),
        ("s2", "retrieved", 2),
        ("m-base", "by_model", 2),
    }


def test_only_the_candidates_prompt_has_its_examples(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread", is_canary=True)
    env.draft(env.arms())
    has_example = [EXAMPLE in body["input"] for body in server.bodies()]
    assert has_example == [False, False, True]


def test_a_rerun_sends_nothing_for_what_is_there(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread", "kites")
    env.draft(env.arms())
    before = env.read(DRAFTS)
    second = env.draft(env.arms(), "run-2")
    assert (second.kept, second.written) == (4, 0)
    assert sent(server) == 4
    assert env.read(DRAFTS) == before


def test_a_new_topic_costs_only_its_own_requests(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    env.draft(env.arms())
    env.topics("bread", "kites")
    summary = env.draft(env.arms(), "run-2")
    assert (summary.kept, summary.written) == (2, 2)
    assert sent(server) == 4
    assert all("kites" in body["input"] for body in server.bodies()[2:])


def test_in_flight_or_one_by_one_the_same_drafts_are_written(
    env: GenerationFactory,
    server: OpenAIStandIn,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    other = GenerationFactory(tmp_path_factory.mktemp("other"), server.base_url)
    for each, in_flight in ((env, 1), (other, 4)):
        each.topics("bread", "kites", "salt")
        each.draft(each.arms(), in_flight=in_flight)
    assert env.read(DRAFTS) == other.read(DRAFTS)


def test_a_malformed_answer_is_repaired_by_one_more_request_and_both_are_paid(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    server.fail(MALFORMED)
    summary = env.draft(env.arms())
    assert (summary.written, summary.rejected, sent(server)) == (2, 0, 3)
    assert env.statuses() == {"failed": 1, "done": 2}
    calls = env.read("SELECT * FROM api_calls ORDER BY status")
    assert all(call["cost_usd"] > 0 for call in calls)
    attempts = {json.loads(row["settings"])["attempt"] for row in env.read(DRAFTS)}
    assert attempts == {0, 1}


def test_malformed_twice_is_a_rejected_row_and_the_month_goes_on(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread", "kites")
    server.fail(MALFORMED, MALFORMED)
    summary = env.draft(env.arms())
    assert (summary.written, summary.rejected, sent(server)) == (4, 1, 5)
    [rejected] = [row for row in env.read(DRAFTS) if row["rejection"]]
    assert rejected["rejection"].startswith("malformed: ")
    assert rejected["text"] == "" and "half of a scr" not in rejected["rejection"]
    assert env.draft(env.arms(), "run-2").kept == 4 and sent(server) == 5


@pytest.mark.parametrize("empty", ["hook", "call_to_action", "beats"])
def test_a_script_without_one_of_its_parts_is_malformed(
    env: GenerationFactory, server: OpenAIStandIn, empty: str
) -> None:
    script: dict[str, Any] = {
        "hook": "h",
        "beats": ["a", "b", "c"],
        "call_to_action": "c!",
    }
    script[empty] = [" ", "", " "] if empty == "beats" else " "
    env.topics("bread")
    server.fail(*[Fault(text=json.dumps(script))] * 2)
    assert env.draft(env.arms()).rejected == 1


def test_a_refused_request_is_a_rejected_row_and_not_sent_a_second_time(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    server.fail(Fault(400, "content_policy_violation"))
    summary = env.draft(env.arms())
    assert (summary.written, summary.rejected, sent(server)) == (2, 1, 2)
    [row] = env.read("SELECT rejection FROM drafts WHERE rejection IS NOT NULL")
    assert row["rejection"].startswith("refused: ")


@pytest.mark.parametrize(
    "refusal", [Fault(401), Fault(403), Fault(404, "model_not_found"), QUOTA]
)
def test_a_refused_account_stops_the_run_and_what_was_written_stays(
    env: GenerationFactory, server: OpenAIStandIn, refusal: Fault
) -> None:
    env.topics("bread", "kites", "salt")
    server.fail(Fault(), Fault(), refusal)
    with pytest.raises(AccessError) as caught:
        env.draft(env.arms())
    assert KEY not in str(caught.value)
    assert 3 <= sent(server) < 6, "the rest was never sent"
    kept = len(env.read(DRAFTS))
    assert kept == env.statuses()["done"] >= 2
    assert not env.read("SELECT * FROM drafts WHERE rejection IS NOT NULL")
    summary = env.draft(env.arms(), "run-2")
    assert (summary.kept, summary.written) == (kept, 6 - kept)


def test_in_flight_too_a_refused_account_is_not_asked_for_every_arm(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics(*[f"topic {n}" for n in range(10)])
    server.fail(*[Fault(401, delay_s=0.05)] * 20)
    with pytest.raises(AccessError):
        env.draft(env.arms(), in_flight=4)
    assert sent(server) < 20
    assert env.read(DRAFTS) == []
    assert env.statuses() == {"failed": sent(server)}


def test_a_budget_that_is_used_up_stops_before_anything_is_sent(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    env.ledger.budgets = (Budget("ever", "usd", 0.0),)
    with pytest.raises(BudgetError):
        env.draft(env.arms())
    assert sent(server) == 0 and env.statuses() == {}


def test_a_server_that_stays_down_ends_the_run_after_five_attempts(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    server.fail(*[Fault(503)] * 5)
    with pytest.raises(TransientVendorError, match="5 attempts were made ") as caught:
        env.draft(env.arms()[:1])
    assert "; run it again later" in str(caught.value)
    assert sent(server) == 5 and env.statuses() == {"failed": 5}
    assert env.draft(env.arms(), "run-2").written == 2


def test_the_key_is_in_no_row_and_no_error(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread")
    server.fail(Fault(500), Fault(cut=True), MALFORMED, Fault(400))
    env.draft(env.arms())
    assert server.keys == {KEY}
    for table in ("drafts", "api_calls", "edges"):
        assert KEY not in str(env.read(f"SELECT * FROM {table}"))
