"""Which counts are the latest goes by when they were read, not by when they came."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from ig_assets.errors import InputError
from ig_assets_tests.core.corpus.corpus_factory import START, CorpusFactory
from ig_assets_tests.core.corpus.history_import.identity.test_file_posts import (
    latest,
    load,
)

HEADER = "post_id,caption,posted_on,views,likes\n"
MONTHS = {"january": 100, "february": 200, "march": 300}


def export(month: str, *, dated: bool = False) -> str:
    """A month's export of one post; dated ones have a newer post for each month."""
    views = MONTHS[month]
    number = [*MONTHS].index(month) + 1
    rows = f"1,Onions.,2025-12-01,{views},{views // 10}\n"
    for n in range(1, number + 1 if dated else 1):
        rows += f"9{n},Words {n}.,2026-0{n}-20,10,1\n"
    return HEADER + rows


def onions(corpus: CorpusFactory) -> list[float]:
    """The latest count, and all that were kept in order of their time."""
    kept = corpus.rows(
        "SELECT g.value FROM engagement AS g JOIN vendor_post_names AS n USING "
        "(post_id) WHERE n.value = '1' AND metric = 'views' ORDER BY as_of, observed_at"
    )
    return [value for (value,) in kept]


def options(month: str, how: str) -> dict[str, Any]:
    number = [*MONTHS].index(month) + 1
    return {"as_of": datetime(2026, number, 28)} if how == "as_of" else {}


@pytest.mark.parametrize("how", ["as_of", "newest row", "column"])
def test_an_older_export_is_history_and_never_the_latest(
    corpus: CorpusFactory, how: str
) -> None:
    for n, month in enumerate(("january", "march", "february", "march")):
        corpus.clock.step(days=1)
        content = export(month, dated=how == "newest row")
        if how == "column":
            number = [*MONTHS].index(month) + 1
            content = content.replace("post_id", "as_of,post_id")
            content = content.replace("\n1,", f"\n2026-0{number}-28,1,")
        report = load(corpus, content, f"{n}.csv", **options(month, how))
    assert onions(corpus) == [100.0, 200.0, 300.0]
    assert 300.0 in latest(corpus)
    assert report.already_imported == (how != "as_of") or report.readings == 0
    rates = corpus.rows(
        "SELECT max_by(views, as_of) FROM script_performance AS p JOIN "
        "scripts USING (script_id) WHERE text = 'Onions.'"
    )
    assert rates == [(300.0,)]


def test_without_any_time_the_last_import_counts_and_march_comes_again(
    corpus: CorpusFactory,
) -> None:
    undated = {m: export(m).replace("2025-12-01", "") for m in MONTHS}
    fell = []
    for month in ("january", "march", "february", "march"):
        report = load(corpus, undated[month])
        fell.append(any("counter that fell" in note for note in report.notes))
    assert fell == [False, False, True, False]
    assert onions(corpus) == [100.0, 300.0, 200.0, 300.0]
    assert latest(corpus) == [300.0]
    assert load(corpus, undated["march"]).already_imported


def test_a_late_export_of_old_posts_refreshes_their_counts(
    corpus: CorpusFactory,
) -> None:
    load(corpus, export("march", dated=True))
    old_posts = HEADER + "1,Onions.,2025-12-01,999,50\n"
    load(corpus, old_posts, "old-posts.csv")
    assert max(latest(corpus)) == 999.0


def test_a_planned_post_dates_no_reading(corpus: CorpusFactory) -> None:
    planned = "2,Planned.,2031-01-01,0,0\n"
    report = load(corpus, export("january") + planned)
    assert report.read_at == datetime(2025, 12, 1)


TOO_EARLY = """
    SELECT count(*)
    FROM engagement AS g
    JOIN posts AS p USING (post_id)
    WHERE g.as_of < date_trunc('day', p.published_at)
"""


def test_a_post_without_counts_gets_no_reading_that_is_older_than_itself(
    corpus: CorpusFactory,
) -> None:
    planned = "2,Planned.,2026-03-01,0,0\n3,Planned too.,2026-04-01,0,0\n"
    report = load(corpus, export("january") + planned)
    assert report.posts == 3 and corpus.rows(TOO_EARLY) == [(0,)]
    [note] = [note for note in report.notes if "Readings skipped" in note]
    assert "Readings skipped: 2, since these posts have no counts above 0" in note
    assert "2025-12-01" in note and "--as-of DATE" in note
    assert onions(corpus) == [100.0]
    later = export("january") + planned
    report = load(corpus, later, "later.csv", as_of=datetime(2026, 5, 1))
    assert not any("Readings skipped" in note for note in report.notes)
    assert corpus.rows("SELECT count(DISTINCT post_id) FROM engagement") == [(3,)]


def test_a_time_of_reading_before_the_post_is_skipped_and_counted(
    corpus: CorpusFactory,
) -> None:
    report = load(corpus, export("january", dated=True), as_of=datetime(2026, 1, 10))
    assert corpus.rows(TOO_EARLY) == [(0,)]
    [note] = [note for note in report.notes if "Readings skipped" in note]
    assert "1, since their time of reading is before the day of their post" in note
    same_day = load(
        corpus, export("january", dated=True), "b.csv", as_of=datetime(2026, 1, 20)
    )
    assert not any("Readings skipped" in note for note in same_day.notes)


def test_a_reading_of_the_future_is_refused_and_the_later_ones_are_the_latest(
    corpus: CorpusFactory,
) -> None:
    with pytest.raises(InputError, match="--as-of 2062-11-27 is after today"):
        load(corpus, export("march"), as_of=datetime(2062, 11, 27))
    rows = HEADER.replace("post_id", "as_of,post_id") + (
        "2062-03-28,1,Onions.,2025-12-01,999,99\n"
        "2026-03-28,1,Onions.,2025-12-01,300,30\n"
    )
    report = load(corpus, rows)
    assert [(r.source_uri, r.reason) for r in report.rejects_sample] == [
        ("history:posts.csv#2", "reading in the future")
    ]
    assert "by the machine's clock" in report.rejects_sample[0].detail
    assert (report.imported, report.rejected, latest(corpus)) == (1, 1, [300.0])


def test_a_day_that_has_begun_elsewhere_is_not_the_future(
    corpus: CorpusFactory,
) -> None:
    load(corpus, export("march"), as_of=datetime(2026, 11, 29))
    assert latest(corpus) == [300.0]


def test_a_future_date_of_publication_dates_no_reading(corpus: CorpusFactory) -> None:
    mistyped = "2,Mistyped.,2062-01-01,50,5\n3,Planned.,2027-01-01,0,0\n"
    report = load(corpus, export("january") + mistyped)
    assert report.read_at == datetime(2025, 12, 1)
    assert "1 posts with counts are dated after today" in str(report.notes)
    days = corpus.rows("SELECT published_at FROM posts ORDER BY 1 NULLS FIRST")
    assert days == [(None,), (datetime(2025, 12, 1),), (datetime(2027, 1, 1),)]


def test_the_summary_says_what_gave_the_time_of_the_readings(
    corpus: CorpusFactory,
) -> None:
    undated = load(corpus, "post_id,caption,views,likes\n7,Onions.,100,5\n", "u.csv")
    assert undated.read_at_by == "the simulated clock's day"
    assert undated.read_at == START
    assert load(corpus, export("march")).read_at_by == "the newest post's day"
    stated = load(corpus, export("march"), as_of=datetime(2026, 3, 28))
    assert stated.read_at_by == "--as-of"


def test_a_count_that_is_hidden_later_leaves_the_rate_at_its_last_reading(
    corpus: CorpusFactory,
) -> None:
    header = "test_id,arm,hook,as_of,impressions,clicks\n"
    both = "t,{0},Words {0},2026-03-05,1000,50\n"
    hidden = "t,{0},Words {0},2026-03-06,9000,\n"
    rows = "".join(row.format(arm) for arm in "ab" for row in (both, hidden))
    load(corpus, header + rows)
    assert corpus.rows("SELECT DISTINCT events, trials FROM final_readings") == [
        (50.0, 1000.0)
    ]


@pytest.mark.parametrize("column", ["posted_on", "as_of"])
def test_counts_are_said_to_be_history_exactly_where_later_ones_stay_the_latest(
    corpus: CorpusFactory, column: str
) -> None:
    header = HEADER.replace("posted_on", column)
    load(corpus, header + "1,Onions.,2025-12-01,100,9\n")
    load(corpus, header + "2,Lids.,2026-03-01,100,9\n", source="posts")
    first, second = "1,Onions.,2025-12-01,200,18\n", "2,Lids.,2026-03-01,90,8\n"
    day = {} if column == "as_of" else {"as_of": datetime(2026, 2, 1)}
    rows = (first + second).replace("2026-03-01", "2026-02-01")
    report = load(corpus, header + rows.replace("2025-12", "2026-01"), **day)
    [note] = [note for note in report.notes if "kept as history" in note]
    assert "than their latest: 1." in note
    assert latest(corpus) == [100.0, 200.0]
