"""Exports of real tools, through every door that they can enter."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from ig_assets.core.corpus.history_import.identity.vendor_names import vendor_names
from ig_assets.core.corpus.history_import.reading.rows import ParsedHistory, read_history
from ig_assets.core.corpus.scripts.parse import parse_file
from ig_assets.core.experiments.engagement.recording import read_recording
from ig_assets.core.generation.topics.content_calendar import read_calendar
from ig_assets.core.tabular import ValueOptions, value_options
from ig_assets.errors import InputError

FILES = Path(__file__).parents[5] / "shared" / "real_files"
HERE = pytest.mark.skipif(
    not FILES.is_dir(), reason="the folder shared/real_files is not here"
)


def history(tmp_path: Path, name: str, content: str | bytes, **o: Any) -> ParsedHistory:
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    found = read_history(file, **o)
    skipped = sum((found.skipped or {}).values())
    assert found.rows_read == len(found.rows) + len(found.rejects) + skipped
    return found


def seen(found: ParsedHistory) -> list[tuple[str, datetime | None, dict[str, float]]]:
    return [(row.hook, row.posted_on, dict(row.counts)) for row in found.rows]


# ── the files of shared/real_files ──────────────────────────────────────────

# Rows taken, lines rejected, and what the first row says.
HISTORY: dict[str, tuple[int, list[int], dict[str, Any]]] = {
    "01_meta_business_suite_us.csv": (
        *(2, [4]),
        {
            "post_id": "18000000000000001",
            "posted_on": datetime(2026, 3, 4, 6, 8),
            "views": 15200,
            "reach": 9800,
            "saves": 55,
        },
    ),
    "02_meta_business_suite_de.csv": (
        *(2, []),
        {
            "post_id": "18000000000000011",
            "posted_on": datetime(2026, 3, 4, 18),
            "likes": 410,
            "shares": 120,
        },
    ),
    "04a_instagram_download_mojibake.jsonl": (
        *(2, []),
        {"text": "Café ohne Filter – drei Griffe 🔪", "views": 900},
    ),
    "04b_double_encoded.csv": (1, [], {"text": "Café ohne Filter – drei Griffe"}),
    "05a_hidden_likes_minus_one.jsonl": (
        *(2, []),
        {"likes": None, "views": 15200, "post_id": "AAA1", "author": "studio.pan"},
    ),
    "05c_nan_caption.jsonl": (1, [1], {"text": "Lids.", "views": None, "likes": 20}),
    "05d_array_named.jsonl": (2, [], {"text": "Lids."}),
    "06a_unclosed_quote_first_row.csv": (12, [2], {"views": 101}),
    "06b_unclosed_quote_middle.csv": (12, [6], {"views": 101}),
    "06c_two_captions_begin_with_quote.csv": (5, [3, 7], {"views": 500}),
    "06f_backslash_quotes.csv": (
        *(3, []),
        {"text": 'She said "salt, then wait", and she was right'},
    ),
    "07a_caption_last_with_commas.csv": (1, [2, 3], {"text": "One pan"}),
    "07b_caption_with_bare_line_break.csv": (1, [2, 3], {"text": "Three cuts"}),
    "08_replay_german_thousands.csv": (4, [], {"views": 1234, "likes": 40}),
    "09a_scheduler_gaps_and_separators.csv": (6, [], {"impressions": 2000}),
    "11a_ytdlp_first.jsonl": (
        *(2, []),
        {
            "hook": "Your onions are steaming, not frying.",
            "posted_on": datetime(2026, 3, 4, 6, 8),
            "views": 15200,
        },
    ),
    "12_daily_snapshots.csv": (
        *(6, []),
        {
            "posted_on": datetime(2026, 3, 4, 6, 8),
            "read_at": datetime(2026, 3, 5),
            "views": 1000,
        },
    ),
    "15_zero_time.csv": (2, [], {"posted_on": datetime(2026, 3, 4)}),
    "21_numeric.parquet": (
        *(2, []),
        {"views": 15200, "likes": 410, "posted_on": datetime(2026, 3, 4, 4, 8)},
    ),
}


@HERE
@pytest.mark.parametrize("name", HISTORY)
def test_a_real_file_is_taken_as_it_is(name: str) -> None:
    taken, rejected, first = HISTORY[name]
    found = read_history(FILES / name)
    assert len(found.rows) == taken
    lines = [int(r.source_uri.rpartition("#")[2]) for r in found.rejects]
    assert sorted(lines) == rejected
    row = found.rows[0]
    values = {**vars(row), **{m: None for m in ("views", "likes")}, **row.counts}
    assert {name: values[name] for name in first} == first


@HERE
def test_a_schedulers_gaps_and_separators_cost_no_row() -> None:
    rows = read_history(FILES / "09a_scheduler_gaps_and_separators.csv").rows
    assert [row.counts.get("views") for row in rows] == [
        *(1800.0, None, None, 15000.0, 1100.0, 0.0)
    ]
    assert (rows[3].counts["impressions"], rows[4].counts["impressions"]) == (
        *(12400.0, 1200.0),
    )


@HERE
def test_a_boundary_date_is_no_date_and_is_noted() -> None:
    found = read_history(FILES / "15_zero_time.csv")
    assert found.rows[1].posted_on is None
    assert found.notes[0].startswith("`posted_on`: 1 value was left out")


@HERE
def test_a_recording_with_german_thousands_is_read_by_its_column() -> None:
    found = read_recording(FILES / "08_replay_german_thousands.csv")
    assert found.counters["views"].tolist() == [1234.0, 2480.0, 999.0, 512.0]
    assert "Counts fall from one reading to the next" in found.falling
    daily = read_recording(FILES / "12_daily_snapshots.csv")
    assert (daily.post_ids, daily.rows_read, daily.rejects) == (
        *(["180001", "180002"], 6, ()),
    )


@HERE
@pytest.mark.parametrize(
    ("name", "hooks"),
    [
        ("17b_library_excel_sep.csv", ["Pan hook"]),
        ("library/scripts.tsv", ["Tabbed hook"]),
        ("24_three_tests.csv", ["Your onions are steaming", "Stop stirring"]),
    ],
)
def test_a_library_reads_the_same_tables(name: str, hooks: list[str]) -> None:
    parsed = parse_file(name, (FILES / name).read_bytes())
    assert parsed.rejects == ()
    for script, hook in zip(parsed.scripts, hooks, strict=False):
        assert script.hook.startswith(hook)


@HERE
@pytest.mark.parametrize(
    ("name", "topics", "rejected"),
    [
        ("clickup.csv", ["Mushrooms dry pan"], 0),
        ("german.csv", ["Paprika schneiden"], 0),
        ("excel_sep.csv", ["Lids"], 0),
        ("extra_column.csv", ["Lids"], 0),
    ],
)
def test_a_real_calendar_is_read(name: str, topics: list[str], rejected: int) -> None:
    reading = read_calendar(FILES / "calendar" / name, "2026-03")
    assert [topic.topic for topic, _ in reading.topics] == topics
    assert [str(topic.due_on) for topic, _ in reading.topics] == ["2026-03-06"]
    assert len(reading.rejects) == rejected


@HERE
def test_each_date_of_a_calendar_is_read_or_says_how_to_write_it() -> None:
    reading = read_calendar(FILES / "calendar" / "dates.csv", "2026-03")
    assert {topic.due_on.day for topic, _ in reading.topics} == {6, 7}
    assert len(reading.topics) == 6
    assert ["format the column as a date" in reading.rejects[0].detail] == [True]
    assert "has no day; write it as 2026-01-31" in reading.rejects[1].detail


# ── the same spoilt table at each door ──────────────────────────────────────

SPOILT = {
    "an open quote": 'post_id,hook,as_of,views\na,A,2026-01-02,1\nb,"B,2026-01-02,1\n'
    "c,C,2026-01-02,1\n",
    "too wide": "post_id,hook,as_of,views\na,A,2026-01-02,1\nb,B,2026-01-02,1,9\n"
    "c,C,2026-01-02,1\n",
    "too short": "post_id,hook,as_of,views\na,A,2026-01-02,1\nb,B,2026-01-02\n"
    "c,C,2026-01-02,1\n",
}


@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_spoilt_row_is_rejected_with_its_line_at_every_door(
    tmp_path: Path, how: str, encoding: str
) -> None:
    content = SPOILT[how].encode(encoding)
    found = history(tmp_path, "t.csv", content)
    assert [row.hook for row in found.rows] == ["A", "C"]
    assert [r.source_uri for r in found.rejects] == ["history:t.csv#3"]
    recorded = read_recording(tmp_path / "t.csv")
    assert recorded.post_ids == ["a", "c"] and recorded.rejects[0][0] == 3
    parsed = parse_file("t.csv", content)
    assert [script.hook for script in parsed.scripts] == ["A", "C"]
    assert "(line 3)" in parsed.rejects[0].detail
    plan = tmp_path / "plan.csv"
    text = SPOILT[how].replace("hook", "topic").replace("as_of", "due_on")
    plan.write_bytes(text.encode(encoding))
    reading = read_calendar(plan, "2026-01")
    assert [topic.topic for topic, _ in reading.topics] == ["A", "C"]
    assert "(line 3)" in reading.rejects[0].detail


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


def test_google_sheets_as_tsv_and_a_column_of_row_numbers(tmp_path: Path) -> None:
    found = history(
        tmp_path,
        "sheet.tsv",
        '\tcaption\tviews\tlikes\n0\tLids, 5" wide\t10\t1\n1\tPans\t20\t2\n',
    )
    assert seen(found) == [
        ('Lids, 5" wide', None, {"views": 10.0, "likes": 1.0}),
        ("Pans", None, {"views": 20.0, "likes": 2.0}),
    ]


def test_fivetran_and_airbyte_with_nested_records(tmp_path: Path) -> None:
    lines = [
        {
            "_airbyte_ab_id": "u1",
            "_airbyte_data": {
                "id": "17900000000000001",
                "caption": "Lids.",
                "timestamp": "2026-03-04T06:08:00+0000",
                "like_count": 41,
                "owner": {"username": "studio.pan"},
                "insights": [{"name": "views", "values": [{"value": 830}]}],
            },
        }
    ]
    text = "\n".join(map(json.dumps, lines))
    for preset in (None, "airbyte"):
        found = history(tmp_path, "media.jsonl", text, preset=preset)
        counts = {"likes": 41.0, "views": 830.0}
        assert seen(found) == [("Lids.", datetime(2026, 3, 4, 6, 8), counts)]
        assert found.rows[0].post_id == "17900000000000001"


def test_bigquery_as_parquet_with_structs_and_a_date(tmp_path: Path) -> None:
    file = tmp_path / "bq.parquet"
    duckdb.sql(
        "SELECT 'Lids.' AS caption, DATE '2026-03-04' AS publish_date, "
        "830::NUMERIC AS views, NULL::BIGINT AS likes, {'a': 1} AS title"
    ).write_parquet(str(file))
    found = read_history(file)
    assert seen(found) == [("Lids.", datetime(2026, 3, 4), {"views": 830.0})]
    assert "it holds objects" in found.columns[4].why


@pytest.mark.parametrize(
    "columns",
    [
        "{'likes': 10, 'views': 830} AS statistics",
        "MAP {'likes': 10, 'views': 830} AS stats",
        "[{'likes': 10, 'views': 830}] AS metrics",
    ],
)
def test_objects_in_parquet_are_unpacked_like_those_of_json(
    tmp_path: Path, columns: str
) -> None:
    file = tmp_path / "n.parquet"
    duckdb.sql(
        "SELECT 'Lids.' AS caption, TIMESTAMPTZ '2026-03-04 08:08:00+02' AS timestamp, "
        "12::DECIMAL(9, 2) AS shares, [1, 2] AS numbers, "
        f"{{'username': 'studio.pan'}} AS owner, {columns}"
    ).write_parquet(str(file))
    found = read_history(file)
    counts = {"views": 830.0, "likes": 10.0, "shares": 12.0}
    assert seen(found) == [("Lids.", datetime(2026, 3, 4, 6, 8), counts)]
    assert found.rows[0].author == "studio.pan"
    as_json = duckdb.sql(f"SELECT to_json(t) FROM read_parquet('{file}') AS t")
    [(text,)] = as_json.fetchall()
    again = history(tmp_path, "n.jsonl", text)
    assert (seen(again), again.mapping) == (seen(found), found.mapping)


def test_directions_in_captions_are_kept_and_said(tmp_path: Path) -> None:
    text = "Caption,Views\nLids [zoom in] on,9\nPans (laughs),8\nOil (yes really),7\n"
    found = history(tmp_path, "t.csv", text)
    assert [row.hook for row in found.rows][0] == "Lids [zoom in] on"
    assert any(note.startswith("2 texts have directions") for note in found.notes)


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


def test_a_count_without_end_is_no_count_and_no_crash(tmp_path: Path) -> None:
    file = tmp_path / "i.parquet"
    duckdb.sql(
        "SELECT 'Lids.' AS caption, "
        "{'views': 'inf'::DOUBLE, 'likes': 'nan'::DOUBLE} AS s"
    ).write_parquet(str(file))
    assert read_history(file, {"views": "s.views"}).rejects[0].reason == "not a count"


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


def test_a_row_that_sums_up_a_test_is_no_arm(tmp_path: Path) -> None:
    text = (
        "test_id,Variant,Caption,Views,Likes\nt1,A,Lids,900,40\nt1,B,Pans,800,60\n"
        "t1,Winner,B,,\nt1,Lift,+50 %,,\nt2,Winner,A winning lid,70,5\nt2,P,Oil,0,0\n"
    )
    found = history(tmp_path, "t.csv", text)
    assert [row.arm for row in found.rows] == ["A", "B", "Winner", "P"]
    assert [r.reason for r in found.rejects] == ["a result, not an arm"] * 2
    assert found.rows_read == 6


def test_a_date_against_the_order_that_was_given_is_no_date_and_is_counted(
    tmp_path: Path,
) -> None:
    text = "caption,date,views\nLids,03/04/2026,10\nPans,25/06/2026,20\n"
    found = history(tmp_path, "t.csv", text, values=value_options(None, "mdy", None))
    assert [day for _, day, _ in seen(found)] == [datetime(2026, 3, 4), None]
    assert any("no date in the order month, day, year" in note for note in found.notes)


def test_an_excel_workbook_with_titles_and_dates(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="the extra `excel` is not installed")
    file = tmp_path / "book.xlsx"
    file.write_bytes(_workbook())
    found = read_history(file)
    assert seen(found) == [
        ("Your onions are steaming", datetime(2026, 3, 4, 18), {"views": 15200.0}),
        ("Three cuts", datetime(2026, 3, 12), {"views": 830.0}),
    ]
    assert found.skipped == {"heading": 1, "blank": 1, "totals": 1}


def _workbook() -> bytes:
    """A workbook with a merged title, a blank row, a header, two rows and totals."""
    import io
    import zipfile

    def cell(value: object, style: int = 0) -> str:
        if isinstance(value, str):
            return f'<c t="inlineStr" s="{style}"><is><t>{value}</t></is></c>'
        return f'<c s="{style}"><v>{value}</v></c>'

    rows = [
        [cell("Instagram, March")],
        [],
        [cell("Caption"), cell("Publish time"), cell("Views")],
        [cell("Your onions are steaming"), cell(46085.75, 1), cell(15200)],
        [cell("Three cuts"), cell(46093, 1), cell(830)],
        [cell("Total"), cell(""), cell(16030)],
    ]
    body = "".join(
        f'<row r="{n}">{"".join(row)}</row>' for n, row in enumerate(rows, 1)
    )
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    pkg = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{pkg}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package'
        '.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{pkg}/relationships"><Relationship '
        f'Id="r1" Type="{rel}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{rel}"><sheets><sheet '
        'name="Posts" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{pkg}/relationships">'
        f'<Relationship Id="r1" Type="{rel}/worksheet" '
        f'Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="{rel}/styles" '
        'Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f"<styleSheet {main}><fonts><font/></fonts><fills><fill/>"
        "</fills><borders><border/></borders><cellStyleXfs><xf/></cellStyleXfs>"
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="22" applyNumberFormat="1"/>'
        "</cellXfs></styleSheet>",
        "xl/worksheets/sheet1.xml": f"<worksheet {main}><sheetData>{body}</sheetData>"
        "</worksheet>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        for name, content in parts.items():
            book.writestr(name, content)
    return out.getvalue()


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


def test_a_json_with_two_lists_of_posts_is_asked_about(tmp_path: Path) -> None:
    rows = [{"caption": "Salt the pan.", "likes": 1}]
    content = json.dumps({"posts": rows, "reels": rows})
    with pytest.raises(InputError, match=r"several lists \(posts, reels\)"):
        history(tmp_path, "all.json", content)


def test_a_single_row_with_lists_of_its_own_is_a_row(tmp_path: Path) -> None:
    row = {"id": "dQw4w9WgXcQ", "title": "Salt", "description": "Salt the pan."}
    row |= {"view_count": 9, "like_count": 1, "formats": [{"url": "a"}, {"url": "b"}]}
    found = history(tmp_path, "one.info.json", json.dumps(row), preset="yt-dlp")
    assert [r.text for r in found.rows] == ["Salt the pan."]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("_airbyte_extracted_at", "2026-03-09T05:00:00Z"),
        ("_fivetran_synced", "2026-03-09T05:00:00.000Z"),
        ("_sdc_extracted_at", "2026-03-09T05:00:00+00:00"),
        ("_dlt_load_id", "1773032400.0"),
        ("scrapedAt", "2026-03-09T05:00:00.000Z"),
        ("epoch", 1773032400),
    ],
)
def test_the_time_of_extraction_is_that_of_the_reading(
    tmp_path: Path, column: str, value: object
) -> None:
    row = {"id": "dQw4w9WgXcQ", "caption": "Salt the pan.", "views": 9, "likes": 1}
    row = {"created_at": "2026-03-04T06:08:00Z", column: value, **row}
    found = history(tmp_path, "table.jsonl", json.dumps(row))
    assert found.rows[0].read_at == datetime(2026, 3, 9, 5)
    recorded = tmp_path / "recording.jsonl"
    recorded.write_text(json.dumps(row), encoding="utf-8")
    read = read_recording(recorded)
    assert str(read.observed_at[0])[:19] == "2026-03-09T05:00:00"


def test_airbytes_time_of_extraction_beside_the_record_is_kept(tmp_path: Path) -> None:
    record = {"id": "17900000000000001", "caption": "Salt.", "likes": 1, "views": 9}
    row = {"_airbyte_extracted_at": "2026-03-09T05:00:00Z", "_airbyte_data": record}
    for preset in (None, "airbyte"):
        found = history(tmp_path, "raw.jsonl", json.dumps(row), preset=preset)
        assert found.rows[0].read_at == datetime(2026, 3, 9, 5)


# ── what was not taken is said ──────────────────────────────────────────────


def test_a_file_without_a_rate_says_what_that_means_and_which_column_names_it(
    tmp_path: Path,
) -> None:
    content = "Caption,Views,Hearts,New Follows\nSalt the pan,900,40,3\n"
    found = history(tmp_path, "tool.csv", content)
    notes = " ".join(found.notes)
    assert "No post has a rate, since no column is known as likes or clicks" in notes
    assert "decide nothing. --map likes=COLUMN names it" in notes
    assert "not taken: Hearts, New Follows." in notes
    mapped = history(tmp_path, "tool.csv", content, mapping={"likes": "Hearts"})
    assert "No post has a rate" not in str(mapped.notes)
    assert "not taken: New Follows." in str(mapped.notes)


def test_a_count_column_whose_values_are_no_counts_is_named(tmp_path: Path) -> None:
    content = "Caption,Views,Total likes\nSalt,900,4.1 %\nOil,80,5.2 %\n"
    found = history(tmp_path, "tool.csv", content)
    assert "'Total likes' was not taken for likes: its values are no counts" in str(
        found.notes
    )


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


def test_sprouts_zone_behind_a_time_is_read(tmp_path: Path) -> None:
    content = "Date,Post,Likes,Views\nMon 3/2/2026 6:30 pm PST,Knife skills,41,900\n"
    found = history(tmp_path, "sprout.csv", content)
    assert found.rows[0].posted_on == datetime(2026, 3, 3, 2, 30)


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


def test_deleted_posts_and_drafts_are_skipped_and_counted(tmp_path: Path) -> None:
    header = "id,caption,views,likes,Status,_fivetran_deleted\n"
    rows = [
        ("1", "Published", "false"),
        ("2", "Published", "true"),
        ("3", "Draft", "false"),
        ("4", "Scheduled", "false"),
        ("5", "Failed", "false"),
        ("6", "Geplant", ""),
    ]
    text = header + "".join(f"{n},Salt {n}.,100,9,{s},{d}\n" for n, s, d in rows)
    found = history(tmp_path, "posts.csv", text)
    assert [row.post_id for row in found.rows] == ["1"]
    skipped = {kind: n for kind, n in (found.skipped or {}).items() if n}
    assert skipped == {"deleted": 1, "not posted": 4}
    assert found.rows_read == 6
