"""The split is judged on counts of one reading; a later one corrects what it said."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.experiments.reports.verdict import ExperimentRow, experiment_rows
from ig_assets.core.experiments.stats.sample_ratio import audience_shares
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import.identity.test_file_posts import load

HEADER = "test_id,arm,headline,impressions,clicks\n"
A, B, HUGE_A = "t,a,One,5000,250", "t,b,Two,5000,420", "t,a,One,9000,450"


@pytest.fixture
def corpus(tmp_path: Path) -> CorpusFactory:
    corpus = CorpusFactory(tmp_path)
    export(corpus, A, B)
    return corpus


def export(corpus: CorpusFactory, *rows: str, name: str = "ads.csv") -> None:
    corpus.clock.step(days=3)
    content = HEADER + "\n".join(rows) + "\n"
    load(corpus, content, name, source="ads")
    update_results(corpus.warehouse, corpus.clock)


def row_of(corpus: CorpusFactory) -> ExperimentRow:
    with corpus.warehouse.transaction() as con:
        [row] = experiment_rows(con, 9)
    return row


def alarms(corpus: CorpusFactory) -> list[bool]:
    with corpus.warehouse.transaction() as con:
        return [share.alarms for share in audience_shares(con)]


def test_a_partial_export_says_nothing_of_the_split(corpus: CorpusFactory) -> None:
    export(corpus, HUGE_A)
    row = row_of(corpus)
    assert (row["held_by"], row["split_alarms"], alarms(corpus)) == (
        None,
        False,
        [False],
    )
    assert "not judged on these counts" in row["verdict"]
    export(corpus, HUGE_A, B.replace("5000", "9010"))
    assert "not judged" not in row_of(corpus)["verdict"]


def test_counts_that_did_not_change_are_of_the_reading_that_has_them_again(
    corpus: CorpusFactory,
) -> None:
    export(corpus, HUGE_A, B)
    assert (row_of(corpus)["held_by"], alarms(corpus)) == ("split", [True])


def test_a_later_complete_reading_clears_the_alarm_of_a_wrong_one(
    corpus: CorpusFactory,
) -> None:
    export(corpus, HUGE_A, B)
    assert row_of(corpus)["held_by"] == "split"
    export(corpus, HUGE_A)
    assert row_of(corpus)["held_by"] == "split"
    export(corpus, HUGE_A.replace("9000", "9400"))  # partial: it clears nothing
    assert row_of(corpus)["held_by"] == "split"
    export(corpus, A.replace("5000", "9900"), B.replace("5000", "9870"))
    assert (row_of(corpus)["held_by"], alarms(corpus)) == (None, [False])


@pytest.mark.parametrize(("trials", "held"), [("9010", None), ("5500", "split")])
def test_arms_with_files_of_their_own_are_judged_when_each_was_read_as_often(
    corpus: CorpusFactory, trials: str, held: str | None
) -> None:
    export(corpus, HUGE_A, name="a.csv")
    corpus.clock.step(days=-3)
    export(corpus, B.replace("5000", trials), name="b.csv")
    assert row_of(corpus)["held_by"] == held


def test_files_of_single_arms_are_not_judged_while_the_test_is_running(
    tmp_path: Path,
) -> None:
    corpus = CorpusFactory(tmp_path)
    for name, row, running in (
        ("a.csv", "t,a,One,2500,60", True),
        ("b.csv", "t,b,Two,5000,88", True),
        ("a2.csv", "t,a,One,5000,130", False),
    ):
        load(corpus, f"{HEADER}{row}\n", name, source="ads", running=running)
        update_results(corpus.warehouse, corpus.clock)
        corpus.clock.step(seconds=90)
    row = row_of(corpus)
    assert (row["decision"], row["held_by"]) == ("winner", None)
    assert (row["split_alarms"], alarms(corpus)) == (False, [])  # none was judged


def test_a_test_read_at_different_days_in_one_file_is_not_judged(
    corpus: CorpusFactory,
) -> None:
    header = HEADER.replace("\n", ",as_of\n")
    rows: Iterable[str] = (f"{HUGE_A},2026-02-20\n", f"{B},2026-02-03\n")
    load(corpus, header + "".join(rows), "ads.csv", source="ads")
    update_results(corpus.warehouse, corpus.clock)
    assert alarms(corpus) == [False]


@pytest.mark.parametrize(
    ("first", "again", "alarm"),
    [
        ("2000,160", "5000,450", False),
        ("2000,160", "2900,250", True),
        ("5000,400", "2000,160", False),
    ],
)
def test_even_counts_of_arms_in_files_of_their_own_clear_an_alarm_and_raise_none(
    tmp_path: Path, first: str, again: str, alarm: bool
) -> None:
    corpus = CorpusFactory(tmp_path)
    header = HEADER.replace("\n", ",as_of\n")
    for row in (
        f"t,a,One,{first},2026-01-03T01:00",
        "t,b,Two,5000,330,2026-01-03T02:00",
        f"t,a,One,{again},2026-01-03T03:00",
    ):
        load(corpus, f"{header}{row}\n", f"{row[2]}.csv", source="ads")
        update_results(corpus.warehouse, corpus.clock)
        corpus.clock.step(seconds=90)
    assert row_of(corpus)["split_alarms"] == alarm


def test_a_partial_export_that_is_even_clears_no_alarm_of_a_whole_one(
    corpus: CorpusFactory,
) -> None:
    for rows in ((HUGE_A, B), (B.replace("5000", "9010"),)):
        content = HEADER + "".join(f"{row}\n" for row in rows)
        load(corpus, content, "ads.csv", source="ads")
        update_results(corpus.warehouse, corpus.clock)
        assert alarms(corpus) == [True]
        corpus.clock.step(seconds=90)
