"""Exports of data warehouses, connectors, scrapers and spreadsheets."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from ig_assets.core.corpus.history_import.reading.rows import read_history
from ig_assets.core.experiments.engagement.recording import read_recording
from ig_assets_tests.core.corpus.history_import.reading.exports import history, seen

# ── shapes of other tools ───────────────────────────────────────────────────


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


def test_a_count_without_end_is_no_count_and_no_crash(tmp_path: Path) -> None:
    file = tmp_path / "i.parquet"
    duckdb.sql(
        "SELECT 'Lids.' AS caption, "
        "{'views': 'inf'::DOUBLE, 'likes': 'nan'::DOUBLE} AS s"
    ).write_parquet(str(file))
    assert read_history(file, {"views": "s.views"}).rejects[0].reason == "not a count"


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


# ── JSON as vendors wrap it, and when it was read ───────────────────────────


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


# ── more tools, as they write ───────────────────────────────────────────────


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
