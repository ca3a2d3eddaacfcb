"""Nothing is embedded twice, and what was embedded is kept whatever comes after."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from ig_assets.core.corpus.embedding.embed import (
    embed_texts,
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


def vectors(corpus: CorpusFactory) -> int:
    return int(corpus.rows("SELECT count(*) FROM embeddings")[0][0])


def fill(corpus: CorpusFactory, count: int) -> None:
    for n in range(count):
        corpus.write(f"{n}.md", hook=f"Hook number {n}.")
    corpus.sync()


def test_a_second_run_embeds_nothing_and_changes_no_row(corpus: CorpusFactory) -> None:
    fill(corpus, 5)
    first = corpus.embed()
    assert (first.embedded, first.reused, vectors(corpus)) == (5, 0, 5)
    before = corpus.everything()
    second = corpus.embed()
    assert (second.embedded, second.reused, second.batches) == (0, 5, 0)
    assert corpus.everything() == before
    assert len(corpus.embedder.embedded) == 5


def test_only_active_scripts_are_embedded_where_a_retired_one_has_no_vector(
    corpus: CorpusFactory,
) -> None:
    gone = corpus.write("gone.md", hook="Gone.")
    corpus.write("a.md")
    corpus.sync()
    gone.unlink()
    corpus.sync()
    assert (corpus.embed().embedded, vectors(corpus)) == (1, 1)
    again = corpus.embed()
    assert (again.embedded, again.reused, vectors(corpus)) == (0, 1, 1)


def test_identical_texts_are_embedded_once(corpus: CorpusFactory) -> None:
    for name in ("a.md", "b.md", "c.md"):
        corpus.write(name)
    corpus.sync()
    run = corpus.embed()
    assert (run.embedded, run.reused) == (1, 2)
    assert len(corpus.embedder.embedded) == 1


def test_a_script_that_only_changes_its_metrics_is_not_embedded_again(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md", id="a", topic="x")
    corpus.materialise()
    block = "{as_of: 2026-01-01, views: 9, likes: 1}"
    corpus.write("a.md", id="a", topic="y", performance=block)
    corpus.materialise()
    assert len(corpus.embedder.embedded) == 1


def test_renamed_and_revived_scripts_keep_their_vectors(corpus: CorpusFactory) -> None:
    path = corpus.write("a.md")
    corpus.materialise()
    path.rename(corpus.library / "b.md")
    corpus.materialise()
    (corpus.library / "b.md").rename(path)
    corpus.materialise()
    assert len(corpus.embedder.embedded) == 1


def test_only_changed_words_are_embedded(corpus: CorpusFactory) -> None:
    fill(corpus, 5)
    corpus.embed()
    corpus.write("3.md", hook="Other words.")
    corpus.sync()
    assert corpus.embed().embedded == 1
    assert corpus.embedder.embedded[-1].startswith("Other words.")


def test_another_model_has_its_own_space_beside_the_old_one(
    corpus: CorpusFactory,
) -> None:
    fill(corpus, 3)
    corpus.embed()
    corpus.embedder = HashedWordsEmbedder("other-model", 16)
    assert corpus.embed().embedded == 3
    assert vectors(corpus) == 6


def test_batches_hold_at_most_what_was_asked_and_what_the_model_takes(
    corpus: CorpusFactory,
) -> None:
    fill(corpus, 7)
    assert corpus.embed(batch_size=3).batches == corpus.embedder.calls == 3
    fill(corpus, 12)
    corpus.embedder.max_batch = 2
    assert corpus.embed(batch_size=100).batches == 3


def test_every_batch_has_its_ledger_row_and_its_request_key(
    corpus: CorpusFactory,
) -> None:
    fill(corpus, 4)
    run = corpus.embed(batch_size=2)
    calls = corpus.rows(
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


def test_what_was_embedded_before_a_failure_is_kept(corpus: CorpusFactory) -> None:
    fill(corpus, 10)
    corpus.embedder = RefusesTheThirdCall()
    with pytest.raises(RefusedError):
        corpus.embed(batch_size=2)
    assert vectors(corpus) == 4
    corpus.embedder = HashedWordsEmbedder()
    assert corpus.embed().embedded == len(corpus.embedder.embedded) == 6


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
    corpus: CorpusFactory, rows: np.ndarray
) -> None:
    fill(corpus, 2)
    corpus.embedder = Answers(rows)
    with pytest.raises(MalformedAnswerError, match="nothing of the batch was kept"):
        corpus.embed()
    assert vectors(corpus) == 0
    [(status, tokens)] = corpus.rows("SELECT status, input_tokens FROM api_calls")
    assert status == "failed" and tokens > 0


def test_the_plan_says_what_the_run_would_send_and_sends_nothing(
    corpus: CorpusFactory,
) -> None:
    fill(corpus, 5)
    before = corpus.everything()
    plan = corpus.plan(batch_size=2)
    assert corpus.everything() == before and corpus.embedder.calls == 0
    run = corpus.embed(batch_size=2)
    assert (plan.texts, plan.chunked, plan.batches, plan.tokens, plan.cost_usd) == (
        run.embedded,
        run.chunked,
        run.batches,
        run.tokens,
        run.cost_usd,
    )


def test_a_budget_stops_the_run_before_the_batch_that_is_too_much(
    corpus: CorpusFactory,
) -> None:
    fill(corpus, 4)
    corpus.embedder = HashedWordsEmbedder("text-embedding-3-small")
    corpus.embedder.provider = "openai"
    cost = corpus.plan().cost_usd
    assert cost is not None and cost > 0
    ledger = Ledger(
        corpus.warehouse, corpus.clock, budgets=[Budget("ever", "usd", cost * 0.6)]
    )
    with pytest.raises(BudgetError):
        embed_missing(corpus.warehouse, ledger, corpus.embedder, corpus.clock, RUN, 2)
    assert vectors(corpus) == 2


WINDOW = 40  # words, of which a script of `fill` has fewer


def story(sentences: int, about: str = "pan") -> str:
    return " ".join(f"Then the {about} number {n} gets hot." for n in range(sentences))


def with_window(corpus: CorpusFactory) -> CorpusFactory:
    corpus.embedder.max_input_tokens = WINDOW
    return corpus


def stored(corpus: CorpusFactory) -> dict[str, np.ndarray]:
    rows = corpus.rows("SELECT content_hash, vector FROM embeddings")
    return {content_hash: np.asarray(vector) for content_hash, vector in rows}


def test_a_text_longer_than_the_window_is_split_and_its_vector_pooled(
    corpus: CorpusFactory,
) -> None:
    fill(with_window(corpus), 2)
    corpus.write("long.md", hook="Long.", body=story(20))
    corpus.sync()
    run = corpus.embed(batch_size=2)
    assert (run.embedded, run.chunked) == (3, 1)
    sent = corpus.embedder.embedded
    assert max(map(corpus.embedder.count_tokens, sent)) <= WINDOW
    [text] = [r["text"] for r in corpus.active().values() if "Long." in r["text"]]
    chunks = [part for part in sent if part in text]
    assert len(chunks) > 2 and " ".join(chunks).split() == text.split()
    vectors = stored(corpus)
    mean = sum(
        corpus.embedder.count_tokens(part) * vectors[text_hash(part)] for part in chunks
    )
    pooled = vectors[text_hash(text)]
    np.testing.assert_allclose(pooled, mean / np.linalg.norm(mean), atol=1e-6)
    assert len(vectors) == len(sent) + 1, "every chunk has its own vector"
    assert corpus.embed().embedded == 0


def test_of_a_long_text_only_the_chunks_that_changed_are_embedded(
    corpus: CorpusFactory,
) -> None:
    body = story(30)
    with_window(corpus).write("long.md", body=body)
    corpus.materialise()
    first = len(corpus.embedder.embedded)
    corpus.write("long.md", body=body.replace("number 28", "number X"))
    corpus.sync()
    run = corpus.embed()
    assert (run.embedded, run.chunked) == (1, 1)
    assert len(corpus.embedder.embedded) - first == 1 < first


def test_a_chunk_that_several_texts_share_is_sent_once(corpus: CorpusFactory) -> None:
    for name in ("a", "b"):
        with_window(corpus).write(f"{name}.md", body=story(30) + f" The end of {name}.")
    corpus.sync()
    run = corpus.embed(batch_size=1)
    sent = corpus.embedder.embedded
    assert run.chunked == 2 and len(sent) == len(set(sent)) == run.batches


def test_chunks_that_were_paid_for_survive_a_failure_before_the_text_has_its_vector(
    corpus: CorpusFactory,
) -> None:
    with_window(corpus).write("long.md", body=story(30))
    corpus.sync()
    corpus.embedder = RefusesTheThirdCall()
    with_window(corpus)
    with pytest.raises(RefusedError):
        corpus.embed(batch_size=1)
    assert vectors(corpus) == 2
    planned = corpus.plan(batch_size=1)
    corpus.embedder = HashedWordsEmbedder()
    run = with_window(corpus).embed(batch_size=1)
    assert run.batches == planned.batches == len(corpus.embedder.embedded)
    assert run.tokens == planned.tokens
    assert vectors(corpus) == 2 + run.batches + 1


def test_no_request_has_more_tokens_than_the_model_takes(corpus: CorpusFactory) -> None:
    fill(corpus, 10)
    most = 2 * corpus.embedder.count_tokens(
        next(iter(corpus.active().values()))["text"]
    )
    corpus.embedder.max_request_tokens = most
    run = corpus.embed()
    tokens = [row[0] for row in corpus.rows("SELECT input_tokens FROM api_calls")]
    assert run.batches == len(tokens) == 5 and max(tokens) <= most


def test_a_query_longer_than_the_window_is_pooled_like_a_script(
    corpus: CorpusFactory,
) -> None:
    query = story(12)
    with_window(corpus)
    usage = embed_texts(
        corpus.ledger,
        corpus.embedder,
        corpus.clock,
        RUN,
        "query",
        {text_hash(query): query},
    )
    assert text_hash(query) in stored(corpus) and corpus.embedder.calls == 1
    assert usage.input_tokens == sum(
        map(corpus.embedder.count_tokens, corpus.embedder.embedded)
    )


def test_a_plan_in_an_open_transaction_sees_what_will_be_rolled_back(
    corpus: CorpusFactory,
) -> None:
    fill(corpus, 2)

    class Undo(Exception):
        pass

    with pytest.raises(Undo), corpus.warehouse.transaction() as con:
        merge_rows(
            con,
            "scripts",
            [{"script_id": "new", "revision_hash": "h", "text": story(20)}],
        )
        status = {"script_id": "new", "revision_hash": "h", "status": "active"}
        merge_rows(con, "script_status", [status | {"changed_at": corpus.clock.now()}])
        plan = plan_embedding(con, with_window(corpus).embedder)
        raise Undo
    assert (plan.texts, plan.chunked) == (3, 1)
    assert corpus.plan().texts == 2


class Together(HashedWordsEmbedder):
    """Answers only when so many requests are there at once."""

    def __init__(self, together: int) -> None:
        super().__init__()
        self._meeting = threading.Barrier(together)

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        self._meeting.wait(20)
        return super().embed(texts)


def test_requests_in_flight_give_the_rows_of_one_by_one(corpus: CorpusFactory) -> None:
    fill(corpus, 12)
    corpus.embedder = Together(4)
    run = corpus.embed(batch_size=1, max_in_flight=4)
    assert (run.embedded, run.batches) == (12, 12)
    side_by_side = stored(corpus)
    corpus.rows("DELETE FROM embeddings")
    corpus.embedder = HashedWordsEmbedder()
    corpus.embed(batch_size=5)
    one_by_one = stored(corpus)
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
    corpus: CorpusFactory, failure: Exception
) -> None:
    fill(corpus, 12)
    corpus.embedder = FailsOne(failure)
    with pytest.raises(type(failure)):
        corpus.embed(batch_size=1, max_in_flight=3)
    statuses = [status for (status,) in corpus.rows("SELECT status FROM api_calls")]
    assert sorted(statuses) == ["done", "done", "failed"]
    assert vectors(corpus) == 2


def test_requests_in_flight_never_exceed_the_budget(corpus: CorpusFactory) -> None:
    fill(corpus, 12)
    corpus.embedder = HashedWordsEmbedder("text-embedding-3-small")
    corpus.embedder.provider = "openai"
    cost = corpus.plan().cost_usd
    assert cost is not None
    ledger = Ledger(
        corpus.warehouse, corpus.clock, budgets=[Budget("ever", "usd", cost * 5.5 / 12)]
    )
    with pytest.raises(BudgetError):
        embed_missing(
            corpus.warehouse, ledger, corpus.embedder, corpus.clock, RUN, 1, 8
        )
    assert vectors(corpus) == corpus.embedder.calls == 5
