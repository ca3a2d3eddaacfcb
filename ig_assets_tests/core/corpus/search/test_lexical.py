"""The share of a query's words that a script has, computed by the database."""

from __future__ import annotations

import math

import pytest

from ig_assets.core.corpus.search.lexical import B, K, lexical_shares
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory


@pytest.fixture
def texts(corpus: CorpusFactory) -> CorpusFactory:
    """Four short texts in three languages."""
    corpus.write("knife.md", hook="Sharp.", body="A knife, knives!", topic="the edge")
    corpus.write("onion.md", hook="Onion.", body="Cut it with a knife.", topic="onions")
    corpus.write("kalk.md", hook="Kalkflecken?", body="Im Bad.", topic="dusche")
    corpus.write("pan.md", hook="La sartén.", body="Antes de girarla.", topic="cocina")
    corpus.materialise()
    return corpus


def shares(corpus: CorpusFactory, *views: str) -> dict[str, float]:
    with corpus.warehouse.transaction() as con:
        return lexical_shares(con, corpus.index.name, corpus.namespace, views)


def test_a_share_is_that_of_the_formula(texts: CorpusFactory) -> None:
    found = shares(texts, "knife zebra")
    [(mean,)] = texts.rows(
        "SELECT avg(strlen(concat_ws(chr(10), topic, topic, text))) FROM scripts"
    )
    with_knife, without = math.log(1 + 2.5 / 2.5), math.log(1 + 4.5 / 0.5)
    expected = {}
    for name, times in (("library/knife", 2), ("library/onion", 1)):
        [(length,)] = texts.rows(
            "SELECT strlen(concat_ws(chr(10), topic, topic, text)) FROM scripts "
            f"WHERE script_id = '{name}'"
        )
        part = times / (times + K * (1 - B + B * length / mean))
        expected[name] = with_knife * part / (with_knife + without)
    assert found == pytest.approx(expected)


def test_a_topic_counts_though_no_text_has_its_word(texts: CorpusFactory) -> None:
    assert list(shares(texts, "edges")) == ["library/knife"]


def test_accents_capitals_and_compounds_are_found(texts: CorpusFactory) -> None:
    assert list(shares(texts, "SARTEN")) == ["library/pan"]
    assert list(shares(texts, "Kalk")) == ["library/kalk"]


def test_a_part_of_a_word_is_not_the_word(texts: CorpusFactory) -> None:
    assert shares(texts, "nife") == shares(texts, "ion") == {}


def test_views_are_averaged(texts: CorpusFactory) -> None:
    both = shares(texts, "onion", "onion zebra")["library/onion"]
    one = shares(texts, "onion")["library/onion"]
    other = shares(texts, "onion zebra")["library/onion"]
    assert both == pytest.approx((one + other) / 2)
    assert other < one <= 1.0


def test_a_retired_script_has_no_share(texts: CorpusFactory) -> None:
    (texts.library / "onion.md").unlink()
    texts.sync()
    assert list(shares(texts, "knife onion")) == ["library/knife"]


def test_signs_alone_find_nothing(texts: CorpusFactory) -> None:
    assert shares(texts, "?! (.*)") == {}
