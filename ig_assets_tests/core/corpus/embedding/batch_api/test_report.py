"""A batch that fails says why, stops where the account is refused, and has a bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ig_assets.core.corpus.embedding.batch_api import collect
from ig_assets.core.corpus.embedding.batch_api.report import (
    BatchReport,
    batch_report,
    forgive_failed,
)
from ig_assets.core.corpus.embedding.batch_api.run import BatchRun, embed_by_batches
from ig_assets.core.corpus.embedding.batch_store import MOST_TRIES
from ig_assets.errors import AccessError, RefusedError
from ig_assets_tests.core.corpus.corpus_factory import RUN
from ig_assets_tests.core.corpus.embedding.batch_api.batch_factory import (
    KEY,
    BatchFactory,
    Killed,
)
from ig_assets_tests.stand_ins.openai_batches import BATCHES

ACCOUNT = (
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "project_spend_limit_exceeded",
    "organization_spend_limit_exceeded",
    "invalid_api_key",
    "account_deactivated",
    "model_not_found",
)


def by_itself(env: BatchFactory) -> BatchRun:
    """A run that a sensor started."""
    return embed_by_batches(
        env.warehouse,
        env.ledger,
        env.embedder,
        env.batcher(),
        env.clock,
        RUN,
        2,
        sleep=lambda seconds: None,
        by_person=False,
    )


def report(env: BatchFactory) -> BatchReport:
    with env.warehouse.transaction() as con:
        return batch_report(con, env.space)


def only(fate: str, *words: str) -> Any:
    def decide(request: Mapping[str, Any]) -> str:
        texts = request["body"]["input"]
        return fate if any(word in text for word in words for text in texts) else "done"

    return decide


# ── the account ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", ACCOUNT)
def test_a_refused_account_stops_the_run_with_its_code_and_sends_nothing(
    env: BatchFactory, code: str
) -> None:
    env.fill(4)
    env.batch()
    env.vendor.end("failed", code=code)
    with pytest.raises(AccessError) as caught:
        env.batch()
    said = str(caught.value)
    assert f"refused batch batch_0000 ({code}: " in said and "4 texts wait" in said
    assert "ig-assets sync" in said
    assert len(env.vendor.batches) == 1
    assert env.statuses("embedding_batches") == {"denied": 1}
    assert env.rows("SELECT DISTINCT status, cost_usd FROM api_calls") == [
        ("failed", 0.0)
    ]


def test_no_sensor_sends_again_after_a_refused_account_and_a_person_does(
    env: BatchFactory,
) -> None:
    env.fill(4)
    env.batch()
    env.vendor.end("failed", code="billing_hard_limit_reached")
    for _ in range(2 * MOST_TRIES):
        with pytest.raises(AccessError, match="billing_hard_limit_reached"):
            by_itself(env)
    assert len(env.vendor.batches) == 1
    assert report(env).stopped is not None

    run = env.batch()

    assert (run.submitted, run.under_way, run.rejected) == (4, 4, 0)
    assert report(env).stopped is None
    env.vendor.end()
    assert by_itself(env).collected == 4


def test_a_refused_account_is_never_held_against_the_texts(env: BatchFactory) -> None:
    env.fill(2)
    for _ in range(2 * MOST_TRIES):
        assert env.batch().submitted == 2
        env.vendor.end("failed", code="insufficient_quota")
        with pytest.raises(AccessError):
            env.batch()
    assert env.batch().rejected == 0


def test_what_a_batch_had_done_before_the_account_was_refused_is_kept(
    env: BatchFactory,
) -> None:
    env.fill(4)
    env.batch(1)
    fate = only("lost", "number 2", "number 3")
    env.vendor.end("failed", fate, code="billing_hard_limit_reached", worked=True)
    with pytest.raises(AccessError, match="2 texts wait"):
        env.batch(1)
    assert len(env.vectors()) == 2
    assert env.statuses("api_calls") == {"done": 2, "failed": 2}
    assert env.batch(1).submitted == 2


@pytest.mark.parametrize("status", ["completed", "expired"])
def test_lines_that_say_the_account_is_refused_stop_it_too(
    env: BatchFactory, status: str
) -> None:
    env.fill(4)
    env.batch(1)
    env.vendor.end(status, only("denied", "number 3"))
    with pytest.raises(AccessError, match="insufficient_quota"):
        by_itself(env)
    assert len(env.vectors()) == 3 and len(env.vendor.batches) == 1
    with pytest.raises(AccessError, match="1 texts wait"):
        by_itself(env)
    assert env.batch(1).submitted == 1


def test_a_refused_account_is_not_forgotten_by_a_run_that_dies(
    env: BatchFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    env.fill(3)
    env.batch(1)
    env.vendor.end(fate=only("denied", "number 1"))

    def die(*given: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(collect, "note_settled", die)
        with pytest.raises(Killed):
            by_itself(env)
    with pytest.raises(AccessError, match="insufficient_quota"):
        by_itself(env)


def test_an_account_that_is_refused_at_once_stops_the_sensors_too(
    env: BatchFactory,
) -> None:
    env.fill(3)
    env.vendor.lacks = {BATCHES}
    with pytest.raises(AccessError):
        env.batch()
    asked = len(env.vendor.asked)
    with pytest.raises(AccessError, match="3 texts wait, and no sensor sends them"):
        by_itself(env)
    assert len(env.vendor.asked) == asked
    env.vendor.lacks = set()
    assert env.batch().under_way == 3


# ── the batch ─────────────────────────────────────────────────────────────────


def test_a_failed_batch_is_told_of_with_its_code_and_sent_again_with_a_bound(
    env: BatchFactory,
) -> None:
    env.fill(4)
    env.batch()
    for left in range(MOST_TRIES - 1, -1, -1):
        env.vendor.end("failed", code="invalid_json_line")
        run = by_itself(env)
        [problem] = run.problems
        assert "as failed (invalid_json_line)" in problem
        assert (run.submitted, run.rejected) == ((4, 0) if left else (0, 4))
    assert by_itself(env).submitted == 0
    assert len(env.vendor.batches) == MOST_TRIES


def test_a_batch_that_is_refused_at_once_is_not_tried_for_ever(
    env: BatchFactory,
) -> None:
    env.fill(2)
    env.vendor.refuses = "invalid_request"
    for _ in range(MOST_TRIES):
        with pytest.raises(RefusedError, match="invalid_request"):
            by_itself(env)
    asked = len(env.vendor.asked)
    run = by_itself(env)
    assert (run.submitted, run.rejected, len(env.vendor.asked)) == (0, 2, asked)


def test_texts_that_were_given_up_are_named_and_tried_again_when_a_person_asks(
    env: BatchFactory,
) -> None:
    env.fill(2)
    for _ in range(MOST_TRIES):
        env.batch()
        env.vendor.end("failed", code="invalid_json_line")
    env.batch()
    told = report(env)
    assert len({text["script_id"] for text in told.given_up}) == 2
    assert {text["source_uri"].rsplit("/")[-1] for text in told.given_up} == {
        "0.md",
        "1.md",
    }
    assert {text["reason"] for text in told.given_up} == {
        "the vendor did not accept the batch (invalid_json_line)"
    }
    assert "--retry-failed" in str(told.what_to_do)

    with env.warehouse.transaction() as con:
        assert forgive_failed(con, env.space) == 2

    assert report(env).what_to_do is None
    assert env.batch().submitted == 2
    env.vendor.end()
    assert env.batch().collected == 2
    assert len(report(env).ended_badly) == MOST_TRIES, "what happened stays"


def test_a_refused_text_that_is_tried_again_goes_alone(env: BatchFactory) -> None:
    env.fill(4)
    fate = only("refused", "number 3")
    for _ in range(3):
        env.batch(4)
        env.vendor.end(fate=fate)
    assert env.batch(4).rejected == 1
    with env.warehouse.transaction() as con:
        forgive_failed(con, env.space)
    env.write("new.md", hook="Quite another hook.")
    env.sync()
    env.batch(4)
    last = list(env.vendor.batches)[-1]
    assert [len(r["body"]["input"]) for r in env.vendor.requests(last)] == [1, 1]


def test_the_report_counts_what_is_in_flight_and_what_ended_badly(
    env: BatchFactory,
) -> None:
    assert report(env) == BatchReport(0, 0, (), (), None)
    env.fill(3)
    env.batch()
    env.vendor.end("expired", only("expired", "number 2"))
    env.batch()
    told = report(env)
    [ended] = told.ended_badly
    assert (ended["status"], ended["texts"]) == ("expired", 3)
    without = 3 - ended["with_vector"]
    assert (told.in_flight, told.texts_in_flight) == (1, without) and without > 0
    assert told.what_to_do is None


def test_neither_a_key_nor_a_text_is_in_what_is_told(env: BatchFactory) -> None:
    env.fill(2)
    env.batch()
    env.vendor.end("failed", code="invalid_json_line")
    run = env.batch()
    env.vendor.end("failed", code="insufficient_quota")
    with pytest.raises(AccessError) as caught:
        env.batch()
    calls = env.everything()["api_calls"]
    told = repr((run, report(env), str(caught.value), calls))
    assert KEY not in told and "Hook number" not in told
