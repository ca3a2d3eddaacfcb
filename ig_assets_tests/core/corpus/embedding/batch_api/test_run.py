"""Texts go to the Batch API once, and come back by their line, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ig_assets.core.corpus.embedding.batch_api import collect
from ig_assets.core.corpus.embedding.batch_api.run import poll_open_batches
from ig_assets.core.corpus.index.sync import audit_index
from ig_assets.core.costs.prices import call_cost_usd
from ig_assets.core.identity import text_hash
from ig_assets.core.ports import TokenUsage
from ig_assets.errors import (
    AccessError,
    BudgetError,
    TransientVendorError,
)
from ig_assets_tests.core.corpus.embedding.batch_api.batch_factory import (
    DIMENSIONS,
    KEY,
    MODEL,
    BatchFactory,
    Broken,
    Cut,
    Dying,
    Killed,
)
from ig_assets_tests.stand_ins.openai_batches import BATCHES, FILES, BatchStandIn
from ig_assets_tests.stand_ins.openai_server import vector_for


@pytest.fixture
def env(tmp_path: Path) -> Iterator[BatchFactory]:
    with BatchStandIn() as vendor:
        yield BatchFactory(tmp_path, vendor)


def one_with(word: str, fate: str) -> Any:
    """That fate for the lines that hold the word, and a good one for the others."""

    def decide(request: Mapping[str, Any]) -> str:
        return (
            fate if any(word in text for text in request["body"]["input"]) else "done"
        )

    return decide


def assert_every_text_has_its_own_vector(env: BatchFactory) -> None:
    texts = {row["revision_hash"]: row["text"] for row in env.active().values()}
    stored = env.vectors()
    assert stored.keys() == texts.keys()
    for content_hash, text in texts.items():
        np.testing.assert_allclose(
            stored[content_hash], vector_for(text, DIMENSIONS), atol=1e-6
        )


# ── the way it goes ───────────────────────────────────────────────────────────


def test_texts_are_submitted_once_however_often_it_runs(env: BatchFactory) -> None:
    env.fill(5)
    first = env.batch()
    again = [env.batch() for _ in range(3)]
    assert (first.submitted, first.batches, first.under_way) == (5, 1, 5)
    assert [(run.submitted, run.under_way) for run in again] == [(0, 5)] * 3
    assert set(env.vendor.texts().values()) == {1}
    assert len(env.vendor.batches) == 1


def test_results_come_shuffled_and_are_joined_by_their_line(env: BatchFactory) -> None:
    env.fill(9)
    env.batch()
    env.vendor.end()
    run = env.batch()
    assert (run.collected, run.under_way, run.submitted) == (9, 0, 0)
    assert_every_text_has_its_own_vector(env)
    assert env.statuses("embedding_batches") == {"collected": 1}
    assert env.statuses("embedding_batch_lines") == {"done": 5}


def test_a_batch_that_has_not_ended_is_left_alone(env: BatchFactory) -> None:
    env.fill(3)
    env.batch()
    env.vendor.work("batch_0000")
    assert env.batch().under_way == 3
    assert env.vectors() == {}
    assert env.statuses("api_calls") == {"submitted": 2}


def test_equal_words_are_sent_once(env: BatchFactory) -> None:
    for name in ("a.md", "b.md", "c.md"):
        env.write(name)
    env.sync()
    assert env.batch().submitted == 1


def test_new_words_go_into_a_batch_of_their_own_meanwhile(env: BatchFactory) -> None:
    env.fill(3)
    env.batch()
    env.write("new.md", hook="Quite another hook.")
    env.sync()
    run = env.batch()
    assert (run.submitted, run.batches, run.under_way) == (1, 1, 4)
    env.vendor.end()
    assert env.batch().collected == 4
    assert set(env.vendor.texts().values()) == {1}


def test_batches_are_filled_to_what_the_vendor_takes_and_no_more(
    env: BatchFactory,
) -> None:
    env.fill(7)
    batcher = env.batcher()
    batcher.max_inputs = 4
    assert env.batch(2, batcher=batcher).batches == 2
    sizes = [
        [len(line["body"]["input"]) for line in env.vendor.requests(batch_id)]
        for batch_id in env.vendor.batches
    ]
    assert sizes == [[2, 2], [2, 1]]


@pytest.mark.parametrize(("limit", "value"), [("max_lines", 1), ("max_bytes", 300)])
def test_lines_and_bytes_are_bounded_too(
    env: BatchFactory, limit: str, value: int
) -> None:
    env.fill(3)
    batcher = env.batcher()
    setattr(batcher, limit, value)
    env.batch(1, batcher=batcher)
    for batch in env.vendor.batches.values():
        assert len(env.vendor.requests(batch["id"])) == 1
        assert len(env.vendor.files[batch["input_file_id"]]) <= 300
    assert len(env.vendor.batches) == 3


def test_a_text_longer_than_the_model_reads_is_pooled_when_all_its_chunks_came(
    env: BatchFactory,
) -> None:
    env.embedder.max_input_tokens = 20
    body = " ".join(f"Sentence number {n} of a long text." for n in range(20))
    env.write("long.md", body=body)
    env.write("short.md", hook="A short hook.", body="Brief.")
    env.sync()
    first = env.batch()
    assert first.submitted > 3
    env.vendor.end(fate=one_with("number 19", "broken"))
    partly = env.batch()
    (long,) = [r for r in env.active().values() if body in r["text"]]
    assert partly.retried and long["revision_hash"] not in env.vectors()
    env.vendor.end()
    env.batch()
    vector = np.array(env.vectors()[long["revision_hash"]])
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)


def test_the_index_neither_loses_nor_gains_a_script_while_texts_are_under_way(
    env: BatchFactory,
) -> None:
    env.fill(3)
    env.batch()
    env.vendor.end()
    env.batch()
    env.sync_index()
    before = sorted(env.indexed())
    env.write("1.md", hook="Hook number 1, said anew.")
    env.write("new.md", hook="Quite another hook.")
    env.sync()
    env.batch()
    change = env.sync_index()
    assert sorted(env.indexed()) == before
    assert (change.deleted, change.failed, change.switched) == (0, 0, False)
    audit = audit_index(env.warehouse, env.index, env.space)
    assert not audit.missing and not audit.orphans and len(audit.waiting) == 1
    env.vendor.end()
    env.batch()
    env.sync_index()
    assert len(env.indexed()) == 4


def test_without_batches_what_is_under_way_is_not_paid_for_again(
    env: BatchFactory,
) -> None:
    env.fill(3)
    env.batch()
    run = env.embed()  # which would ask an address that the stand-in does not have
    assert (run.embedded, run.under_way) == (0, 3)


# ── money ─────────────────────────────────────────────────────────────────────


def test_every_line_is_a_row_of_the_ledger_at_half_the_price(env: BatchFactory) -> None:
    env.fill(4)
    env.batch(2)
    [(lines, reserved)] = env.rows(
        "SELECT count(*), sum(reserved_usd) FROM api_calls "
        "WHERE status = 'submitted' AND operation = 'ingest' "
        "AND asset = 'script_embeddings'"
    )
    [(tokens,)] = env.rows("SELECT sum(tokens) FROM embedding_batch_lines")
    full = call_cost_usd("openai", MODEL, TokenUsage(int(tokens)))
    assert full is not None
    assert (lines, reserved) == (2, pytest.approx(full / 2))
    env.vendor.end()
    run = env.batch()
    [(done, took, cost)] = env.rows(
        "SELECT count(*), sum(input_tokens), sum(cost_usd) FROM api_calls "
        "WHERE status = 'done'"
    )
    paid = call_cost_usd("openai", MODEL, TokenUsage(int(took)))
    assert paid is not None
    assert (done, run.tokens) == (2, took)
    assert cost == pytest.approx(paid / 2) == run.cost_usd


def test_the_plan_says_half_the_price_and_what_is_under_way(env: BatchFactory) -> None:
    env.fill(4)
    at_once = env.plan()
    by_batch = env.plan(by_batch=True)
    assert at_once.cost_usd is not None
    assert by_batch.cost_usd == pytest.approx(at_once.cost_usd / 2)
    env.batch()
    after = env.plan(by_batch=True)
    assert (after.texts, after.tokens, after.held) == (0, 0, 4)


def test_the_budget_counts_half_the_price_and_what_is_under_way(
    env: BatchFactory,
) -> None:
    env.fill(4)
    half = env.plan(by_batch=True).cost_usd
    assert half is not None
    env.with_budget(half * 0.99)
    with pytest.raises(BudgetError):
        env.batch()
    assert env.vendor.asked == [] and env.rows("SELECT * FROM api_calls") == []
    assert env.statuses("embedding_batches") == {}
    env.with_budget(half * 1.01)
    assert env.batch().submitted == 4
    env.write("new.md", hook="Quite another hook.")
    env.sync()
    with pytest.raises(BudgetError):
        env.batch()


def test_rows_under_way_never_become_unknown(env: BatchFactory) -> None:
    env.fill(2)
    env.batch()
    env.batch()
    assert env.statuses("api_calls") == {"submitted": 1}


def test_neither_a_key_nor_a_text_is_in_the_tables_of_batches(
    env: BatchFactory,
) -> None:
    env.fill(3)
    env.batch(1)
    env.vendor.end(fate=one_with("number 1", "refused"))
    run = env.batch(1)
    assert env.vendor.keys == {KEY}
    everything = env.everything()
    assert KEY not in repr(everything)
    tables = {name: rows for name, rows in everything.items() if "batch" in name}
    assert "Hook number" not in repr((tables, everything["api_calls"], run))


# ── killed ────────────────────────────────────────────────────────────────────

UNDISTURBED = 6
SENDING = {
    "after the intent": ("POST", FILES, "before"),
    "after the upload": ("POST", FILES, "after"),
    "before the creation": ("POST", BATCHES, "before"),
    "after the creation": ("POST", BATCHES, "after"),
}


def finish(env: BatchFactory) -> None:
    """Run until nothing is under way."""
    while env.batch().under_way:
        env.vendor.end()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """The vectors and the ledger of a env where nothing died."""
    with BatchStandIn() as vendor:
        env = BatchFactory(tmp_path_factory.mktemp("undisturbed"), vendor)
        env.fill(UNDISTURBED)
        finish(env)
        return env.vectors(), env.calls()


@pytest.mark.parametrize("moment", SENDING)
def test_killed_while_sending_it_ends_the_same_and_sends_nothing_twice(
    env: BatchFactory, undisturbed: tuple[Any, Any], moment: str
) -> None:
    env.fill(UNDISTURBED)
    with pytest.raises(Killed):
        env.batch(transport=Dying(*SENDING[moment]))
    assert env.statuses("embedding_batches") == {"intended": 1}
    finish(env)
    assert (env.vectors(), env.calls()) == undisturbed
    assert set(env.vendor.texts().values()) == {1}


def test_a_batch_that_was_made_but_not_noted_is_found_among_many(
    env: BatchFactory, undisturbed: tuple[Any, Any]
) -> None:
    env.fill(UNDISTURBED)
    with pytest.raises(Killed):
        env.batch(transport=Dying("POST", BATCHES, "after"))
    for _ in range(5):  # somebody else's, on newer pages of the list
        env.vendor.create(
            {
                "endpoint": "/v1/embeddings",
                "completion_window": "24h",
                "input_file_id": "file-0000",
                "metadata": None,
            }
        )
    assert env.batch().under_way == UNDISTURBED
    assert env.statuses("embedding_batches") == {"submitted": 1}


COLLECTING = {
    "before the download": ("GET", FILES + "/file-0001/content", "before"),
    "after the download": ("GET", FILES + "/file-0001/content", "after"),
    "before the state is known": ("GET", BATCHES + "/batch_0000", "before"),
}


@pytest.mark.parametrize("moment", COLLECTING)
def test_killed_while_collecting_it_ends_the_same(
    env: BatchFactory, undisturbed: tuple[Any, Any], moment: str
) -> None:
    env.fill(UNDISTURBED)
    env.batch()
    env.vendor.end()
    with pytest.raises(Killed):
        env.batch(transport=Dying(*COLLECTING[moment]))
    finish(env)
    assert (env.vectors(), env.calls()) == undisturbed
    assert set(env.vendor.texts().values()) == {1}


@pytest.mark.parametrize("name", ["merge_rows", "settle_submitted", "note_settled"])
@pytest.mark.parametrize("page", [1, 10_000])
def test_killed_before_a_commit_it_ends_the_same(
    env: BatchFactory,
    undisturbed: tuple[Any, Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    page: int,
) -> None:
    monkeypatch.setattr(collect, "PAGE", page)
    env.fill(UNDISTURBED)
    env.batch()
    env.vendor.end()
    write, calls = getattr(collect, name), []

    def die(*given: Any) -> Any:
        calls.append(name)
        done = write(*given)
        if page == 10_000 or name == "note_settled" or len(calls) == 2:
            raise Killed
        return done

    with monkeypatch.context() as patched:
        patched.setattr(collect, name, die)
        with pytest.raises(Killed):
            env.batch()
    vectors = [r for r in env.rows("SELECT status FROM api_calls") if r == ("done",)]
    assert len(env.vectors()) == 2 * len(vectors), "vectors come with their rows"
    finish(env)
    assert (env.vectors(), env.calls()) == undisturbed
    assert set(env.vendor.texts().values()) == {1}


def test_an_answer_lost_after_the_batch_was_made_makes_no_second_one(
    env: BatchFactory,
) -> None:
    env.fill(3)
    assert env.batch(transport=Broken("POST", BATCHES, times=1)).under_way == 3
    assert len(env.vendor.batches) == 1


def test_a_vendor_that_is_down_is_asked_again_by_the_next_run(
    env: BatchFactory,
) -> None:
    env.fill(3)
    env.vendor.is_down = True
    with pytest.raises(TransientVendorError):
        env.batch()
    env.vendor.is_down = False
    assert env.batch().under_way == 3
    assert set(env.vendor.texts().values()) == {1}
    env.vendor.end()
    env.batch()
    env.vendor.is_down = True
    assert env.batch().under_way == 0, "with nothing under way no vendor is asked"


def test_a_server_without_batches_is_told_of_and_nothing_stays_reserved(
    env: BatchFactory,
) -> None:
    env.fill(3)
    env.vendor.lacks = {FILES, BATCHES}
    with pytest.raises(AccessError, match="remove IG_BATCH"):
        env.batch()
    assert env.rows("SELECT status, cost_usd FROM api_calls") == [("failed", 0.0)] * 2
    env.vendor.lacks = set()
    assert env.batch().under_way == 3


# ── lines that go wrong ───────────────────────────────────────────────────────


def test_what_an_expired_batch_had_done_is_used_and_the_rest_sent_again(
    env: BatchFactory,
) -> None:
    env.fill(5)
    env.batch(1)
    env.vendor.end("expired", one_with("number 2", "expired"))
    run = env.batch(1)
    assert (run.collected, run.submitted, run.retried, run.rejected) == (4, 1, 1, 0)
    assert env.statuses("embedding_batches") == {"expired": 1, "submitted": 1}
    [(cost,)] = env.rows("SELECT cost_usd FROM api_calls WHERE status = 'failed'")
    assert cost == 0.0
    env.vendor.end()
    assert env.batch(1).collected == 1
    assert_every_text_has_its_own_vector(env)


@pytest.mark.parametrize("status", ["expired", "cancelled", "failed"])
def test_a_batch_without_any_result_is_sent_again_at_most_twice(
    env: BatchFactory, status: str
) -> None:
    env.fill(2)
    for _ in range(3):
        env.batch()
        env.vendor.end(status, lambda request: "lost")
    run = env.batch()
    assert (run.submitted, run.under_way, run.rejected) == (0, 0, 2)
    assert set(env.vendor.texts().values()) == {3}
    [reason] = {reject["reason"] for reject in run.rejects}
    assert "batch" in reason
    assert env.rows("SELECT DISTINCT status, cost_usd FROM api_calls") == [
        ("failed", 0.0)
    ]


def test_a_batch_that_the_queue_has_no_room_for_waits_for_the_others(
    env: BatchFactory,
) -> None:
    env.fill(4)
    batcher = env.batcher()
    batcher.max_inputs = 2
    env.batch(batcher=batcher)
    first, second = env.vendor.running()
    env.vendor.batches[first]["status"] = "held"
    env.vendor.end("failed", code="token_limit_exceeded")
    for _ in range(4):
        run = env.batch()
        assert (run.submitted, run.under_way) == (0, 2) or run.batches == 1
        env.vendor.end("failed", code="token_limit_exceeded")
    env.vendor.batches[first]["status"] = "in_progress"
    env.vendor.end()
    finish(env)
    assert len(env.vectors()) == 4


def test_a_refused_text_is_found_alone_and_rejected_with_the_reason(
    env: BatchFactory,
) -> None:
    env.fill(4)
    env.batch(4)
    env.vendor.end(fate=one_with("number 3", "refused"))
    run = env.batch(4)
    assert (run.submitted, run.retried, run.rejected) == (4, 4, 0)
    env.vendor.end(fate=one_with("number 3", "refused"))
    run = env.batch(4)
    assert (run.collected, run.submitted, run.rejected) == (3, 0, 1)
    assert run.rejects[0]["reason"] == "answered 400 (invalid_value)"
    (bad,) = [r for r in env.active().values() if "number 3" in r["text"]]
    assert run.rejects[0]["content_hash"] == bad["revision_hash"]
    assert env.batch(4).submitted == 0


@pytest.mark.parametrize("fate", ["short", "nan", "none", "garbage"])
def test_vectors_that_cannot_be_right_are_not_kept_but_paid_for(
    env: BatchFactory, fate: str
) -> None:
    env.fill(3)
    env.batch(1)
    env.vendor.end(fate=one_with("number 1", fate))
    run = env.batch(1)
    assert (run.collected, run.retried) == (2, 1)
    [(status, cost)] = env.rows(
        "SELECT status, cost_usd FROM api_calls WHERE status = 'failed'"
    )
    assert cost > 0
    for _ in range(2):
        env.vendor.end(fate=one_with("number 1", fate))
        run = env.batch(1)
    assert (run.submitted, run.rejected, len(env.vectors())) == (0, 1, 2)


def test_a_line_without_a_result_is_sent_again_and_counted_as_paid(
    env: BatchFactory,
) -> None:
    env.fill(2)
    env.batch(1)
    env.vendor.end(fate=one_with("number 1", "lost"))
    assert env.batch(1).retried == 1
    [(cost,)] = env.rows("SELECT cost_usd FROM api_calls WHERE status = 'failed'")
    assert cost > 0


def test_a_line_that_comes_twice_counts_once(env: BatchFactory) -> None:
    env.fill(3)
    env.batch(1)
    env.vendor.end(fate=lambda request: "twice")
    run = env.batch(1)
    assert run.collected == 3
    assert env.statuses("api_calls") == {"done": 3}
    assert_every_text_has_its_own_vector(env)


def test_a_download_that_breaks_off_loses_nothing(env: BatchFactory) -> None:
    env.fill(3)
    env.batch()
    env.vendor.end()
    path = FILES + "/file-0001/content"
    with pytest.raises(TransientVendorError, match="broke off") as caught:
        env.batch(transport=Cut(path))
    assert KEY not in repr(caught.getrepr())
    assert (env.vectors(), env.batch().collected) == ({}, 3)


def test_results_that_are_gone_are_asked_for_anew(env: BatchFactory) -> None:
    env.fill(2)
    env.batch()
    env.vendor.end()
    env.vendor.files.pop("file-0001")
    run = env.batch()
    assert (run.collected, run.retried) == (0, 2)


def test_another_model_has_batches_of_its_own_and_each_lands_in_its_space(
    env: BatchFactory,
) -> None:
    env.fill(2)
    env.batch()
    env.embedder.dimensions = 16
    assert env.batch().submitted == 2
    env.vendor.end()
    assert env.batch().collected == 4
    assert env.rows(
        "SELECT dimensions, count(*) FROM embeddings GROUP BY 1 ORDER BY 1"
    ) == [(16, 2), (DIMENSIONS, 2)]


def test_a_text_that_left_the_corpus_meanwhile_does_no_harm(env: BatchFactory) -> None:
    env.fill(2)
    env.batch()
    (env.library / "1.md").unlink()
    env.sync()
    env.vendor.end()
    assert (env.batch().collected, env.batch().submitted) == (2, 0)


# ── asking ────────────────────────────────────────────────────────────────────


def test_nobody_is_asked_where_no_batch_is_open(env: BatchFactory) -> None:
    def no_key() -> Any:
        raise AssertionError("the vendor was asked for")

    assert poll_open_batches(env.warehouse, env.clock, no_key) == (0, 0)


def test_asking_notes_what_has_ended_and_finds_what_a_crash_left(
    env: BatchFactory,
) -> None:
    env.fill(2)
    with pytest.raises(Killed):
        env.batch(transport=Dying("POST", BATCHES, "after"))

    def poll() -> tuple[int, int]:
        return poll_open_batches(env.warehouse, env.clock, env.batcher)

    assert poll() == (1, 0)
    env.vendor.end()
    assert poll() == (0, 1)
    assert text_hash(next(iter(env.vendor.texts()))) not in env.vectors()
    assert env.batch().collected == 2


def test_asking_gives_up_no_intent_that_a_live_run_may_be_sending(
    env: BatchFactory,
) -> None:
    env.fill(2)
    with pytest.raises(Killed):
        env.batch(transport=Dying("POST", FILES, "before"))
    assert poll_open_batches(env.warehouse, env.clock, env.batcher) == (1, 0)
    assert env.statuses("embedding_batches") == {"intended": 1}
