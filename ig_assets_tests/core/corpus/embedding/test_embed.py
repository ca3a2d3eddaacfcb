"""Nothing is embedded twice, and what was embedded is kept whatever comes after."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from ig_assets.core.corpus.embedding.embed import (
    embed_batch,
    embed_missing,
    plan_embedding,
)
from ig_assets.core.costs.budget import Budget
from ig_assets.core.costs.ledger.ledger import Ledger
from ig_assets.core.identity import text_hash
from ig_assets.core.ports import EmbeddingAnswer
from ig_assets.errors import (
    AccessError,
    BudgetError,
    MalformedAnswerError,
    RefusedError,
)
from ig_assets.warehouse.rows import merge_rows
from ig_assets_tests.core.corpus.corpus_factory import (
    RUN,
    CorpusFactory,
    HashedWordsEmbedder,
)


def vectors(shelf: CorpusFactory) -> int:
    return int(shelf.rows("SELECT count(*) FROM embeddings")[0][0])


def fill(shelf: CorpusFactory, count: int) -> None:
    for n in range(count):
        shelf.write(f"{n}.md", hook=f"Hook number {n}.")
    shelf.sync()


def test_a_second_run_embeds_nothing_and_changes_no_row(shelf: CorpusFactory) -> None:
    fill(shelf, 5)
    first = shelf.embed()
    assert (first.embedded, first.reused, vectors(shelf)) == (5, 0, 5)
    before = shelf.everything()
    second = shelf.embed()
    assert (second.embedded, second.reused, second.batches) == (0, 5, 0)
    assert shelf.everything() == before
    assert len(shelf.embedder.embedded) == 5


def test_identical_texts_are_embedded_once(shelf: CorpusFactory) -> None:
    for name in ("a.md", "b.md", "c.md"):
        shelf.write(name)
    shelf.sync()
    run = shelf.embed()
    assert (run.embedded, run.reused) == (1, 2)
    assert len(shelf.embedder.embedded) == 1


def test_a_script_that_only_changes_its_metrics_is_not_embedded_again(
    shelf: CorpusFactory,
) -> None:
    shelf.write("a.md", id="a", topic="x")
    shelf.turn()
    block = "{as_of: 2026-01-01, views: 9, likes: 1}"
    shelf.write("a.md", id="a", topic="y", performance=block)
    shelf.turn()
    assert len(shelf.embedder.embedded) == 1


def test_renamed_and_revived_scripts_keep_their_vectors(shelf: CorpusFactory) -> None:
    path = shelf.write("a.md")
    shelf.turn()
    path.rename(shelf.library / "b.md")
    shelf.turn()
    (shelf.library / "b.md").rename(path)
    shelf.turn()
    assert len(shelf.embedder.embedded) == 1


def test_only_changed_words_are_embedded(shelf: CorpusFactory) -> None:
    fill(shelf, 5)
    shelf.embed()
    shelf.write("3.md", hook="Other words.")
    shelf.sync()
    assert shelf.embed().embedded == 1
    assert shelf.embedder.embedded[-1].startswith("Other words.")


def test_another_model_has_its_own_space_beside_the_old_one(
    shelf: CorpusFactory,
) -> None:
    fill(shelf, 3)
    shelf.embed()
    shelf.embedder = HashedWordsEmbedder("other-model", 16)
    assert shelf.embed().embedded == 3
    assert vectors(shelf) == 6


def test_batches_hold_at_most_what_was_asked_and_what_the_model_takes(
    shelf: CorpusFactory,
) -> None:
    fill(shelf, 7)
    assert shelf.embed(batch_size=3).batches == shelf.embedder.calls == 3
    fill(shelf, 12)
    shelf.embedder.max_batch = 2
    assert shelf.embed(batch_size=100).batches == 3


def test_every_batch_has_its_ledger_row_and_its_request_key(
    shelf: CorpusFactory,
) -> None:
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


def test_what_was_embedded_before_a_failure_is_kept(shelf: CorpusFactory) -> None:
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
    shelf: CorpusFactory, rows: np.ndarray
) -> None:
    fill(shelf, 2)
    shelf.embedder = Answers(rows)
    with pytest.raises(MalformedAnswerError, match="nothing of the batch was kept"):
        shelf.embed()
    assert vectors(shelf) == 0
    [(status, tokens)] = shelf.rows("SELECT status, input_tokens FROM api_calls")
    assert status == "failed" and tokens > 0


def test_the_plan_says_what_the_run_would_send_and_sends_nothing(
    shelf: CorpusFactory,
) -> None:
    fill(shelf, 5)
    before = shelf.everything()
    plan = plan_embedding(shelf.warehouse, shelf.embedder, batch_size=2)
    assert shelf.everything() == before and shelf.embedder.calls == 0
    run = shelf.embed(batch_size=2)
    assert (plan.texts, plan.chunked, plan.batches, plan.tokens, plan.cost_usd) == (
        run.embedded,
        run.chunked,
        run.batches,
        run.tokens,
        run.cost_usd,
    )


def test_a_budget_stops_the_run_before_the_batch_that_is_too_much(
    shelf: CorpusFactory,
) -> None:
    fill(shelf, 4)
    shelf.embedder = HashedWordsEmbedder("text-embedding-3-small")
    shelf.embedder.provider = "openai"
    cost = plan_embedding(shelf.warehouse, shelf.embedder).cost_usd
    assert cost is not None and cost > 0
    ledger = Ledger(
        shelf.warehouse, shelf.clock, budgets=[Budget("ever", "usd", cost * 0.6)]
    )
    with pytest.raises(BudgetError):
        embed_missing(shelf.warehouse, ledger, shelf.embedder, shelf.clock, RUN, 2)
    assert vectors(shelf) == 2


WINDOW = 40  # words, of which a script of `fill` has fewer


def story(sentences: int, about: str = "pan") -> str:
    return " ".join(f"Then the {about} number {n} gets hot." for n in range(sentences))


def with_window(shelf: CorpusFactory) -> CorpusFactory:
    shelf.embedder.max_input_tokens = WINDOW
    return shelf


def stored(shelf: CorpusFactory) -> dict[str, np.ndarray]:
    rows = shelf.rows("SELECT content_hash, vector FROM embeddings")
    return {content_hash: np.asarray(vector) for content_hash, vector in rows}


def test_a_text_longer_than_the_window_is_split_and_its_vector_pooled(
    shelf: CorpusFactory,
) -> None:
    fill(with_window(shelf), 2)
    shelf.write("long.md", hook="Long.", body=story(20))
    shelf.sync()
    run = shelf.embed(batch_size=2)
    assert (run.embedded, run.chunked) == (3, 1)
    sent = shelf.embedder.embedded
    assert max(map(shelf.embedder.count_tokens, sent)) <= WINDOW
    [text] = [r["text"] for r in shelf.active().values() if "Long." in r["text"]]
    chunks = [part for part in sent if part in text]
    assert len(chunks) > 2 and " ".join(chunks).split() == text.split()
    vectors = stored(shelf)
    mean = sum(
        shelf.embedder.count_tokens(part) * vectors[text_hash(part)] for part in chunks
    )
    pooled = vectors[text_hash(text)]
    np.testing.assert_allclose(pooled, mean / np.linalg.norm(mean), atol=1e-6)
    assert len(vectors) == len(sent) + 1, "every chunk has its own vector"
    assert shelf.embed().embedded == 0


def test_of_a_long_text_only_the_chunks_that_changed_are_embedded(
    shelf: CorpusFactory,
) -> None:
    body = story(30)
    with_window(shelf).write("long.md", body=body)
    shelf.turn()
    first = len(shelf.embedder.embedded)
    shelf.write("long.md", body=body.replace("number 28", "number X"))
    shelf.sync()
    run = shelf.embed()
    assert (run.embedded, run.chunked) == (1, 1)
    assert len(shelf.embedder.embedded) - first == 1 < first


def test_a_chunk_that_several_texts_share_is_sent_once(shelf: CorpusFactory) -> None:
    for name in ("a", "b"):
        with_window(shelf).write(f"{name}.md", body=story(30) + f" The end of {name}.")
    shelf.sync()
    run = shelf.embed(batch_size=1)
    sent = shelf.embedder.embedded
    assert run.chunked == 2 and len(sent) == len(set(sent)) == run.batches


def test_chunks_that_were_paid_for_survive_a_failure_before_the_text_has_its_vector(
    shelf: CorpusFactory,
) -> None:
    with_window(shelf).write("long.md", body=story(30))
    shelf.sync()
    shelf.embedder = RefusesTheThirdCall()
    with_window(shelf)
    with pytest.raises(RefusedError):
        shelf.embed(batch_size=1)
    assert vectors(shelf) == 2
    planned = plan_embedding(shelf.warehouse, shelf.embedder, batch_size=1)
    shelf.embedder = HashedWordsEmbedder()
    run = with_window(shelf).embed(batch_size=1)
    assert run.batches == planned.batches == len(shelf.embedder.embedded)
    assert run.tokens == planned.tokens
    assert vectors(shelf) == 2 + run.batches + 1


def test_no_request_has_more_tokens_than_the_model_takes(shelf: CorpusFactory) -> None:
    fill(shelf, 10)
    most = 2 * shelf.embedder.count_tokens(next(iter(shelf.active().values()))["text"])
    shelf.embedder.max_request_tokens = most
    run = shelf.embed()
    tokens = [row[0] for row in shelf.rows("SELECT input_tokens FROM api_calls")]
    assert run.batches == len(tokens) == 5 and max(tokens) <= most


def test_a_query_longer_than_the_window_is_pooled_like_a_script(
    shelf: CorpusFactory,
) -> None:
    query = story(12)
    with_window(shelf)
    usage = embed_batch(
        shelf.ledger,
        shelf.embedder,
        shelf.clock,
        RUN,
        "query",
        {text_hash(query): query},
    )
    assert text_hash(query) in stored(shelf) and shelf.embedder.calls == 1
    assert usage.input_tokens == sum(
        map(shelf.embedder.count_tokens, shelf.embedder.embedded)
    )


def test_a_plan_in_an_open_transaction_sees_what_will_be_rolled_back(
    shelf: CorpusFactory,
) -> None:
    fill(shelf, 2)

    class Undo(Exception):
        pass

    with pytest.raises(Undo), shelf.warehouse.transaction() as con:
        merge_rows(
            con,
            "scripts",
            [{"script_id": "new", "revision_hash": "h", "text": story(20)}],
        )
        status = {"script_id": "new", "revision_hash": "h", "status": "active"}
        merge_rows(con, "script_status", [status | {"changed_at": shelf.clock.now()}])
        plan = plan_embedding(con, with_window(shelf).embedder)
        raise Undo
    assert (plan.texts, plan.chunked) == (3, 1)
    assert plan_embedding(shelf.warehouse, shelf.embedder).texts == 2


class Together(HashedWordsEmbedder):
    """Answers only when so many requests are there at once."""

    def __init__(self, together: int) -> None:
        super().__init__()
        self._meeting = threading.Barrier(together)

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        self._meeting.wait(20)
        return super().embed(texts)


def test_requests_in_flight_give_the_rows_of_one_by_one(shelf: CorpusFactory) -> None:
    fill(shelf, 12)
    shelf.embedder = Together(4)
    run = shelf.embed(batch_size=1, max_in_flight=4)
    assert (run.embedded, run.batches) == (12, 12)
    side_by_side = stored(shelf)
    shelf.rows("DELETE FROM embeddings")
    shelf.embedder = HashedWordsEmbedder()
    shelf.embed(batch_size=5)
    one_by_one = stored(shelf)
    assert side_by_side.keys() == one_by_one.keys()
    for content_hash, vector in one_by_one.items():
        assert np.array_equal(side_by_side[content_hash], vector)


class FailsOne(HashedWordsEmbedder):
    """Of the requests in flight the first fails, the others answer after it."""

    def __init__(self, failure: Exception) -> None:
        super().__init__()
        self._failure = failure
        self._failed = threading.Event()
        self._all_there = threading.Barrier(3)
        self._first = threading.Lock()

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        self._all_there.wait(20)
        if self._first.acquire(blocking=False):
            self._failed.set()
            raise self._failure
        assert self._failed.wait(20)
        return super().embed(texts)


@pytest.mark.parametrize("failure", [RefusedError("no"), AccessError("no key")])
def test_after_a_failure_those_in_flight_are_kept_and_no_other_is_sent(
    shelf: CorpusFactory, failure: Exception
) -> None:
    fill(shelf, 12)
    shelf.embedder = FailsOne(failure)
    with pytest.raises(type(failure)):
        shelf.embed(batch_size=1, max_in_flight=3)
    statuses = [status for (status,) in shelf.rows("SELECT status FROM api_calls")]
    assert sorted(statuses) == ["done", "done", "failed"]
    assert vectors(shelf) == 2


def test_requests_in_flight_never_exceed_the_budget(shelf: CorpusFactory) -> None:
    fill(shelf, 12)
    shelf.embedder = HashedWordsEmbedder("text-embedding-3-small")
    shelf.embedder.provider = "openai"
    cost = plan_embedding(shelf.warehouse, shelf.embedder).cost_usd
    assert cost is not None
    ledger = Ledger(
        shelf.warehouse, shelf.clock, budgets=[Budget("ever", "usd", cost * 5.5 / 12)]
    )
    with pytest.raises(BudgetError):
        embed_missing(shelf.warehouse, ledger, shelf.embedder, shelf.clock, RUN, 1, 8)
    assert vectors(shelf) == shelf.embedder.calls == 5
