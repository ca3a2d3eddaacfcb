"""An export that grew adds what is new, and nothing twice."""

from __future__ import annotations

import pytest

from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.errors import InputError
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import.imports import (
    FIRST,
    HEADER,
    LONE,
    ROWS,
    import_export,
    load,
    put,
)


def test_an_extended_export_adds_only_its_new_rows(corpus: CorpusFactory) -> None:
    first = import_export(corpus, FIRST + LONE, source="team")
    assert (first.experiments, first.known_experiments, first.posts) == (1, 0, 3)
    more = "t2,Three,a,2026-02-01,100,5\nt2,Four,b,2026-02-01,100,6\n"
    second = import_export(corpus, FIRST + LONE + more, source="team")
    assert (second.experiments, second.known_experiments) == (2, 1)
    counts = {
        table: corpus.rows(f"SELECT count(*) FROM {table}")[0][0]
        for table in ("experiments", "posts", "engagement", "script_performance")
    }
    assert counts == {
        "experiments": 2,
        "posts": 5,
        "engagement": 10,
        "script_performance": 5,
    }


def test_new_counts_of_a_known_post_are_a_later_reading(corpus: CorpusFactory) -> None:
    import_export(corpus, FIRST, source="team")
    import_export(corpus, FIRST.replace("100,10", "200,30"), source="team")
    assert corpus.rows("SELECT count(*) FROM posts") == [(2,)]
    readings = corpus.rows(
        "SELECT value FROM engagement WHERE metric = 'clicks' "
        "ORDER BY post_id, observed_at"
    )
    # Both arms' counts are of the later reading, the unchanged ones too.
    assert sorted(value for (value,) in readings) == [10.0, 20.0, 20.0, 30.0]
    rates = corpus.rows("SELECT rate FROM script_performance ORDER BY as_of, rate")
    assert rates == [(0.1,), (0.2,), (0.15,)]


def test_two_sources_with_the_same_test_ids_are_two_experiments(
    corpus: CorpusFactory,
) -> None:
    import_export(corpus, FIRST, source="team")
    other = import_export(corpus, FIRST.replace("One", "Uno"), source="agency")
    assert other.known_experiments == 0
    assert corpus.rows("SELECT count(*) FROM experiments") == [(2,)]


def test_the_same_bytes_under_another_mapping_are_refused(
    corpus: CorpusFactory,
) -> None:
    import_export(corpus, FIRST, source="team")
    path = corpus.folder / "export.csv"
    with pytest.raises(InputError, match="imported before with another mapping"):
        load(corpus, path, mapping={"topic": "test"}, source="team")
    assert import_export(corpus, FIRST, source="team").already_imported


def test_the_rows_of_an_import_add_up_in_its_row(corpus: CorpusFactory) -> None:
    total = "Total,,,3000,89,,\n"
    load(corpus, put(corpus.folder, HEADER + ROWS + total + "t3,,,x,1,i,\n"))
    [row] = corpus.rows(
        "SELECT rows_read, rows_taken, rows_rejected, rows_skipped FROM imports"
    )
    assert row == (6, 4, 1, 1)


def test_a_row_of_totals_or_averages_is_no_post(corpus: CorpusFactory) -> None:
    text = "Caption,Date,Views,Likes\nSalt the water,2026-03-04,1200,50\n"
    marks = ("Grand Total", "Average", "Moyenne", "TOTAL (2 publications)")
    rows = "".join(f"{mark},,3400,200\n" for mark in (*marks, "Average per post"))
    report = load(corpus, put(corpus.folder, text + rows))
    assert (report.imported, report.rejected) == (1, 0)
    assert report.skipped == {"totals": 5}


def test_digits_that_are_guarded_for_excel_are_the_same_post(
    corpus: CorpusFactory,
) -> None:
    header = "Post ID,Caption,Publish time,Views,Likes\n"
    guarded = '"=""18011111111111111""",Salt the water,2026-03-04,1200,50\n'
    guarded += "'18011111111111112,Oil first,2026-03-05,900,30\n"
    plain = "18011111111111111,Salt the water (new),2026-03-04,1300,60\n"
    plain += "18011111111111112,Oil first (new),2026-03-05,950,31\n"
    load(corpus, put(corpus.folder, header + guarded, "one.csv"), source="s")
    load(corpus, put(corpus.folder, header + plain, "two.csv"), source="s")
    assert corpus.rows("SELECT count(*) FROM posts") == [(2,)]


@pytest.mark.parametrize("counters", [3, 4, 5, 6])
def test_a_single_post_with_any_number_of_counters_is_decided(
    corpus: CorpusFactory, counters: int
) -> None:
    """DuckDB 1.5.5 cannot bind a join of views with QUALIFY for some sizes."""
    names = ("Views", "Likes", "Comments", "Shares", "Saves", "Reach")[:counters]
    text = f"Post ID,Caption,Posted at,{','.join(names)}\n"
    text += f"1801,Your rice is wet.,2026-03-01{',11' * counters}\n"
    load(corpus, put(corpus.folder, text))
    update_results(corpus.warehouse, corpus.clock)
    assert corpus.rows("SELECT count(*) FROM posts") == [(1,)]


def test_a_long_name_of_an_arm_is_known_again(corpus: CorpusFactory) -> None:
    header = "experiment,arm,hook,impressions,clicks\n"
    blue = "Variation 3 - Blue background with a button of {} text"
    rows = [(blue.format("red"), 5000, 130), (blue.format("green"), 5000, 60)]
    for n, more in enumerate((0, 1000)):
        text = header + "".join(
            f"t1,{arm},{arm} hook,{shown + more},{clicks}\n"
            for arm, shown, clicks in rows
        )
        load(corpus, put(corpus.folder, text, f"l{n}.csv"), source="s")
        update_results(corpus.warehouse, corpus.clock)
    assert corpus.rows("SELECT count(*) FROM posts") == [(2,)]
    assert corpus.rows("SELECT decision FROM latest_decisions") == [("winner",)]
