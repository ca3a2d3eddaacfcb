"""Exports that are named by date are one source, and in doubt a person is asked."""

from __future__ import annotations

import re

import pytest

from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.errors import InputError
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import.identity.test_file_posts import (
    count,
    load,
)

HEADER = "test_id,variant,headline,impressions,clicks\n"
FIRST = "t1,a,One,1000,50\nt1,b,Two,1000,52\n"
GROWN = "t1,a,One,2000,100\nt1,b,Two,2000,105\n"
OTHERS = "t1,a,Uno,900,40\nt1,b,Dos,900,45\n"


def test_an_export_with_another_date_in_its_name_is_the_same_source(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + FIRST, "tests-2026-01-31.csv")
    report = load(corpus, HEADER + GROWN, "tests-2026-02-28.csv")
    assert report.source == "tests-2026-01-31"
    assert "--source NAME" in report.notes[0]
    assert (count(corpus, "experiments"), count(corpus, "posts")) == (1, 2)


def test_ten_dated_exports_have_one_single_look_as_one_name_has(
    corpus: CorpusFactory,
) -> None:
    for n in range(1, 11):
        rows = f"t1,a,One,{n}000,{n * 50}\nt1,b,Two,{n}000,{n * 50 + 20}\n"
        load(corpus, HEADER + rows, f"tests-{n}.csv")
        update_results(corpus.warehouse, corpus.clock)
    assert count(corpus, "experiments") == 1
    assert corpus.rows("SELECT count(DISTINCT data_through) FROM evidence") == [(10,)]


def test_renamed_columns_do_not_hide_the_source(corpus: CorpusFactory) -> None:
    load(corpus, HEADER + FIRST, "english.csv")
    renamed = HEADER.replace("headline", "title").replace("variant", "cell")
    report = load(corpus, renamed + GROWN, "other.csv")
    assert (report.source, report.rejected) == ("english", 0)


def test_tests_of_the_same_names_with_other_arms_are_asked_about(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + FIRST, "team.csv")
    before = corpus.everything()
    sentence = r"tests of the same names \(t1\) with source team.*--source team.*agency"
    with pytest.raises(InputError, match=sentence):
        load(corpus, HEADER + OTHERS, "agency.csv")
    assert corpus.everything() == before
    apart = load(corpus, HEADER + OTHERS, "agency.csv", source="agency")
    assert (apart.rejected, count(corpus, "experiments")) == (0, 2)


def test_a_given_source_is_kept_whatever_the_posts_are(corpus: CorpusFactory) -> None:
    load(corpus, HEADER + FIRST, "team.csv")
    apart = load(corpus, HEADER + GROWN, "copy.csv", source="copy")
    assert (apart.source, count(corpus, "experiments")) == ("copy", 2)


def test_posts_of_two_sources_in_one_export_are_known_by_their_ids(
    corpus: CorpusFactory,
) -> None:
    header = "post_id,caption,date,views,likes\n"
    january = "18000000001,Onions.,2026-01-03,100,5\n"
    march = "18000000003,Lids.,2026-03-03,100,5\n"
    load(corpus, header + january, "january.csv")
    load(corpus, header + march, "march.csv")
    report = load(corpus, header + march + january.replace("100", "900"), "q1.csv")
    assert (report.source, count(corpus, "posts")) == ("q1", 2)


def test_short_ids_of_two_systems_are_other_posts(corpus: CorpusFactory) -> None:
    header = "post_id,caption,date,views,likes\n"
    load(corpus, header + "1,Onions.,2026-01-03,100,5\n", "team.csv")
    report = load(corpus, header + "1,Lids.,2026-03-03,100,5\n", "agency.csv")
    assert (report.source, count(corpus, "posts")) == ("agency", 2)


def test_words_and_date_recognise_an_export_without_ids(corpus: CorpusFactory) -> None:
    header = "caption,date,views,likes\n"
    load(corpus, header + "Onions.,2026-01-03,100,5\n", "january.csv")
    more = "Onions.,2026-01-03,200,9\nLids.,2026-02-03,100,5\n"
    report = load(corpus, header + more, "february.csv")
    assert (report.source, count(corpus, "posts")) == ("january", 2)


def test_one_repeated_caption_without_a_date_is_asked_about(
    corpus: CorpusFactory,
) -> None:
    header = "caption,views,likes\n"
    load(corpus, header + "Onions.,100,5\n", "team.csv")
    rows = "".join(f"Words {n}.,100,5\n" for n in range(3))
    with pytest.raises(InputError, match="shares posts with source team"):
        load(corpus, header + "Onions.,100,5\n" + rows, "agency.csv")


def test_each_source_that_a_refusal_proposes_is_then_taken(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + FIRST, "team.csv")
    renamed = HEADER.replace("headline", "title").replace("variant", "cell")
    others = OTHERS.replace(",a,", ",c,").replace(",b,", ",d,")
    with pytest.raises(InputError) as refusal:
        load(corpus, renamed + others, "agency.csv")
    proposed = re.findall(r"--source (\S+)", str(refusal.value))
    assert proposed == ["team", "agency"]
    for source in proposed:
        report = load(corpus, renamed + others, "agency.csv", source=source)
        assert (report.imported, report.rejected) == (2, 0), source


def test_words_from_another_column_of_the_same_export_are_refused_still(
    corpus: CorpusFactory,
) -> None:
    header = HEADER.replace("headline", "headline,note")
    load(corpus, header + "t1,a,One,x,1000,50\nt1,b,Two,y,1000,52\n", "team.csv")
    with pytest.raises(InputError, match="hook was headline and is now note"):
        load(
            corpus,
            header + "t2,a,Uno,x,900,40\nt2,b,Dos,y,900,45\n",
            "team.csv",
            mapping={"hook": "note"},
        )
