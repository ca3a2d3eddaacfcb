"""Exports and answers of Instagram, YouTube and TikTok."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.corpus.history_import.identity.vendor_names import vendor_names
from ig_assets.core.corpus.history_import.reading.rows import read_history
from ig_assets_tests.core.corpus.history_import.reading.exports import history, seen

# ── shapes of other tools ───────────────────────────────────────────────────


def test_youtube_studios_ids_and_its_row_of_totals_are_no_scripts(
    tmp_path: Path,
) -> None:
    found = history(
        tmp_path,
        "Table data.csv",
        "Content,Video title,Video publish time,Duration,Views,Watch time (hours)\n"
        "Total,,,,16030,120.5\n"
        'dQw4w9WgXcQ,Your onions are steaming,"Mar 4, 2026",31,15200,110.2\n'
        'a1B2c3D4e5F,Three cuts,"Mar 12, 2026",24,830,10.3\n',
    )
    assert seen(found) == [
        ("Your onions are steaming", datetime(2026, 3, 4), {"views": 15200.0}),
        ("Three cuts", datetime(2026, 3, 12), {"views": 830.0}),
    ]
    assert found.skipped == {"totals": 1}
    preset = read_history(tmp_path / "Table data.csv", preset="youtube-studio")
    assert [row.post_id for row in preset.rows] == ["dQw4w9WgXcQ", "a1B2c3D4e5F"]


def test_tiktok_studio_with_a_title_and_french_thousands(tmp_path: Path) -> None:
    found = history(
        tmp_path,
        "tiktok.csv",
        "Aperçu du contenu;;;;\n\n"
        "Titre de la vidéo;Publié le;Nombre de vues;J'aime;Partages\n"
        "Vos oignons cuisent à la vapeur;4 mars 2026;15\u202f200;1\u00a0410;12\n"
        "Trois coupes;12 mars 2026;830;41;3\n",
    )
    assert seen(found)[0] == (
        "Vos oignons cuisent à la vapeur",
        datetime(2026, 3, 4),
        {"views": 15200.0, "likes": 1410.0, "shares": 12.0},
    )
    assert found.skipped == {"heading": 1, "blank": 1}


# ── JSON as vendors wrap it, and when it was read ───────────────────────────
DOWNLOAD = {
    "ig_reels_media": [
        {
            "media": [
                {
                    "uri": "media/reels/1.mp4",
                    "creation_timestamp": 1772604480,
                    "title": "CafÃ© ohne Filter",
                    "media_metadata": {"video_metadata": {"exif_data": [{"a": 1}]}},
                }
            ]
        },
        {
            "media": [{"uri": "2.jpg", "title": ""}, {"uri": "3.jpg", "title": ""}],
            "title": "Two photos.",
            "creation_timestamp": 1772604481,
        },
    ]
}
GRAPH = {
    "data": [
        {
            "id": "17900000000000001",
            "caption": "Salt the pan.",
            "like_count": 30,
            "timestamp": "2026-03-04T06:08:00+0000",
            "insights": {
                "data": [
                    {"name": "reach", "values": [{"value": 900}]},
                    {"name": "views", "values": [{"value": 1500}]},
                ]
            },
        }
    ],
    "paging": {"cursors": {"before": "x", "after": "y"}},
}


@pytest.mark.parametrize("indent", [None, 1])
def test_the_rows_of_a_wrapped_json_are_read_with_the_words_of_their_media(
    tmp_path: Path, indent: int | None
) -> None:
    content = json.dumps(DOWNLOAD, indent=indent)
    for preset in (None, "instagram-download"):
        found = history(tmp_path, "reels.json", content, preset=preset)
        assert [row.text for row in found.rows] == ["Café ohne Filter", "Two photos."]
        assert found.rows[0].posted_on == datetime(2026, 3, 4, 6, 8)
    graph = history(tmp_path, "media.json", json.dumps(GRAPH, indent=indent))
    counts = {"reach": 900, "views": 1500, "likes": 30}
    assert seen(graph) == [("Salt the pan.", datetime(2026, 3, 4, 6, 8), counts)]
    assert graph.rows[0].post_id == "17900000000000001"


def test_a_single_row_with_lists_of_its_own_is_a_row(tmp_path: Path) -> None:
    row = {"id": "dQw4w9WgXcQ", "title": "Salt", "description": "Salt the pan."}
    row |= {"view_count": 9, "like_count": 1, "formats": [{"url": "a"}, {"url": "b"}]}
    found = history(tmp_path, "one.info.json", json.dumps(row), preset="yt-dlp")
    assert [r.text for r in found.rows] == ["Salt the pan."]


# ── more tools, as they write ───────────────────────────────────────────────


def test_tiktoks_german_totals_are_read_and_a_date_without_a_year_is_said(
    tmp_path: Path,
) -> None:
    content = (
        "Uhrzeit,Videotitel,Videolink,Veröffentlichungszeitpunkt,"
        "„Gefällt mir“-Angaben insgesamt,Mal geteilt insgesamt,Aufrufe insgesamt\n"
        "28. März,Messer halten,https://www.tiktok.com/@p/video/73,2. März,"
        '"1.410",30,"15.300"\n'
        "28. März,Salz zuerst,https://www.tiktok.com/@p/video/74,5. März,41,2,1.612\n"
    )
    found = history(tmp_path, "tiktok.csv", content)
    counts = {"views": 15300, "likes": 1410, "shares": 30}
    assert seen(found)[0] == ("Messer halten", None, counts)
    assert found.rows[0].permalink.endswith("video/73")
    assert "2 values were left out, the first because it has no year" in str(
        found.notes
    )


def test_a_french_youtube_table_names_its_videos_by_content(tmp_path: Path) -> None:
    content = (
        "Contenu,Titre de la vidéo,Vues,Mentions « J'aime »,Impressions,"
        "Taux de clics par impressions (%)\nTotal,,16900,451,200000,4.2\n"
        "dQw4w9WgXcA,Les erreurs du couteau,15300,410,180000,4.3\n"
    )
    found = history(tmp_path, "yt.csv", content)
    assert found.rows[0].post_id == "dQw4w9WgXcA"
    assert (found.numerator, found.denominator) == ("likes", "views")
    assert "they are of thumbnails" in str(found.notes)
    assert found.skipped == {"totals": 1}


def test_a_link_to_a_media_file_is_no_permalink(tmp_path: Path) -> None:
    rows = [
        {"caption": "Salt.", "videoUrl": f"https://cdn.example/{n}.mp4", "likes": n}
        for n in (1, 2)
    ]
    found = history(tmp_path, "scrape.json", json.dumps(rows))
    assert [vendor_names(row) for row in found.rows] == [(), ()]


def test_answers_of_youtubes_and_tiktoks_interfaces_are_read(tmp_path: Path) -> None:
    video = {
        "id": "dQw4w9WgXcA",
        "snippet": {"publishedAt": "2026-03-02T18:30:00Z", "title": "Knife errors"},
        "statistics": {"viewCount": "15300", "likeCount": "410"},
    }
    answer = {"kind": "youtube#videoListResponse", "items": [video], "pageInfo": {}}
    found = history(tmp_path, "videos.json", json.dumps(answer, indent=2))
    published, counts = datetime(2026, 3, 2, 18, 30), {"views": 15300, "likes": 410}
    assert seen(found) == [("Knife errors", published, counts)]
    assert found.rows[0].post_id == "dQw4w9WgXcA"
    video = {
        "id": "7300000000000000001",
        "desc": "Knife errors",
        "createTime": 1772476200,
        "stats": {"playCount": 15300, "diggCount": 410},
    }
    content = json.dumps({"videos": [video], "hasMore": False})
    assert seen(history(tmp_path, "studio.json", content)) == seen(found)


def test_the_graph_apis_count_of_a_day_is_not_the_posts_reach(tmp_path: Path) -> None:
    day: Any = {
        "name": "reach",
        "period": "day",
        "values": [{"value": 100}, {"value": 50}],
    }
    views = {"name": "views", "period": "lifetime", "values": [{"value": 830}]}
    post: dict[str, Any] = {"id": "179", "caption": "Lids.", "like_count": 30}
    posts = {"data": [post | {"insights": {"data": [day, views]}}]}
    found = history(tmp_path, "media.json", json.dumps(posts))
    assert found.rows[0].counts == {"views": 830.0, "likes": 30.0}
    assert "not taken: reach per day" in " ".join(found.notes)
