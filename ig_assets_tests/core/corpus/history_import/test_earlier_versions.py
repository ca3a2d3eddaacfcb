"""Folders in which an earlier version took the file that came last for the newest."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from ig_assets.core.corpus.history_import.doubtful import doubtful_files
from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.reports.status import data_folder_state
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import.identity.test_file_posts import load
from ig_assets_tests.factories.warehouses import migrated_warehouse

HEADER = "test_id,variant,headline,impressions,clicks,date\n"
COUNTS = {"01": (1000, 30, 20), "02": (2000, 60, 40), "03": (5000, 200, 100)}


def export(month: str, *, days: str) -> str:
    """A month's export of test T1. By month it has one more test, of that month; else
    all rows have one day, or none."""
    trials, a, b = COUNTS[month]
    day = {"month": "2026-01-05", "one": "2026-01-05", "none": ""}[days]
    rows = f"T1,A,One,{trials},{a},{day}\nT1,B,Two,{trials},{b},{day}\n"
    for n in range(1, int(month) + 1) if days == "month" else ():
        rows += (
            f"M{n},A,Words {n},100,5,2026-0{n}-20\nM{n},B,Say {n},100,6,2026-0{n}-20\n"
        )
    return HEADER + rows


def left_by_an_earlier_version(
    corpus: CorpusFactory, *months: str, days: str, apart: int = 1, other: bool = False
) -> None:
    """Imports these months in turn as the earlier version did, then opens the folder.

    It dated a count by its post's publication, else by the import, and wrote the
    counts that differed from those that came last. The imports are some days `apart`;
    on a simulated clock they are not. With an `other` test each file raises its counts.
    """
    corpus.clock.present = datetime(2026, 4, 1)
    for month in months:
        corpus.clock.step(days=apart)
        at = corpus.clock.now()
        content = export(month, days=days)
        if other:
            content += f"T2,A,Three,{month}000,50,2026-01-05\n"
            content += f"T2,B,Four,{month}000,50,2026-01-05\n"
        load(corpus, content, f"e{month}.csv", source="s", as_of=at)
        update_results(corpus.warehouse, corpus.clock)
    with corpus.warehouse.transaction() as con:
        con.execute(
            "DELETE FROM engagement USING (SELECT post_id, metric, observed_at, value "
            "= lag(value) OVER (PARTITION BY post_id, metric ORDER BY observed_at) AS "
            "same FROM engagement) AS g WHERE g.same AND g.post_id = engagement.post_id"
            " AND g.metric = engagement.metric AND g.observed_at = "
            "engagement.observed_at"
        )
        con.execute(
            "UPDATE engagement SET as_of = coalesce(p.published_at, observed_at) "
            "FROM posts AS p WHERE p.post_id = engagement.post_id"
        )
        con.execute(
            "UPDATE script_performance SET as_of = m.day + to_microseconds(m.nth) "
            "FROM (SELECT f.script_id, f.as_of, p.published_at AS day, row_number() "
            "OVER (PARTITION BY f.script_id ORDER BY f.as_of) AS nth FROM "
            "script_performance AS f JOIN posts AS p USING (script_id)) AS m WHERE "
            "m.day IS NOT NULL AND m.script_id = script_performance.script_id AND "
            "m.as_of = script_performance.as_of"
        )
        con.execute("UPDATE imports SET read_at = NULL")
        con.execute("DELETE FROM migrations WHERE number = 28")
        con.execute("DROP TABLE lowered_counts")
    corpus.warehouse.close()
    corpus.warehouse = migrated_warehouse(corpus.folder / "w.duckdb", corpus.clock.now)


def finals(corpus: CorpusFactory) -> list[tuple[float, float]]:
    found = corpus.rows(
        "SELECT trials, events FROM final_readings AS f JOIN experiments AS e USING "
        "(experiment_id) WHERE e.intent_key = 'T1' ORDER BY f.arm"
    )
    return [(trials, events) for trials, events in found]


def doubts(corpus: CorpusFactory) -> list[str]:
    with corpus.warehouse.transaction() as con:
        return [file.sentence for file in doubtful_files(con)]


MARCH = [(5000.0, 200.0), (5000.0, 100.0)]
FEBRUARY = [(2000.0, 60.0), (2000.0, 40.0)]


@pytest.mark.parametrize(
    "months", [("01", "03", "02"), ("03", "01"), ("03", "02", "01"), ("01", "02", "03")]
)
def test_the_newest_readings_are_the_latest_again_where_days_say_which_they_are(
    corpus: CorpusFactory, months: tuple[str, ...]
) -> None:
    left_by_an_earlier_version(corpus, *months, days="month")
    assert finals(corpus) == MARCH
    assert doubts(corpus) == []
    rates = corpus.rows(
        "SELECT r.rate FROM latest_rates AS r JOIN scripts AS s USING (script_id, "
        "revision_hash) WHERE s.text = 'One'"
    )
    assert rates == [(200 / 5000,)]
    update_results(corpus.warehouse, corpus.clock)
    looked = corpus.rows(
        "SELECT events_a, trials_a FROM latest_evidence AS l JOIN experiments USING "
        "(experiment_id) WHERE intent_key = 'T1'"
    )
    assert looked == [(200, 5000)]


def test_an_older_file_stays_history_after_that(corpus: CorpusFactory) -> None:
    left_by_an_earlier_version(corpus, "01", "03", days="month")
    report = load(corpus, export("02", days="month"), "e02.csv", source="s")
    assert finals(corpus) == MARCH
    assert "kept as history" in str(report.notes)
    rates = corpus.rows("SELECT max(views) FROM latest_performance")
    assert rates == [(5000.0,)]


@pytest.mark.parametrize(
    ("days", "apart"), [("one", 1), ("none", 1), ("month", 0), ("one", 0), ("none", 0)]
)
@pytest.mark.parametrize(("newest", "counts"), [("03", MARCH), ("02", FEBRUARY)])
def test_where_no_day_says_it_the_tests_and_files_are_named_until_a_person_does(
    corpus: CorpusFactory,
    days: str,
    apart: int,
    newest: str,
    counts: list[tuple[float, float]],
) -> None:
    left_by_an_earlier_version(corpus, "01", "03", "02", days=days, apart=apart)
    assert finals(corpus) == FEBRUARY
    [sentence] = doubts(corpus)
    assert sentence.startswith("Counts of tests T1 fell at an import of 2026-04-0")
    assert "e02.csv, e03.csv again" in sentence
    assert ("e01.csv" in sentence) == (not apart)
    with corpus.warehouse.transaction() as con:
        state = data_folder_state(con, corpus.clock.now())
    assert sentence in [waiting.sentence for waiting in state.waiting]
    corpus.clock.step(days=apart)
    other = HEADER + "T9,A,Nine,100,5,2026-01-05\nT9,B,Ten,100,6,2026-01-05\n"
    report = load(corpus, other, "other.csv", source="s")
    assert f"{sentence}." in report.notes
    at = datetime.fromisoformat(re.findall(r"--as-of (\S+),", sentence)[0])
    load(corpus, export(newest, days=days), f"e{newest}.csv", as_of=at)
    assert (finals(corpus), doubts(corpus)) == (counts, [])


def test_a_day_that_contradicts_the_counts_moves_nothing(
    corpus: CorpusFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COUNTS, "05", (4000, 150, 90))
    left_by_an_earlier_version(corpus, "01", "03", "05", days="month")
    assert finals(corpus) == [(4000.0, 150.0), (4000.0, 90.0)]
    [sentence] = doubts(corpus)
    assert "T1" in sentence and "e03.csv, e05.csv" in sentence


def test_a_file_with_higher_counts_of_other_posts_is_newer_and_not_doubted(
    corpus: CorpusFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COUNTS, "04", (4000, 160, 90))
    left_by_an_earlier_version(corpus, "03", "04", days="one", other=True)
    assert (finals(corpus), doubts(corpus)) == ([(4000.0, 160.0), (4000.0, 90.0)], [])


def test_counts_of_a_rate_stay_of_one_time_where_only_one_of_them_had_changed(
    corpus: CorpusFactory,
) -> None:
    left_by_an_earlier_version(corpus, "01", "03", "02", days="month")
    times = corpus.rows(
        "SELECT count(DISTINCT metric) FROM current_readings GROUP BY post_id, as_of"
    )
    assert {n for (n,) in times} == {2}
