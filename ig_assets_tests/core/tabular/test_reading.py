"""Every physical row is taken, rejected with its line, or counted as skipped."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ig_assets.core.tabular import (
    BLANK,
    HEADING,
    TOTALS,
    Cell,
    Nested,
    RowProblem,
    UnreadableTableError,
    open_table,
)

SMALL = settings(
    max_examples=settings.default.max_examples // 5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Read:
    """All rows, problems and skipped rows of a file."""

    def __init__(self, content: bytes | Path, name: str = "t.csv") -> None:
        self.table = open_table(content, name)
        self.rows: dict[int, list[Cell]] = {}
        self.problems: list[RowProblem] = []
        self.skipped: Counter[str] = Counter()
        for batch in self.table.batches():
            for line, row in zip(batch.lines, batch.rows, strict=True):
                assert line not in self.rows
                self.rows[line] = list(row)
            self.problems += batch.problems
            self.skipped += batch.skipped

    @property
    def cells(self) -> list[list[Cell]]:
        return list(self.rows.values())

    @property
    def bad_lines(self) -> list[int]:
        return [problem.line for problem in self.problems]


def text(*lines: str) -> bytes:
    return "\n".join(lines).encode()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_gives_the_header_most_names(
    delimiter: str,
) -> None:
    header = delimiter.join(["hook", '"views, all; of | it"', "likes", "x"])
    assert len(Read(header.encode()).table.columns) == 4


def test_an_open_quote_costs_its_row_and_no_other(block_size: int) -> None:
    read = Read(
        text(
            "caption,views",
            "One,1",
            '"Too cold,2',
            "Two,3",
            '"Too hot, she said,4',
            '"Quoted, ""well""",5',
        )
    )
    assert read.bad_lines == [3, 5]
    assert read.cells == [["One", "1"], ["Two", "3"], ['Quoted, "well"', "5"]]


def test_a_row_that_is_too_wide_or_too_short_is_rejected(block_size: int) -> None:
    read = Read(text("caption,views,likes", "A,1,2", "B,1,2,3", "C,1", "D,1,2"))
    assert [tuple(problem) for problem in read.problems] == [
        (3, "It has 4 values and the header 3."),
        (4, "It has 2 values and the header 3."),
    ]
    assert [row[0] for row in read.cells] == ["A", "D"]


@pytest.mark.parametrize(
    ("lines", "bad"),
    [
        (["caption,views", "One,1", "Salt first", "then wait,2", "Two,3"], [3, 4]),
        (["views,caption", "1,One", "2,Salt first", "then wait", "3,Two"], [3, 4]),
        (["views,n,caption", "1,1,A b", "2,2,Salt", "a, b, c", "3,3,C d"], [3, 4]),
        (["id,caption", "a1,One", "a2,Salt first", "#pan", "a3,Two"], [3, 4]),
    ],
)
def test_a_bare_line_break_never_gives_a_cut_text(
    lines: list[str], bad: list[int], block_size: int
) -> None:
    read = Read(text(*lines))
    assert sorted(read.bad_lines) == bad
    assert list(read.rows) == [line for line in (2, 3, 4, 5) if line not in bad]


def test_quotes_and_backslashes_escaped_as_mysql_does_are_read() -> None:
    read = Read(text("caption,views", r'"She said \"salt, then\", ok",1', '"A",2'))
    assert read.cells == [['She said "salt, then", ok', "1"], ["A", "2"]]


def test_titles_blanks_totals_and_repeated_headers_are_skipped_and_counted(
    block_size: int,
) -> None:
    read = Read(
        text(
            "Instagram report",
            "1 to 31 March",
            "",
            "Post ID,Caption,Views",
            "1,One,10",
            "",
            ",,",
            "Post ID,Caption,Views",
            "Total,,30",
            "2,Total control of heat,20",
        )
    )
    assert read.skipped == {HEADING: 3, BLANK: 3, TOTALS: 1}
    assert read.cells == [["1", "One", "10"], ["2", "Total control of heat", "20"]]
    assert list(read.rows) == [5, 10]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_make_no_difference(encoding: str, end: str) -> None:
    lines = ["sep=;", "caption;views", '"Café', 'first";1', "Zwei;2"]
    for content in (end.join(lines), end.join(lines) + end):
        read = Read(content.encode(encoding))
        assert read.cells == [["Café\nfirst", "1"], ["Zwei", "2"]]
        assert list(read.rows) == [3, 5]
        assert Read(gzip.compress(content.encode(encoding))).cells == read.cells


@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        (b"", "empty", "it is empty"),
        (b"\n \n", "empty", "it is empty"),
        ("a,b\nCafé,1".encode("cp1252"), "encoding", "Line 2 .*0xE9, as in Windows"),
        (b"a,b\n\x81,1", "encoding", "Line 2 .* unknown encoding"),
        ("a,b\n1,2".encode("utf-16-le"), "binary", "NUL bytes"),
        (b"\x1f\x8bno", "broken", "not complete gzip"),
        (b"\xd0\xcf\x11\xe0", "unknown kind", "old Excel file"),
        (b"<!DOCTYPE html><html>", "unknown kind", "web page"),
        (b"PAR1 and no more", "broken", "cannot be read as Parquet"),
    ],
)
def test_a_file_that_is_no_table_is_one_sentence(
    content: bytes, kind: str, sentence: str
) -> None:
    with pytest.raises(UnreadableTableError, match=sentence) as raised:
        Read(content)
    assert raised.value.kind == kind


def test_json_lines_and_an_array_give_typed_cells_and_nothing_nested_as_text() -> None:
    rows = [
        {"id": 18000000000000001, "n": 1.5, "ok": True, "o": {"likes": 3}, "l": [1]},
        {"id": 2, "extra": "x"},
    ]
    lines = Read("\n".join(map(json.dumps, rows)).encode(), "t.jsonl")
    array = Read(json.dumps(rows, indent=1).encode(), "t.jsonl")
    assert lines.table.columns == ("id", "n", "ok", "o", "o.likes", "l", "extra")
    assert lines.cells == array.cells
    assert lines.cells[0] == [
        *(18000000000000001, 1.5, True, Nested({"likes": 3}), 3, Nested([1]), None)
    ]


def test_a_broken_json_row_costs_itself() -> None:
    lines = ['{"a": 1}', "{bad", "", '{"a": 1, "a": 2}', "[1]", '{"a": 2}']
    read = Read(text(*lines), "t.jsonl")
    assert read.bad_lines == [2, 4, 5] and read.skipped == {BLANK: 1}
    assert read.rows == {1: [1], 6: [2]}
    with pytest.raises(UnreadableTableError, match="breaks on line 2"):
        Read(b'[{"a": 1},\n {"a": ]', "t.json")


def test_airbytes_records_are_unwrapped_beside_their_time_of_extraction() -> None:
    inner = {"caption": "Pan", "like_count": 3}
    for data in (inner, json.dumps(inner)):
        line = json.dumps({"_airbyte_extracted_at": "x", "_airbyte_data": data})
        read = Read(line.encode(), "t.jsonl")
        assert (read.table.columns, read.cells) == (
            ("_airbyte_extracted_at", "caption", "like_count"),
            [["x", "Pan", 3]],
        )


def test_parquet_keeps_its_types_and_a_time_keeps_its_zone(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    duckdb.sql(
        "SELECT 'Pan' AS caption, 12.5::DECIMAL(9,2) AS d, 7::BIGINT AS n, "
        "TIMESTAMPTZ '2026-03-04 06:08:00+02' AS at, [1] AS l, NULL AS nothing"
    ).write_parquet(str(file))
    for content in (file, file.read_bytes()):
        [[caption, number, count, at, nested, nothing]] = Read(content).cells
        assert (caption, float(str(number)), count, nothing) == ("Pan", 12.5, 7, None)
        assert at == datetime(2026, 3, 4, 4, 8, tzinfo=timezone.utc)
        assert nested == Nested([1])


# ── properties ──────────────────────────────────────────────────────────────

PLAIN = st.text(st.sampled_from("ab é\"',;\n\\🔪"), min_size=1, max_size=12)
CAPTIONS = PLAIN.filter(lambda words: words.strip(" ,;\n\"'\\") != "").map(
    lambda words: f"Pan {words}"
)
TABLES = st.lists(
    st.tuples(CAPTIONS, st.integers(1000, 9999), st.integers(100, 999)),
    min_size=2,
    max_size=8,
)


def written(rows: Sequence[Sequence[object]], delimiter: str = ",") -> list[str]:
    """Each row as CSV, without the end of its last line."""
    lines = []
    for row in rows:
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter, lineterminator="\n").writerow(row)
        lines.append(out.getvalue().removesuffix("\n"))
    return lines


SPOILERS = {
    "an open quote": lambda caption, rest: f'"{caption},{rest}',
    "a quote that is not closed in the last cell": lambda caption, rest: (
        f'{caption},{rest[:-3]}"{rest[-3:]}'
    ),
    "a cell too many": lambda caption, rest: f"{caption},{rest},5",
    "a cell too few": lambda caption, rest: f"{caption},{rest.partition(',')[0]}",
    "a bare comma": lambda caption, rest: f"{caption}, then wait,{rest}",
    "a bare line break": lambda caption, rest: f"{caption}\nthen wait,{rest}",
}


@pytest.mark.parametrize("how", SPOILERS)
@given(rows=TABLES, data=st.data())
@SMALL
def test_a_spoilt_row_never_changes_its_neighbours(
    how: str, rows: list[tuple[str, int, int]], data: st.DataObject, block_size: int
) -> None:
    spoilt = data.draw(st.integers(0, len(rows) - 1))
    lines = written(rows)
    _, views, likes = rows[spoilt]
    lines[spoilt] = SPOILERS[how]("The pan is too cold", f"{views},{likes}")
    read = Read(text("caption,views,likes", *lines))
    expected = [[c, str(v), str(n)] for c, v, n in rows]
    del expected[spoilt]
    assert read.cells == expected
    assert len(read.problems) == 1 + (how == "a bare line break")
    first = 2 + sum(line.count("\n") + 1 for line in lines[:spoilt])
    assert read.bad_lines[0] == first


@given(st.text(st.sampled_from('a1 ,";\n\t\\é'), max_size=120))
@SMALL
def test_whatever_the_text_is_its_rows_add_up(block_size: int, body: str) -> None:
    read = Read(f"caption,views\n{body}".encode())
    used = sum(
        1 + str(row[0]).count("\n") + str(row[1]).count("\n") for row in read.cells
    )
    lines = body.removesuffix("\n").split("\n") if body else []
    assert used + len(read.problems) + read.skipped.total() == len(lines)
    assert len({*read.bad_lines, *read.rows}) == len(read.rows) + len(read.problems)


@given(rows=TABLES)
@SMALL
def test_a_table_comes_back_from_every_kind_of_file(
    tmp_path: Path, block_size: int, rows: list[tuple[str, int, int]]
) -> None:
    expected = [[caption, str(v), str(n)] for caption, v, n in rows]
    header = ["caption", "views", "likes"]
    files: dict[str, bytes] = {
        f"t{n}.csv": text(*written([header, *rows], delimiter))
        for n, delimiter in enumerate(",;\t|")
    }
    objects = [dict(zip(header, row, strict=True)) for row in rows]
    files["t.jsonl"] = "\n".join(map(json.dumps, objects)).encode()
    files["t.json"] = json.dumps(objects, indent=1).encode()
    with duckdb.connect() as con:
        con.execute("CREATE TABLE t (caption TEXT, views BIGINT, likes DECIMAL(9, 0))")
        con.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
        con.execute(f"COPY t TO '{tmp_path / 't.parquet'}' (FORMAT parquet)")
    files["t.parquet"] = (tmp_path / "t.parquet").read_bytes()
    assert len(files) == 7
    for name, content in files.items():
        read = Read(content, name)
        assert read.problems == []
        assert [[str(cell) for cell in row] for row in read.cells] == expected


@pytest.mark.parametrize(
    "words",
    ["Summe M\u00e4rz", "Total March", "Grand Total Reels", "Monthly total"]
    + ["\u00d8 pro Reel", "Subtotal Q1", "Zwischensumme KW 12", "Total 2026"],
)
def test_totals_of_a_period_and_the_note_below_them_are_no_posts(
    words: str, block_size: int
) -> None:
    rows = ["Total chaos in my kitchen,,7,1", f"{words},,10,2", "* vorl\u00e4ufig,,,"]
    read = Read(text("Caption,Post ID,Views,Likes", *rows, "Two,2,3,1"))
    assert [row[0] for row in read.cells] == ["Total chaos in my kitchen", "Two"]
    assert (read.skipped[TOTALS], read.problems) == (2, [])


@pytest.mark.parametrize("row", [",March 2026,Monthly total,90", "KW 12,,Summe,90"])
def test_a_total_beside_the_name_of_its_period_is_no_post(row: str) -> None:
    kept = "Total,March 2026,How I reset,7"
    read = Read(text("Caption,Month,Note,Views", "One,March 2026,x,10", row, kept))
    assert [line[0] for line in read.cells] == ["One", "Total"]
    assert read.skipped[TOTALS] == 1


def test_a_caption_of_such_words_with_an_id_is_a_post() -> None:
    read = Read(text("Caption,Post ID,Views", "Total March,17,10", "Total,,10"))
    assert [row[0] for row in read.cells] == ["Total March"]
    assert read.skipped[TOTALS] == 1
