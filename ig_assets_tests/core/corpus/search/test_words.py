"""Words are compared by their stems, in three languages and across compounds."""

from __future__ import annotations

import pytest

from ig_assets.core.corpus.search.words import fold, kinship, query_stems, stem


@pytest.mark.parametrize(
    "forms",
    [
        ("knife", "knives"),
        ("plan", "plans", "planning", "planned"),
        ("water", "watering", "waters"),
        ("berry", "berries"),
        ("tomato", "tomatoes"),
        ("pflanze", "pflanzen"),
        ("fahrräder", "fahrrad"),
        ("shoe", "shoes"),
        ("planta", "plantas", "plantar"),
        ("bici", "bicis"),
    ],
)
def test_forms_of_a_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(fold(form)) for form in forms}) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("chain", "chair"), ("bread", "brake"), ("kalk", "kalt")]
)
def test_other_words_have_other_stems(one: str, other: str) -> None:
    assert stem(one) != stem(other)


@pytest.mark.parametrize("word", ["as", "ing", "es", "oil", "e"])
def test_a_stem_keeps_three_letters(word: str) -> None:
    assert stem(word) == word


def test_a_query_is_its_telling_words_once() -> None:
    assert query_stems("How do I sharpen the knife, and which knives?") == [
        stem("sharpen"),
        "knif",
    ]
    assert query_stems("Was tun mit dem Kalk?") == ["tun", "kalk"]


def test_a_query_of_grammar_alone_keeps_its_words() -> None:
    assert query_stems("what is it") == ["what", "is", "it"]
    assert query_stems("?!") == []


def test_parts_of_a_compound_count_half() -> None:
    assert kinship("hund", "hund") == 1.0
    assert kinship("hund", "hundefot") == kinship("kalkfleck", "kalk") == 0.5
    assert kinship("oil", "oilcan") == 0.0  # three letters say too little
    assert kinship("hund", "kalk") == 0.0


def test_accents_and_sharp_s_are_no_difference() -> None:
    assert fold("Größe") == "grosse"
    assert fold("SARTÉN") == "sarten"
