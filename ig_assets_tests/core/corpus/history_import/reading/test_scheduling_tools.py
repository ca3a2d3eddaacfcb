"""Exports of tools that schedule posts and report on them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ig_assets.core.tabular import ValueOptions
from ig_assets_tests.core.corpus.history_import.reading.exports import history, seen

# ── shapes of other tools ───────────────────────────────────────────────────


def test_later_and_hootsuite_with_twelve_hour_times_in_their_zone(
    tmp_path: Path,
) -> None:
    text = (
        "Date Posted,Caption,Post Link,Likes,Reach\n"
        '"03/28/2026, 2:05 PM","Salt first,\nthen wait",https://x.test/p/A/,40,900\n'
        '"03/30/2026, 2:05 PM",Lids,https://x.test/p/B/,20,500\n'
    )
    zone = ValueOptions(zone=ZoneInfo("Europe/Berlin"))
    found = history(tmp_path, "later.csv", text, values=zone)
    assert [row.posted_on for row in found.rows] == [
        *(datetime(2026, 3, 28, 13, 5), datetime(2026, 3, 30, 12, 5))
    ]
    assert found.rows[0].text == "Salt first,\nthen wait" and found.notes == ()
    assert found.rows[1].permalink == "https://x.test/p/B/"


def test_buffer_and_metricool_with_percents_and_decimal_commas(tmp_path: Path) -> None:
    found = history(
        tmp_path,
        "metricool.csv",
        "Fecha de publicación;Texto;Impresiones;Alcance;Me gusta;Engagement\n"
        "13/03/2026 18:00;Primero la sal;12.400;9.100;610;6,71\n"
        "02/04/2026 18:00;Tapas;1.050;700;41;5,86\n",
    )
    assert seen(found) == [
        (
            "Primero la sal",
            datetime(2026, 3, 13, 18),
            {"impressions": 12400.0, "reach": 9100.0, "likes": 610.0},
        ),
        (
            "Tapas",
            datetime(2026, 4, 2, 18),
            {"impressions": 1050.0, "reach": 700.0, "likes": 41.0},
        ),
    ]


def test_airtables_names_lookups_and_ideas_are_no_words_and_no_posts(
    tmp_path: Path,
) -> None:
    text = (
        "Name,Caption,Status,Publish Date,Views (from Insights),"
        "Likes Rollup (from Insights)\n"
        "Reel 1,Salt first,Published,3/22/2026 6:05pm,900,41\nReel 2,Not yet,Idea,,,\n"
    )
    found = history(tmp_path, "a.csv", text)
    counts = {"views": 900.0, "likes": 41.0}
    assert seen(found) == [("Salt first", datetime(2026, 3, 22, 18, 5), counts)]
    assert found.rows[0].text == "Salt first" and found.skipped == {"not posted": 1}


# ── more tools, as they write ───────────────────────────────────────────────


def test_hootsuites_prefixes_and_title_lines_are_read(tmp_path: Path) -> None:
    content = (
        "Hootsuite Analytics\nReport period: 2026-03-01 to 2026-03-31\n\n"
        '"Date (GMT)","Post ID","Post message","Post likes","Post impressions"\n'
        '"2026-03-02 18:30","17900000000000011","Knife skills","410","12400"\n'
        "Total,,,410,12400\n"
    )
    found = history(tmp_path, "hootsuite.csv", content)
    counts = {"impressions": 12400, "likes": 410}
    assert seen(found) == [("Knife skills", datetime(2026, 3, 2, 18, 30), counts)]


def test_sprouts_zone_behind_a_time_is_read(tmp_path: Path) -> None:
    content = "Date,Post,Likes,Views\nMon 3/2/2026 6:30 pm PST,Knife skills,41,900\n"
    found = history(tmp_path, "sprout.csv", content)
    assert found.rows[0].posted_on == datetime(2026, 3, 3, 2, 30)
