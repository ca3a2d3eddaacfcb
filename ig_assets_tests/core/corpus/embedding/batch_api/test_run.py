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
    BatchHouse,
    Broken,
    Cut,
    Dying,
    Killed,
)
from ig_assets_tests.stand_ins.openai_batches import BATCHES, FILES, BatchStandIn
from ig_assets_tests.stand_ins.openai_server import vector_for


@pytest.fixture
def house(tmp_path: Path) -> Iterator[BatchHouse]:
    with BatchStandIn() as vendor:
        yield BatchHouse(tmp_path, vendor)


def one_with(word: str, fate: str) -> Any:
    """That fate for the lines that hold the word, and a good one for the others."""

    def decide(request: Mapping[str, Any]) -> str:
        return (
            fate if any(word in text for text in request["body"]["input"]) else "done"
        )

    return decide


def assert_every_text_has_its_own_vector(house: BatchHouse) -> None:
    texts = {row["revision_hash"]: row["text"] for row in house.active().values()}
    stored = house.vectors()
    assert stored.keys() == texts.keys()
    for content_hash, text in texts.items():
        np.testing.assert_allclose(
            stored[content_hash], vector_for(text, DIMENSIONS), atol=1e-6
        )


# ── the way it goes ───────────────────────────────────────────────────────────


def test_texts_are_submitted_once_however_often_it_runs(house: BatchHouse) -> None:
    house.fill(5)
    first = house.batch()
    again = [house.batch() for _ in range(3)]
    assert (first.submitted, first.batches, first.under_way) == (5, 1, 5)
    assert [(run.submitted, run.under_way) for run in again] == [(0, 5)] * 3
    assert set(house.vendor.texts().values()) == {1}
    assert len(house.vendor.batches) == 1


def test_results_come_shuffled_and_are_joined_by_their_line(house: BatchHouse) -> None:
    house.fill(9)
    house.batch()
    house.vendor.end()
    run = house.batch()
    assert (run.collected, run.under_way, run.submitted) == (9, 0, 0)
    assert_every_text_has_its_own_vector(house)
    assert house.statuses("embedding_batches") == {"collected": 1}
    assert house.statuses("embedding_batch_lines") == {"done": 5}


def test_a_batch_that_has_not_ended_is_left_alone(house: BatchHouse) -> None:
    house.fill(3)
    house.batch()
    house.vendor.work("batch_0000")
    assert house.batch().under_way == 3
    assert house.vectors() == {}
    assert house.statuses("api_calls") == {"submitted": 2}


def test_equal_words_are_sent_once(house: BatchHouse) -> None:
    for name in ("a.md", "b.md", "c.md"):
        house.write(name)
    house.sync()
    assert house.batch().submitted == 1


def test_new_words_go_into_a_batch_of_their_own_meanwhile(house: BatchHouse) -> None:
    house.fill(3)
    house.batch()
    house.write("new.md", hook="Quite another hook.")
    house.sync()
    run = house.batch()
    assert (run.submitted, run.batches, run.under_way) == (1, 1, 4)
    house.vendor.end()
    assert house.batch().collected == 4
    assert set(house.vendor.texts().values()) == {1}


def test_batches_are_filled_to_what_the_vendor_takes_and_no_more(
    house: BatchHouse,
) -> None:
    house.fill(7)
    batcher = house.batcher()
    batcher.max_inputs = 4
    assert house.batch(2, batcher=batcher).batches == 2
    sizes = [
        [len(line["body"]["input"]) for line in house.vendor.requests(batch_id)]
        for batch_id in house.vendor.batches
    ]
    assert sizes == [[2, 2], [2, 1]]


@pytest.mark.parametrize(("limit", "value"), [("max_lines", 1), ("max_bytes", 300)])
def test_lines_and_bytes_are_bounded_too(
    house: BatchHouse, limit: str, value: int
) -> None:
    house.fill(3)
    batcher = house.batcher()
    setattr(batcher, limit, value)
    house.batch(1, batcher=batcher)
    for batch in house.vendor.batches.values():
        assert len(house.vendor.requests(batch["id"])) == 1
        assert len(house.vendor.files[batch["input_file_id"]]) <= 300
    assert len(house.vendor.batches) == 3


def test_a_text_longer_than_the_model_reads_is_pooled_when_all_its_chunks_came(
    house: BatchHouse,
) -> None:
    house.embedder.max_input_tokens = 20
    body = " ".join(f"Sentence number {n} of a long text." for n in range(20))
    house.write("long.md", body=body)
    house.write("short.md", hook="A short hook.", body="Brief.")
    house.sync()
    first = house.batch()
    assert first.submitted > 3
    house.vendor.end(fate=one_with("number 19", "broken"))
    partly = house.batch()
    (long,) = [r for r in house.active().values() if body in r["text"]]
    assert partly.retried and long["revision_hash"] not in house.vectors()
    house.vendor.end()
    house.batch()
    vector = np.array(house.vectors()[long["revision_hash"]])
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)


def test_the_index_neither_loses_nor_gains_a_script_while_texts_are_under_way(
    house: BatchHouse,
) -> None:
    house.fill(3)
    house.batch()
    house.vendor.end()
    house.batch()
    house.sync_index()
    before = sorted(house.indexed())
    house.write("1.md", hook="Hook number 1, said anew.")
    house.write("new.md", hook="Quite another hook.")
    house.sync()
    house.batch()
    change = house.sync_index()
    assert sorted(house.indexed()) == before
    assert (change.deleted, change.failed, change.switched) == (0, 0, False)
    audit = audit_index(house.warehouse, house.index, house.space)
    assert not audit.missing and not audit.orphans and len(audit.waiting) == 1
    house.vendor.end()
    house.batch()
    house.sync_index()
    assert len(house.indexed()) == 4


def test_without_batches_what_is_under_way_is_not_paid_for_again(
    house: BatchHouse,
) -> None:
    house.fill(3)
    house.batch()
    run = house.embed()  # which would ask an address that the stand-in does not have
    assert (run.embedded, run.under_way) == (0, 3)


# ── money ─────────────────────────────────────────────────────────────────────


def test_every_line_is_a_row_of_the_ledger_at_half_the_price(house: BatchHouse) -> None:
    house.fill(4)
    house.batch(2)
    [(lines, reserved)] = house.rows(
        "SELECT count(*), sum(reserved_usd) FROM api_calls "
        "WHERE status = 'submitted' AND operation = 'ingest' "
        "AND asset = 'script_embeddings'"
    )
    [(tokens,)] = house.rows("SELECT sum(tokens) FROM embedding_batch_lines")
    full = call_cost_usd("openai", MODEL, TokenUsage(int(tokens)))
    assert full is not None
    assert (lines, reserved) == (2, pytest.approx(full / 2))
    house.vendor.end()
    run = house.batch()
    [(done, took, cost)] = house.rows(
        "SELECT count(*), sum(input_tokens), sum(cost_usd) FROM api_calls "
        "WHERE status = 'done'"
    )
    paid = call_cost_usd("openai", MODEL, TokenUsage(int(took)))
    assert paid is not None
    assert (done, run.tokens) == (2, took)
    assert cost == pytest.approx(paid / 2) == run.cost_usd


def test_the_plan_says_half_the_price_and_what_is_under_way(house: BatchHouse) -> None:
    house.fill(4)
    at_once = house.plan()
    by_batch = house.plan(by_batch=True)
    assert at_once.cost_usd is not None
    assert by_batch.cost_usd == pytest.approx(at_once.cost_usd / 2)
    house.batch()
    after = house.plan(by_batch=True)
    assert (after.texts, after.tokens, after.held) == (0, 0, 4)


def test_the_budget_counts_half_the_price_and_what_is_under_way(
    house: BatchHouse,
) -> None:
    house.fill(4)
    half = house.plan(by_batch=True).cost_usd
    assert half is not None
    house.with_budget(half * 0.99)
    with pytest.raises(BudgetError):
        house.batch()
    assert house.vendor.asked == [] and house.rows("SELECT * FROM api_calls") == []
    assert house.statuses("embedding_batches") == {}
    house.with_budget(half * 1.01)
    assert house.batch().submitted == 4
    house.write("new.md", hook="Quite another hook.")
    house.sync()
    with pytest.raises(BudgetError):
        house.batch()


def test_rows_under_way_never_become_unknown(house: BatchHouse) -> None:
    house.fill(2)
    house.batch()
    house.batch()
    assert house.statuses("api_calls") == {"submitted": 1}


def test_neither_a_key_nor_a_text_is_in_the_tables_of_batches(
    house: BatchHouse,
) -> None:
    house.fill(3)
    house.batch(1)
    house.vendor.end(fate=one_with("number 1", "refused"))
    run = house.batch(1)
    assert house.vendor.keys == {KEY}
    everything = house.everything()
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


def finish(house: BatchHouse) -> None:
    """Run until nothing is under way."""
    while house.batch().under_way:
        house.vendor.end()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """The vectors and the ledger of a house where nothing died."""
    with BatchStandIn() as vendor:
        house = BatchHouse(tmp_path_factory.mktemp("undisturbed"), vendor)
        house.fill(UNDISTURBED)
        finish(house)
        return house.vectors(), house.calls()


@pytest.mark.parametrize("moment", SENDING)
def test_killed_while_sending_it_ends_the_same_and_sends_nothing_twice(
    house: BatchHouse, undisturbed: tuple[Any, Any], moment: str
) -> None:
    house.fill(UNDISTURBED)
    with pytest.raises(Killed):
        house.batch(transport=Dying(*SENDING[moment]))
    assert house.statuses("embedding_batches") == {"intended": 1}
    finish(house)
    assert (house.vectors(), house.calls()) == undisturbed
    assert set(house.vendor.texts().values()) == {1}


def test_a_batch_that_was_made_but_not_noted_is_found_among_many(
    house: BatchHouse, undisturbed: tuple[Any, Any]
) -> None:
    house.fill(UNDISTURBED)
    with pytest.raises(Killed):
        house.batch(transport=Dying("POST", BATCHES, "after"))
    for _ in range(5):  # somebody else's, on newer pages of the list
        house.vendor.create(
            {
                "endpoint": "/v1/embeddings",
                "completion_window": "24h",
                "input_file_id": "file-0000",
                "metadata": None,
            }
        )
    assert house.batch().under_way == UNDISTURBED
    assert house.statuses("embedding_batches") == {"submitted": 1}


COLLECTING = {
    "before the download": ("GET", FILES + "/file-0001/content", "before"),
    "after the download": ("GET", FILES + "/file-0001/content", "after"),
    "before the state is known": ("GET", BATCHES + "/batch_0000", "before"),
}


@pytest.mark.parametrize("moment", COLLECTING)
def test_killed_while_collecting_it_ends_the_same(
    house: BatchHouse, undisturbed: tuple[Any, Any], moment: str
) -> None:
    house.fill(UNDISTURBED)
    house.batch()
    house.vendor.end()
    with pytest.raises(Killed):
        house.batch(transport=Dying(*COLLECTING[moment]))
    finish(house)
    assert (house.vectors(), house.calls()) == undisturbed
    assert set(house.vendor.texts().values()) == {1}


@pytest.mark.parametrize("name", ["merge_rows", "settle_submitted", "note_settled"])
@pytest.mark.parametrize("page", [1, 10_000])
def test_killed_before_a_commit_it_ends_the_same(
    house: BatchHouse,
    undisturbed: tuple[Any, Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    page: int,
) -> None:
    monkeypatch.setattr(collect, "PAGE", page)
    house.fill(UNDISTURBED)
    house.batch()
    house.vendor.end()
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
            house.batch()
    vectors = [r for r in house.rows("SELECT status FROM api_calls") if r == ("done",)]
    assert len(house.vectors()) == 2 * len(vectors), "vectors come with their rows"
    finish(house)
    assert (house.vectors(), house.calls()) == undisturbed
    assert set(house.vendor.texts().values()) == {1}


def test_an_answer_lost_after_the_batch_was_made_makes_no_second_one(
    house: BatchHouse,
) -> None:
    house.fill(3)
    assert house.batch(transport=Broken("POST", BATCHES, times=1)).under_way == 3
    assert len(house.vendor.batches) == 1


def test_a_vendor_that_is_down_is_asked_again_by_the_next_run(
    house: BatchHouse,
) -> None:
    house.fill(3)
    house.vendor.is_down = True
    with pytest.raises(TransientVendorError):
        house.batch()
    house.vendor.is_down = False
    assert house.batch().under_way == 3
    assert set(house.vendor.texts().values()) == {1}
    house.vendor.end()
    house.batch()
    house.vendor.is_down = True
    assert house.batch().under_way == 0, "with nothing under way nobody is asked"


def test_a_server_without_batches_is_told_of_and_nothing_stays_reserved(
    house: BatchHouse,
) -> None:
    house.fill(3)
    house.vendor.lacks = {FILES, BATCHES}
    with pytest.raises(AccessError, match="remove IG_BATCH"):
        house.batch()
    assert house.rows("SELECT status, cost_usd FROM api_calls") == [("failed", 0.0)] * 2
    house.vendor.lacks = set()
    assert house.batch().under_way == 3


# ── lines that go wrong ───────────────────────────────────────────────────────


def test_what_an_expired_batch_had_done_is_used_and_the_rest_sent_again(
    house: BatchHouse,
) -> None:
    house.fill(5)
    house.batch(1)
    house.vendor.end("expired", one_with("number 2", "expired"))
    run = house.batch(1)
    assert (run.collected, run.submitted, run.retried, run.rejected) == (4, 1, 1, 0)
    assert house.statuses("embedding_batches") == {"expired": 1, "submitted": 1}
    [(cost,)] = house.rows("SELECT cost_usd FROM api_calls WHERE status = 'failed'")
    assert cost == 0.0
    house.vendor.end()
    assert house.batch(1).collected == 1
    assert_every_text_has_its_own_vector(house)


@pytest.mark.parametrize("status", ["expired", "cancelled", "failed"])
def test_a_batch_without_any_result_is_sent_again_at_most_twice(
    house: BatchHouse, status: str
) -> None:
    house.fill(2)
    for _ in range(3):
        house.batch()
        house.vendor.end(status, lambda request: "lost")
    run = house.batch()
    assert (run.submitted, run.under_way, run.rejected) == (0, 0, 2)
    assert set(house.vendor.texts().values()) == {3}
    [reason] = {reject["reason"] for reject in run.rejects}
    assert "batch" in reason
    assert house.rows("SELECT DISTINCT status, cost_usd FROM api_calls") == [
        ("failed", 0.0)
    ]


def test_a_batch_that_the_queue_has_no_room_for_waits_for_the_others(
    house: BatchHouse,
) -> None:
    house.fill(4)
    batcher = house.batcher()
    batcher.max_inputs = 2
    house.batch(batcher=batcher)
    first, second = house.vendor.running()
    house.vendor.batches[first]["status"] = "held"
    house.vendor.end("failed", code="token_limit_exceeded")
    for _ in range(4):
        run = house.batch()
        assert (run.submitted, run.under_way) == (0, 2) or run.batches == 1
        house.vendor.end("failed", code="token_limit_exceeded")
    house.vendor.batches[first]["status"] = "in_progress"
    house.vendor.end()
    finish(house)
    assert len(house.vectors()) == 4


def test_a_refused_text_is_found_alone_and_rejected_with_the_reason(
    house: BatchHouse,
) -> None:
    house.fill(4)
    house.batch(4)
    house.vendor.end(fate=one_with("number 3", "refused"))
    run = house.batch(4)
    assert (run.submitted, run.retried, run.rejected) == (4, 4, 0)
    house.vendor.end(fate=one_with("number 3", "refused"))
    run = house.batch(4)
    assert (run.collected, run.submitted, run.rejected) == (3, 0, 1)
    assert run.rejects[0]["reason"] == "answered 400 (invalid_value)"
    (bad,) = [r for r in house.active().values() if "number 3" in r["text"]]
    assert run.rejects[0]["content_hash"] == bad["revision_hash"]
    assert house.batch(4).submitted == 0


@pytest.mark.parametrize("fate", ["short", "nan", "none", "garbage"])
def test_vectors_that_cannot_be_right_are_not_kept_but_paid_for(
    house: BatchHouse, fate: str
) -> None:
    house.fill(3)
    house.batch(1)
    house.vendor.end(fate=one_with("number 1", fate))
    run = house.batch(1)
    assert (run.collected, run.retried) == (2, 1)
    [(status, cost)] = house.rows(
        "SELECT status, cost_usd FROM api_calls WHERE status = 'failed'"
    )
    assert cost > 0
    for _ in range(2):
        house.vendor.end(fate=one_with("number 1", fate))
        run = house.batch(1)
    assert (run.submitted, run.rejected, len(house.vectors())) == (0, 1, 2)


def test_a_line_without_a_result_is_sent_again_and_counted_as_paid(
    house: BatchHouse,
) -> None:
    house.fill(2)
    house.batch(1)
    house.vendor.end(fate=one_with("number 1", "lost"))
    assert house.batch(1).retried == 1
    [(cost,)] = house.rows("SELECT cost_usd FROM api_calls WHERE status = 'failed'")
    assert cost > 0


def test_a_line_that_comes_twice_counts_once(house: BatchHouse) -> None:
    house.fill(3)
    house.batch(1)
    house.vendor.end(fate=lambda request: "twice")
    run = house.batch(1)
    assert run.collected == 3
    assert house.statuses("api_calls") == {"done": 3}
    assert_every_text_has_its_own_vector(house)


def test_a_download_that_breaks_off_loses_nothing(house: BatchHouse) -> None:
    house.fill(3)
    house.batch()
    house.vendor.end()
    path = FILES + "/file-0001/content"
    with pytest.raises(TransientVendorError, match="broke off") as caught:
        house.batch(transport=Cut(path))
    assert KEY not in repr(caught.getrepr())
    assert (house.vectors(), house.batch().collected) == ({}, 3)


def test_results_that_are_gone_are_asked_for_anew(house: BatchHouse) -> None:
    house.fill(2)
    house.batch()
    house.vendor.end()
    house.vendor.files.pop("file-0001")
    run = house.batch()
    assert (run.collected, run.retried) == (0, 2)


def test_another_model_has_batches_of_its_own_and_each_lands_in_its_space(
    house: BatchHouse,
) -> None:
    house.fill(2)
    house.batch()
    house.embedder.dimensions = 16
    assert house.batch().submitted == 2
    house.vendor.end()
    assert house.batch().collected == 4
    assert house.rows(
        "SELECT dimensions, count(*) FROM embeddings GROUP BY 1 ORDER BY 1"
    ) == [(16, 2), (DIMENSIONS, 2)]


def test_a_text_that_left_the_corpus_meanwhile_does_no_harm(house: BatchHouse) -> None:
    house.fill(2)
    house.batch()
    (house.library / "1.md").unlink()
    house.sync()
    house.vendor.end()
    assert (house.batch().collected, house.batch().submitted) == (2, 0)


# ── asking ────────────────────────────────────────────────────────────────────


def test_nobody_is_asked_where_no_batch_is_open(house: BatchHouse) -> None:
    def no_key() -> Any:
        raise AssertionError("the vendor was asked for")

    assert poll_open_batches(house.warehouse, house.clock, no_key) == (0, 0)


def test_asking_notes_what_has_ended_and_finds_what_a_crash_left(
    house: BatchHouse,
) -> None:
    house.fill(2)
    with pytest.raises(Killed):
        house.batch(transport=Dying("POST", BATCHES, "after"))

    def poll() -> tuple[int, int]:
        return poll_open_batches(house.warehouse, house.clock, house.batcher)

    assert poll() == (1, 0)
    house.vendor.end()
    assert poll() == (0, 1)
    assert text_hash(next(iter(house.vendor.texts()))) not in house.vectors()
    assert house.batch().collected == 2


def test_asking_gives_up_no_intent_that_a_live_run_may_be_sending(
    house: BatchHouse,
) -> None:
    house.fill(2)
    with pytest.raises(Killed):
        house.batch(transport=Dying("POST", FILES, "before"))
    assert poll_open_batches(house.warehouse, house.clock, house.batcher) == (1, 0)
    assert house.statuses("embedding_batches") == {"intended": 1}
