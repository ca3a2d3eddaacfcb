"""Novelty and likeness are shares, and mean what their names say."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ig_assets.core.generation.gates.novelty import (
    CorpusRuns,
    longest_common_run,
    sibling_similarity,
    word_runs,
)

WORDS = st.text(alphabet="abcde  é.\n", max_size=60)
TEXTS = st.lists(WORDS, max_size=5)


def novelty(text: str, corpus: Iterable[set[tuple[str, ...]]]) -> float:
    """The definition: one minus the largest share of runs that one text has too."""
    runs = word_runs(text)
    shares = [len(runs & other) / len(runs) for other in corpus if runs]
    return 1.0 - max(shares, default=0.0 if runs else 1.0)


@given(text=WORDS, corpus=TEXTS)
def test_novelty_is_a_share(text: str, corpus: list[str]) -> None:
    assert 0.0 <= novelty(text, map(word_runs, corpus)) <= 1.0


@given(text=WORDS, corpus=TEXTS)
def test_a_text_that_the_corpus_has_is_not_new_at_all(
    text: str, corpus: list[str]
) -> None:
    assert novelty(text, map(word_runs, [*corpus, text])) == 0.0


@given(text=WORDS, corpus=TEXTS, other=WORDS)
def test_novelty_does_not_depend_on_the_order_and_only_falls_with_more_texts(
    text: str, corpus: list[str], other: str
) -> None:
    runs = [word_runs(known) for known in corpus]
    assert novelty(text, runs) == novelty(text, reversed(runs))
    assert novelty(text, [*runs, word_runs(other)]) <= novelty(text, runs)


@given(text=WORDS, siblings=TEXTS)
def test_likeness_to_siblings_is_a_share_free_of_order(
    text: str, siblings: list[str]
) -> None:
    alike = sibling_similarity(text, siblings)
    assert 0.0 <= alike <= 1.0
    assert alike == sibling_similarity(text, siblings[::-1])


@given(text=WORDS, other=WORDS)
def test_likeness_of_two_texts_is_mutual(text: str, other: str) -> None:
    assert sibling_similarity(text, [other]) == sibling_similarity(other, [text])


@given(text=WORDS.filter(lambda text: word_runs(text) != set()))
def test_a_text_is_wholly_like_itself(text: str) -> None:
    assert sibling_similarity(text, [text]) == 1.0
    assert CorpusRuns([text]).novelty(text) == 0.0


def test_a_text_without_words_is_not_new() -> None:
    assert novelty(" … !", []) == 0.0
    assert CorpusRuns([""]).novelty("") == 0.0


def test_case_and_punctuation_do_not_make_a_text_new() -> None:
    known = [word_runs("One two three, four five six.")]
    assert novelty("ONE TWO THREE FOUR - FIVE SIX!", known) == 0.0


def test_figures_by_hand() -> None:
    known = word_runs("a b c d e f")
    assert novelty("a b c d e x", [known]) == pytest.approx(0.5)
    assert CorpusRuns(["a b c d e f"]).novelty("a b c d e x") == pytest.approx(0.5)
    assert sibling_similarity("a b c", ["b c d"]) == pytest.approx(1 / 3)
    assert novelty("a b", [word_runs("a b c d e f")]) == 1.0


# ── many texts at once ────────────────────────────────────────────────────────
@given(text=WORDS, corpus=TEXTS)
def test_a_prepared_corpus_gives_the_same_novelty(text: str, corpus: list[str]) -> None:
    prepared = CorpusRuns(corpus)
    assert prepared.novelty(text) == novelty(text, map(word_runs, corpus))


@given(text=WORDS, corpus=TEXTS)
def test_the_longest_shared_run_is_that_of_every_pair(
    text: str, corpus: list[str]
) -> None:
    found = CorpusRuns(corpus).longest_shared_run(text)
    plain = [re.findall(r"\w+", each.casefold()) for each in corpus]
    mine = re.findall(r"\w+", text.casefold())
    longest = max((brute(mine, other) for other in plain), default=0)
    assert found == (longest if longest >= 5 else 0)


def brute(words: list[str], others: list[str]) -> int:
    """The longest common run by looking at every slice."""
    slices = {
        tuple(others[i:j])
        for i in range(len(others))
        for j in range(i + 1, len(others) + 1)
    }
    return max(
        (
            j - i
            for i in range(len(words))
            for j in range(i + 1, len(words) + 1)
            if tuple(words[i:j]) in slices
        ),
        default=0,
    )


def test_the_longest_run_by_hand() -> None:
    corpus = CorpusRuns(["x a b c d e f y", "a b c d e", "nothing of it"])
    assert corpus.longest_shared_run("0 a b c d e f 1") == 6
    assert corpus.longest_shared_run("A, B - c. d E!") == 5
    assert corpus.longest_shared_run("a b c d") == 0
    assert CorpusRuns([]).longest_shared_run("a b c d e f") == 0
    assert longest_common_run("a b a b".split(), "b a b".split()) == 3


def test_words_that_repeat_do_not_hide_a_longer_run() -> None:
    corpus = CorpusRuns(["a a a a a a a a", "b c d e f g h"])
    assert corpus.longest_shared_run("b c d e f g x a a a a a a a a") == 8


SCRIPT = (
    "Keep strong jets of water away from hubs and bearings, because they push dirt in. "
    "Dry it with an old towel. Wait ten minutes."
)


def test_only_sentences_that_a_script_has_are_removed() -> None:
    text = (
        "How do you oil a chain without a mess? Every Sunday it is the same.\n\n"
        "Keep strong jets of water away from hubs and bearings! Dry it with an old "
        "towel. Wait ten minutes.\n\nGo and dry it with an old sock tonight."
    )
    assert CorpusRuns([SCRIPT, "a b"]).without_copied_sentences(text) == (
        "How do you oil a chain without a mess? Every Sunday it is the same.\n\n"
        "Wait ten minutes.\n\nGo and dry it with an old sock tonight."
    )


def test_a_copy_has_no_sentences_of_its_own_and_a_new_text_keeps_all() -> None:
    runs = CorpusRuns(["One script of exactly six words."])
    assert runs.without_copied_sentences("One script of exactly six words.") == ""
    assert runs.without_copied_sentences(SCRIPT) == SCRIPT


@given(text=WORDS, corpus=TEXTS)
def test_what_is_left_was_there_and_nothing_more_can_be_taken_out(
    text: str, corpus: list[str]
) -> None:
    runs = CorpusRuns(corpus)
    own = runs.without_copied_sentences(text)
    assert not re.sub(r"\s+", "", own) or set(own) <= set(text + " \n")
    assert runs.without_copied_sentences(own) == own
