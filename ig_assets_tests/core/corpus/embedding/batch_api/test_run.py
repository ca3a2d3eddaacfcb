"""Texts go to the Batch API once, and come back by their line, whatever happens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ig_assets.core.corpus.embedding.batch_api.run import poll_open_batches
from ig_assets.core.corpus.index.sync import audit_index
from ig_assets.core.costs.prices import call_cost_usd
from ig_assets.core.ports import TokenUsage
from ig_assets.errors import BudgetError
from ig_assets_tests.core.corpus.embedding.batch_api.batch_factory import (
    DIMENSIONS,
    KEY,
    MODEL,
    BatchFactory,
)
from ig_assets_tests.core.corpus.embedding.batch_api.batch_results import (
    assert_every_text_has_its_own_vector,
    one_with,
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


# ── lines that go wrong ───────────────────────────────────────────────────────


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
