"""Nothing is embedded twice, and what was embedded is kept whatever comes after."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ig_assets.core.corpus.embedding import embed_missing, plan_embedding
from ig_assets.core.costs.ledger import Ledger
from ig_assets.core.ports import EmbeddingAnswer
from ig_assets.errors import BudgetError, MalformedAnswerError, RefusedError
from ig_assets_tests.core.corpus.shelf import RUN, HashedWordsEmbedder, Shelf


def vectors(shelf: Shelf) -> int:
    return int(shelf.rows("SELECT count(*) FROM embeddings")[0][0])


def fill(shelf: Shelf, count: int) -> None:
    for n in range(count):
        shelf.write(f"{n}.md", hook=f"Hook number {n}.")
    shelf.sync()


def test_a_second_run_embeds_nothing_and_changes_no_row(shelf: Shelf) -> None:
    fill(shelf, 5)
    first = shelf.embed()
    assert (first.embedded, first.reused, vectors(shelf)) == (5, 0, 5)
    before = shelf.everything()
    second = shelf.embed()
    assert (second.embedded, second.reused, second.batches) == (0, 5, 0)
    assert shelf.everything() == before
    assert len(shelf.embedder.embedded) == 5


def test_identical_texts_are_embedded_once(shelf: Shelf) -> None:
    for name in ("a.md", "b.md", "c.md"):
        shelf.write(name)
    shelf.sync()
    run = shelf.embed()
    assert (run.embedded, run.reused) == (1, 2)
    assert len(shelf.embedder.embedded) == 1


def test_a_script_that_only_changes_its_metrics_is_not_embedded_again(
    shelf: Shelf,
) -> None:
    shelf.write("a.md", id="a", topic="x")
    shelf.turn()
    block = "{as_of: 2026-01-01, views: 9, likes: 1}"
    shelf.write("a.md", id="a", topic="y", performance=block)
    shelf.turn()
    assert len(shelf.embedder.embedded) == 1


def test_renamed_and_revived_scripts_keep_their_vectors(shelf: Shelf) -> None:
    path = shelf.write("a.md")
    shelf.turn()
    path.rename(shelf.library / "b.md")
    shelf.turn()
    (shelf.library / "b.md").rename(path)
    shelf.turn()
    assert len(shelf.embedder.embedded) == 1


def test_only_changed_words_are_embedded(shelf: Shelf) -> None:
    fill(shelf, 5)
    shelf.embed()
    shelf.write("3.md", hook="Other words.")
    shelf.sync()
    assert shelf.embed().embedded == 1
    assert shelf.embedder.embedded[-1].startswith("Other words.")


def test_another_model_has_its_own_space_beside_the_old_one(shelf: Shelf) -> None:
    fill(shelf, 3)
    shelf.embed()
    shelf.embedder = HashedWordsEmbedder("other-model", 16)
    assert shelf.embed().embedded == 3
    assert vectors(shelf) == 6


def test_batches_hold_at_most_what_was_asked_and_what_the_model_takes(
    shelf: Shelf,
) -> None:
    fill(shelf, 7)
    assert shelf.embed(batch_size=3).batches == shelf.embedder.calls == 3
    fill(shelf, 12)
    shelf.embedder.max_batch = 2
    assert shelf.embed(batch_size=100).batches == 3


def test_every_batch_has_its_ledger_row_and_its_request_key(shelf: Shelf) -> None:
    fill(shelf, 4)
    run = shelf.embed(batch_size=2)
    calls = shelf.rows(
        "SELECT operation, status, input_tokens, request_hash FROM api_calls"
    )
    assert [call[:2] for call in calls] == [("ingest", "done")] * 2
    assert sum(call[2] for call in calls) == run.tokens > 0
    assert len({call[3] for call in calls}) == 2


class RefusesTheThirdCall(HashedWordsEmbedder):
    """Answers two calls and then no more."""

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        if self.calls == 2:
            raise RefusedError("No more.")
        return super().embed(texts)


def test_what_was_embedded_before_a_failure_is_kept(shelf: Shelf) -> None:
    fill(shelf, 10)
    shelf.embedder = RefusesTheThirdCall()
    with pytest.raises(RefusedError):
        shelf.embed(batch_size=2)
    assert vectors(shelf) == 4
    shelf.embedder = HashedWordsEmbedder()
    assert shelf.embed().embedded == len(shelf.embedder.embedded) == 6


class Answers(HashedWordsEmbedder):
    """Answers with the vectors it was given."""

    def __init__(self, rows: np.ndarray) -> None:
        super().__init__()
        self.rows = rows

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        usage = super().embed(texts).usage
        return EmbeddingAnswer(self.rows.astype(np.float32), usage)


@pytest.mark.parametrize(
    "rows",
    [
        np.ones((1, 48)) / np.sqrt(48),
        np.ones((2, 47)) / np.sqrt(47),
        np.full((2, 48), np.nan),
        np.zeros((2, 48)),
    ],
    ids=["one vector missing", "other dimensions", "not finite", "not of length 1"],
)
def test_an_unusable_answer_is_paid_for_but_never_kept(
    shelf: Shelf, rows: np.ndarray
) -> None:
    fill(shelf, 2)
    shelf.embedder = Answers(rows)
    with pytest.raises(MalformedAnswerError, match="nothing of the batch was kept"):
        shelf.embed()
    assert vectors(shelf) == 0
    [(status, tokens)] = shelf.rows("SELECT status, input_tokens FROM api_calls")
    assert status == "failed" and tokens > 0


def test_the_plan_says_what_the_run_would_send_and_sends_nothing(shelf: Shelf) -> None:
    fill(shelf, 5)
    before = shelf.everything()
    plan = plan_embedding(shelf.warehouse, shelf.embedder, batch_size=2)
    assert shelf.everything() == before and shelf.embedder.calls == 0
    run = shelf.embed(batch_size=2)
    assert (plan.texts, plan.batches, plan.tokens, plan.cost_usd) == (
        run.embedded,
        run.batches,
        run.tokens,
        run.cost_usd,
    )


def test_a_budget_stops_the_run_before_the_batch_that_is_too_much(shelf: Shelf) -> None:
    fill(shelf, 4)
    shelf.embedder = HashedWordsEmbedder("text-embedding-3-small")
    shelf.embedder.provider = "openai"
    cost = plan_embedding(shelf.warehouse, shelf.embedder).cost_usd
    assert cost is not None and cost > 0
    ledger = Ledger(shelf.warehouse, shelf.clock, budget_usd=cost * 0.6)
    with pytest.raises(BudgetError):
        embed_missing(shelf.warehouse, ledger, shelf.embedder, shelf.clock, RUN, 2)
    assert vectors(shelf) == 2
