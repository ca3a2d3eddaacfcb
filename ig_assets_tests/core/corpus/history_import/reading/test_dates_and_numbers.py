"""Dates and numbers as people of several countries write them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from ig_assets.core.experiments.engagement.recording import read_recording
from ig_assets.core.tabular import value_options
from ig_assets.errors import InputError
from ig_assets_tests.core.corpus.history_import.reading.exports import history, seen

# ── shapes of other tools ───────────────────────────────────────────────────


def test_brazilian_dates_and_counts_in_words(tmp_path: Path) -> None:
    found = history(
        tmp_path,
        "br.csv",
        "Legenda;Data da publicação;Visualizações;Curtidas\n"
        "Sal primeiro;25/03/2026;1,2 mi;15 mil\nTampas;01/04/2026;830;41\n",
    )
    assert seen(found)[1] == (
        "Tampas",
        datetime(2026, 4, 1),
        {"views": 830.0, "likes": 41.0},
    )
    assert found.rows[0].counts["views"] == 1_200_000.0


def test_digits_of_another_script_are_digits(tmp_path: Path) -> None:
    found = history(tmp_path, "ar.csv", "caption,views\nبصل,١٥٢٠٠\n")
    assert seen(found) == [("بصل", None, {"views": 15200.0})]


def test_an_ambiguous_export_is_asked_about_and_answered(tmp_path: Path) -> None:
    text = "caption;date;views\nLids;03/04/2026;1.000\nPans;05/06/2026;2.000\n"
    with pytest.raises(InputError, match="'1.000' .line 2.*--numbers en, de or fr"):
        history(tmp_path, "t.csv", text)
    de = value_options("de", None, None)
    with pytest.raises(InputError, match="--dates mdy or dmy"):
        history(tmp_path, "t.csv", text, values=de)
    both = value_options("de", "dmy", None)
    assert seen(history(tmp_path, "t.csv", text, values=both)) == [
        ("Lids", datetime(2026, 4, 3), {"views": 1000.0}),
        ("Pans", datetime(2026, 6, 5), {"views": 2000.0}),
    ]


def test_a_date_against_the_order_that_was_given_is_no_date_and_is_counted(
    tmp_path: Path,
) -> None:
    text = "caption,date,views\nLids,03/04/2026,10\nPans,25/06/2026,20\n"
    found = history(tmp_path, "t.csv", text, values=value_options(None, "mdy", None))
    assert [day for _, day, _ in seen(found)] == [datetime(2026, 3, 4), None]
    assert any("no date in the order month, day, year" in note for note in found.notes)


# ── dates as people write them ──────────────────────────────────────────────


def test_of_a_range_the_first_day_is_taken_and_counted(tmp_path: Path) -> None:
    rows = ["2026-03-02 → 2026-03-04", "Fr 06.03.2026", "Do 06.03.2026"]
    content = "caption,published,views,likes\n" + "".join(
        f"Salt the pan {n},{day},100,5\n" for n, day in enumerate(rows)
    )
    found = history(tmp_path, "planner.csv", content)
    days = [row.posted_on for row in found.rows]
    assert days == [datetime(2026, 3, 2), datetime(2026, 3, 6), None]
    assert "1 value was a range of days; the first day was taken" in str(found.notes)
    assert "names another weekday than that day has" in str(found.notes)


def test_a_reading_has_one_time_and_no_range(tmp_path: Path) -> None:
    content = "caption,as_of,views,likes\nSalt the pan,2026-03-02 → 2026-03-04,9,1\n"
    found = history(tmp_path, "period.csv", content)
    assert [r.detail for r in found.rejects] == [
        "`as_of` is a range of days; a reading has one time."
    ]
    recorded = "id,day,views\nabc123,2026-03-02 → 2026-03-04,9\n"
    (tmp_path / "recorded.csv").write_text(recorded, encoding="utf-8")
    with pytest.raises(InputError, match="line 2: not a day"):
        read_recording(tmp_path / "recorded.csv")


def test_the_end_of_a_range_is_the_end_of_a_test(tmp_path: Path) -> None:
    content = "caption,ends_on,views,likes\nSalt,2026-03-02 → 2026-03-04,9,1\n"
    found = history(tmp_path, "tests.csv", content)
    assert found.rows[0].ends_on == datetime(2026, 3, 4)


# ── a zone in a column's name ───────────────────────────────────────────────


@pytest.mark.parametrize(
    ("column", "zone", "utc"),
    [
        ("Date (GMT)", None, datetime(2026, 7, 4, 12)),
        ("Publish time (UTC+02:00)", "Asia/Tokyo", datetime(2026, 7, 4, 10)),
        ("Publish time (PST)", None, datetime(2026, 7, 4, 19)),  # summer time
        ("Publish time (PST)", "Europe/Berlin", datetime(2026, 7, 4, 10)),
        ("Publish time (Europe/Berlin)", None, datetime(2026, 7, 4, 10)),
        ("created_at_utc", "Europe/Berlin", datetime(2026, 7, 4, 12)),
        ("PUBLISHED_AT_UTC", None, datetime(2026, 7, 4, 12)),
    ],
)
def test_a_zone_in_a_columns_name_is_that_of_its_times(
    tmp_path: Path, column: str, zone: str | None, utc: datetime
) -> None:
    content = f"caption,{column},views,likes\nSalt the pan,2026-07-04 12:00,9,1\n"
    values = value_options(None, None, zone)
    found = history(tmp_path, "posts.csv", content, values=values)
    assert found.rows[0].posted_on == utc
    assert "taken as UTC" not in str(found.notes)
    by_name = "as the column's name says" in str(found.notes)
    assert by_name == (column != "Publish time (PST)" or zone is None)
