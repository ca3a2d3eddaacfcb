"""Retrieval is near, weighted by evidence, diverse, and paid for once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from ig_assets.core.corpus.search.rerank import weight_of
from ig_assets.core.ports import Embedder, Filters
from ig_assets.errors import IndexLostError, InputError, SettingsError
from ig_assets_tests.core.corpus.corpus_factory import (
    RUN,
    CorpusFactory,
    HashedWordsEmbedder,
)

BASIL = "Basil in the kitchen window."


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> CorpusFactory:
    """Scripts: near and far ones, two languages, a copy, and two that won."""
    corpus = CorpusFactory(tmp_path_factory.mktemp("stock"))
    corpus.write("basil.md", hook=BASIL, language="en", topic="basil")
    corpus.write("copy.md", hook=BASIL, language="en", topic="basil")
    corpus.write("basil-won.md", hook="Basil in the kitchen pot.", language="en")
    corpus.write("basilikum.md", hook="Basil in der Küche.", language="de")
    for n in range(20):
        corpus.write(f"far-{n}.md", hook=f"Bicycle chain {n}.", language="en")
    corpus.add_variant("v1", "Basil in the kitchen garden.\n\nIt won.")
    corpus.sync()
    corpus.decide("e0", "provisional", 0.4, winner_script_id="library/basil-won")
    corpus.decide("e1", "winner", 0.1, winner_variant_id="v1")
    corpus.materialise()
    corpus.warehouse.close()
    return corpus


@pytest.fixture
def stocked(stock: CorpusFactory, tmp_path: Path) -> Iterator[CorpusFactory]:
    """A copy of the stock, to be changed."""
    yield from stock.lent(tmp_path)


@pytest.fixture(scope="module")
def rated_once(
    stock: CorpusFactory, tmp_path_factory: pytest.TempPathFactory
) -> CorpusFactory:
    """The stock two months later, with one script that has a rate."""
    corpus = stock.copied(tmp_path_factory.mktemp("rated") / "copy")
    corpus.clock.step(days=60)
    block = "{as_of: 2026-03-05, views: 100, likes: 7}"
    corpus.write("rated.md", hook="Basil with a rate.", performance=block)
    corpus.materialise()
    corpus.warehouse.close()
    return corpus


@pytest.fixture
def rated(rated_once: CorpusFactory, tmp_path: Path) -> Iterator[CorpusFactory]:
    """A copy of the rated stock, to be changed."""
    yield from rated_once.lent(tmp_path)


def test_the_nearest_comes_first_with_all_that_a_prompt_needs(
    stocked: CorpusFactory,
) -> None:
    words = f"{BASIL} Some words about it. Save this."
    found = stocked.retrieve(words, 4, include_winners=False)
    assert [script.rank for script in found] == [1, 2, 3, 4]
    window = found[0]
    assert window.script_id == "library/basil"
    assert window.similarity == pytest.approx(1.0, abs=1e-5)
    assert (window.topic, window.language, window.origin) == ("basil", "en", "library")
    assert window.call_to_action == "Save this."
    assert window.text.startswith(BASIL)
    assert (window.is_winner, window.shrunken_lift, window.experiment) == (
        False,
        None,
        None,
    )
    assert window.weight == window.relevance


def test_evidence_moves_the_weight_within_its_bounds(stocked: CorpusFactory) -> None:
    found = {s.script_id: s for s in stocked.retrieve("basil kitchen", 10)}
    provisional, winner = found["library/basil-won"], found["winner/v1"]
    assert provisional.weight == pytest.approx(provisional.relevance * 1.4)
    assert winner.weight == pytest.approx(winner.relevance * 1.1)
    assert (provisional.experiment, winner.experiment) == ("e0", "e1")
    assert weight_of(0.5, 9.0) == pytest.approx(0.75)
    assert weight_of(0.5, -9.0) == pytest.approx(0.35)
    assert weight_of(0.5, None) == 0.5


def test_the_control_arm_sees_no_winner_of_any_kind(stocked: CorpusFactory) -> None:
    everything = stocked.retrieve("basil kitchen", 50)
    assert {s.script_id for s in everything if s.is_winner} == {
        "library/basil-won",
        "winner/v1",
    }
    control = stocked.retrieve("basil kitchen", 50, include_winners=False)
    assert not [s for s in control if s.is_winner or s.origin == "winner"]
    assert len(control) == len(everything) - 2


def test_a_copy_of_words_that_won_is_no_loophole_for_the_control_arm(
    stocked: CorpusFactory,
) -> None:
    stocked.write("again.md", hook="Basil in the kitchen pot.", language="en")
    stocked.materialise()
    control = stocked.retrieve("basil kitchen", 50, include_winners=False)
    assert "library/again" not in [s.script_id for s in control]


def test_one_text_is_retrieved_once_however_many_scripts_have_it(
    stocked: CorpusFactory,
) -> None:
    found = stocked.retrieve("basil kitchen", 50)
    assert len({s.revision_hash for s in found}) == len(found) > 1
    assert [s.script_id for s in found if s.hook == BASIL] == ["library/basil"]


def test_filters_hold_even_when_what_they_want_is_far(stocked: CorpusFactory) -> None:
    german_only = Filters(language="de")
    [german] = stocked.retrieve(
        "bicycle chain", 1, filters=german_only, least_relevance=-1.0
    )
    assert german.script_id == "library/basilikum"
    found = stocked.retrieve("basil kitchen", 50, exclude_script_ids=["winner/v1"])
    assert "winner/v1" not in [s.script_id for s in found]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(origin="winner"), {"winner/v1"}),
        (Filters(language="de"), {"library/basilikum"}),
        (Filters(min_rate=0.05), {"library/rated"}),
        (Filters(month="2026-03"), {"library/rated"}),
        (Filters(language="de", origin="winner"), set()),
    ],
)
def test_every_filter_holds_in_the_store_and_in_the_last_word(
    rated: CorpusFactory, filters: Filters, found: set[str]
) -> None:
    hits = rated.retrieve("basil kitchen", 50, filters=filters, least_relevance=-1.0)
    assert {s.script_id for s in hits} == found
    rated.index.update_metadata(  # a store that lags behind
        rated.namespace,
        {"library/basil": {"origin": "winner", "month": "2026-03", "rate": 0.9}},
    )
    hits = rated.retrieve("basil kitchen", 50, filters=filters, least_relevance=-1.0)
    assert {s.script_id for s in hits} == found


def test_an_old_space_whose_model_is_gone_gives_way_with_one_sentence(
    stocked: CorpusFactory, caplog: pytest.LogCaptureFixture
) -> None:
    stocked.embedder = HashedWordsEmbedder("other-model", 16)
    stocked.embed()
    stocked.write("late.md", hook="Not yet embedded.")
    stocked.sync(), stocked.sync_index()

    def no_key(model: str, dimensions: int) -> Embedder:
        raise SettingsError(f"{model} needs a key.")

    found = stocked.retrieve("basil kitchen", 1, embedder_of=no_key)
    assert found == stocked.retrieve("basil kitchen", 1) != []
    warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert warnings[0].endswith("hashed-words needs a key.")
    assert "other-model" in stocked.rows("SELECT model FROM api_calls")[-1]


def test_what_is_retired_is_not_retrieved_even_before_the_index_follows(
    stocked: CorpusFactory,
) -> None:
    (stocked.library / "basil-won.md").unlink()
    stocked.sync()
    found = stocked.retrieve("basil kitchen", 50)
    assert "library/basil-won" not in [s.script_id for s in found]


def test_a_query_is_embedded_once_and_then_cached(stocked: CorpusFactory) -> None:
    before = len(stocked.embedder.embedded)
    first = stocked.retrieve("keeping basil fresh", 3)
    assert stocked.retrieve("keeping basil fresh \r\n", 3) == first
    new = stocked.embedder.embedded[before:]
    assert new == ["keeping basil fresh", "basil", "herbs"]
    assert stocked.rows(
        "SELECT status, count(*) FROM api_calls WHERE operation = 'query' "
        "GROUP BY status"
    ) == [("done", 2)]


def test_topics_are_embedded_only_where_that_is_free(stocked: CorpusFactory) -> None:
    free = stocked.retrieve("keeping basil fresh", 3, nearest=True)
    with_topic = {script.topic for script in free if script.topic_similarity}
    assert with_topic == {script.topic for script in free if script.topic} != set()
    stocked.embedder.provider = "openai"
    before = len(stocked.embedder.embedded)
    paid = stocked.retrieve(
        "keeping basil fresh", 3, nearest=True, least_relevance=-1.0
    )
    assert [script.topic_similarity for script in paid] == [None, None, None]
    assert len(stocked.embedder.embedded) == before


def test_several_queries_share_one_call_and_answer_as_alone(
    stocked: CorpusFactory,
) -> None:
    queries = ["basil kitchen", "bicycle chain", "basil kitchen"]
    calls = stocked.embedder.calls
    found = stocked.retriever().search(RUN, queries, 2)
    assert stocked.embedder.calls == calls + 2  # the queries, then the topics
    assert [f.scripts for f in found] == [stocked.retrieve(q, 2) for q in queries]


def test_an_empty_index_answers_nothing_and_an_empty_query_is_refused(
    corpus: CorpusFactory,
) -> None:
    assert corpus.retrieve("anything") == []
    with pytest.raises(InputError, match="the query is empty"):
        corpus.retrieve(" \n")


def test_a_lost_index_is_not_an_empty_answer(stocked: CorpusFactory) -> None:
    nothing = Filters(language="fr")
    assert stocked.retrieve("basil", filters=nothing) == []
    stocked.index.delete(stocked.namespace, list(stocked.active()))
    for filters in (Filters(), nothing):
        with pytest.raises(IndexLostError, match="none of its 25 vectors; run"):
            stocked.retrieve("basil", filters=filters)
    stocked.sync_index()
    assert stocked.retrieve("basil")


def test_evidence_does_not_move_what_is_nearest(stocked: CorpusFactory) -> None:
    before = stocked.retrieve(BASIL, 3, nearest=True)
    stocked.decide("e9", winner_script_id="library/far-1", shrunken_lift=0.5)
    after = stocked.retrieve(BASIL, 3, nearest=True)
    assert [found.script_id for found in after] == [f.script_id for f in before]


def test_words_find_what_the_vectors_do_not(corpus: CorpusFactory) -> None:
    for n in range(30):
        corpus.write(f"near-{n}.md", hook=f"Pump the tyre number {n}.")
    corpus.write("rare.md", hook="Presta.", body="Quite other words of a long story.")
    corpus.materialise()
    corpus.index.delete(corpus.namespace, ["library/rare"])  # as if it were far
    found = corpus.retrieve("pump presta", 2, nearest=True, least_relevance=-1.0)
    assert "library/rare" in [script.script_id for script in found]


def test_a_search_says_what_was_too_far(stocked: CorpusFactory) -> None:
    [found] = stocked.retriever().search(RUN, ["basil kitchen window"], 3, nearest=True)
    assert [script.hook for script in found.scripts][:1] == [BASIL]
    assert found.too_far
    assert max(s.relevance for s in found.too_far) < 0.3
    assert min(s.relevance for s in found.scripts) >= 0.3
    [nothing] = stocked.retriever().search(RUN, ["quarterly mortgages"], 3)
    assert nothing.scripts == []
    ordered = [script.relevance for script in nothing.too_far]
    assert ordered == sorted(ordered, reverse=True) != []


def test_the_first_line_of_a_query_counts_beside_the_whole(
    stocked: CorpusFactory,
) -> None:
    brief = "bicycle chain story brake wheel pump"
    [alone] = stocked.retriever().search(RUN, [f"basil {brief}"], 1, nearest=True)
    [topic] = stocked.retriever().search(RUN, [f"basil\n{brief}"], 1, nearest=True)
    assert alone.scripts[0].hook.startswith("Bicycle")
    assert topic.scripts[0].hook.startswith("Basil")
