"""What is not answered, refused or answered wrongly is sent again or rejected."""

from __future__ import annotations

import pytest

from ig_assets.errors import AccessError, TransientVendorError
from ig_assets_tests.core.corpus.embedding.batch_api.batch_factory import (
    KEY,
    BatchFactory,
    Cut,
)
from ig_assets_tests.core.corpus.embedding.batch_api.batch_results import (
    assert_every_text_has_its_own_vector,
    finish,
    one_with,
)
from ig_assets_tests.stand_ins.openai_batches import BATCHES, FILES

# ── killed ────────────────────────────────────────────────────────────────────


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
