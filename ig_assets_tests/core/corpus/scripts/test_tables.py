"""Rows of a table: what makes a script, and how each unusable row is rejected."""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ig_assets.core.corpus.scripts import parse
from ig_assets.core.corpus.scripts.parse import FileContents, parse_file
from ig_assets_tests.factories.workbook import workbook

ROWS: list[dict[str, Any]] = [
    {
        "id": "one",
        "topic": "onions",
        "hook_style": "story",
        "author": "jonas",
        "language": "no",
        "hook": "Hook é 🧅",
        "body": "First.\n\nSecond, with a comma.",
        "cta": "Save it.",
        "views": 200,
        "likes": 8,
        "as_of": "2026-01-31",
        "source": "export",
        "nonsense": 1,
    },
    {"id": None, "hook": "Another", "body": "مرحبا", "cta": ""},
]


def jsonl(*rows: dict[str, Any]) -> FileContents:
    return parse_file("in/rows.jsonl", "\n".join(map(json.dumps, rows)).encode())


def csv(text: str) -> FileContents:
    return parse_file("in/rows.csv", text.encode())


def parquet(folder: Path, rows: list[dict[str, Any]]) -> bytes:
    source, target = folder / "rows.json", folder / "rows.parquet"
    source.write_text(json.dumps(rows))
    duckdb.sql(f"SELECT * FROM read_json('{source}')").write_parquet(str(target))
    return target.read_bytes()


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",") -> bytes:
    import csv as writer

    out = io.StringIO()
    lines = writer.DictWriter(out, list(rows[0]), delimiter=delimiter)
    lines.writeheader()
    lines.writerows(rows)
    return out.getvalue().encode()


def reasons(parsed: FileContents) -> dict[str, str]:
    return {reject.source_uri: reject.reason for reject in parsed.rejects}


def test_json_lines_csv_and_parquet_give_the_same_scripts(tmp_path: Path) -> None:
    lines = "\r\n".join(map(json.dumps, ROWS))
    files = {
        "in/rows.jsonl": lines.encode(),
        "in/rows.JSONL": lines.encode("utf-16"),
        "in/rows.csv": b"\xef\xbb\xbf" + as_csv(ROWS),
        "in/rows.CSV": as_csv(ROWS, ";"),
        "in/rows.parquet": parquet(tmp_path, ROWS),
    }
    assert len(files) == 5
    for path, content in files.items():
        parsed = parse_file(path, content)
        assert (parsed.rejects, parsed.unreadable) == ((), False)
        first, second = parsed.scripts
        assert (first.script_id, first.source_uri) == ("library/one", f"{path}#one")
        assert (second.script_id, second.source_uri) == (
            "library/in/rows#2",
            f"{path}#2",
        )
        assert first.text == "\n\n".join(
            ("Hook é 🧅", "First.\n\nSecond, with a comma.", "Save it.")
        )
        assert (first.topic, first.author, first.language) == ("onions", "jonas", "no")
        assert first.performance is not None
        assert first.performance.as_of == datetime(2026, 1, 31)
        assert (first.performance.rate, first.performance.source) == (0.04, "export")
        assert (second.hook, second.body, second.performance) == (
            "Another",
            "مرحبا",
            None,
        )


def test_a_text_in_one_column_is_split_into_its_parts() -> None:
    plain = "The hook\n\nThe body.\n\nCTA: Save it."
    parsed = jsonl(
        {"id": 1, "text": plain},
        {"id": 2, "text": f"# {plain}"},
        {"id": 3, "text": plain, "hook": "The hook", "call_to_action": "Save it."},
        {
            "id": 4,
            "hook": "The hook",
            "Body": "The body.",
            "Call to action": "Save it.",
        },
        {"id": 5, "text": plain, "performance": {"as_of": "2026-01-01", "likes": 3}},
    )
    assert parsed.rejects == ()
    for script in parsed.scripts:
        parts = (script.hook, script.body, script.call_to_action)
        assert parts == ("The hook", "The body.", "Save it.")
    assert parsed.scripts[0].script_id == "library/1"
    assert parsed.scripts[4].performance is not None


@pytest.mark.parametrize(
    ("reason", "row"),
    [
        ("empty", {"topic": "x"}),
        ("empty", {"text": " \n"}),
        ("no hook", {"body": "A body without a hook."}),
        ("over 64 KiB", {"text": "x" * 70_000}),
        ("over 64 KiB", {"hook": "x", "body": "é" * 40_000}),
        ("binary", {"text": "a\x00b"}),
        ("invalid UTF-8", {"text": "\ud800"}),
        ("looks like a secret", {"text": "Use sk-" + "a1B2" * 8}),
        ("looks like a secret", {"text": "x", "topic": "AKIA" + "A1B2" * 4}),
        ("broken row", {"text": ["x"]}),
        ("two calls to action", {"text": "x\n\nCTA: a", "cta": "b"}),
    ],
)
def test_a_bad_row_is_listed_with_its_reason_and_the_others_go_on(
    reason: str, row: dict[str, Any]
) -> None:
    parsed = jsonl({"id": "a", "text": "A"}, {"id": "bad", **row}, {"text": "B"})
    assert reasons(parsed) == {"in/rows.jsonl#bad": reason}
    assert [script.text for script in parsed.scripts] == ["A", "B"]
    assert "a1B2" not in parsed.rejects[0].detail
    assert not parsed.unreadable, "its id is known, so nothing else can be meant"


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("label", {"topic": {"a": "b"}}),
        ("label", {"author": "a\nb"}),
        ("reading", {"likes": 3}),
        ("reading", {"likes": -2, "as_of": "2026-01-01"}),
        ("reading", {"likes": "many", "as_of": "2026-01-01"}),
        ("reading", {"likes": 1, "as_of": "yesterday"}),
    ],
)
def test_a_bad_label_or_reading_of_a_row_costs_no_script(
    kind: str, more: dict[str, Any]
) -> None:
    parsed = jsonl({"id": "a", "text": "A", **more}, {"text": "B"})
    assert [script.text for script in parsed.scripts] == ["A", "B"]
    [(source_uri, left_out)] = parsed.left_out
    assert (source_uri, left_out.kind) == ("in/rows.jsonl#a", kind)
    assert parsed.scripts[0].performance is None


@pytest.mark.parametrize("line", ["{", "[1]", "3", "[" * 50_000, "1" * 5_000])
def test_a_line_that_is_no_object_makes_the_file_unreadable(line: str) -> None:
    content = '{"text": "A"}\n\n' + line + '\n{"text": "B"}'
    parsed = parse_file("in/rows.jsonl", content.encode())
    assert reasons(parsed) == {"in/rows.jsonl#3": "broken row"}
    assert [script.script_id[-2:] for script in parsed.scripts] == ["#1", "#4"]
    assert parsed.unreadable


def test_a_row_that_does_not_fit_the_header_is_no_script() -> None:
    parsed = csv("id,hook\na,A\nb\nc,C,x\n\nd,D\n")
    assert reasons(parsed) == {
        "in/rows.csv#2": "broken row",
        "in/rows.csv#3": "broken row",
    }
    assert [script.hook for script in parsed.scripts] == ["A", "D"]
    assert parsed.unreadable


def test_an_open_quote_costs_its_row_and_no_other() -> None:
    parsed = csv('id,hook\na,A\nb,"never closed\nc,C\nd,A\x00\n')
    assert reasons(parsed) == {"in/rows.csv#2": "broken row", "in/rows.csv#d": "binary"}
    assert "(line 3)" in parsed.rejects[0].detail
    assert [script.hook for script in parsed.scripts] == ["A", "C"]
    assert parsed.unreadable


def test_an_array_a_tsv_and_a_declared_delimiter_are_tables_too() -> None:
    for path, content in (
        ("a.jsonl", json.dumps([{"hook": "A"}, {"hook": "B"}], indent=1)),
        ("a.json", json.dumps([{"hook": "A"}, {"hook": "B"}])),
        ("a.tsv", "hook\tbody\nA\t\nB\t\n"),
        ("a.csv", "sep=;\r\nhook;body\r\nA;\r\nB;\r\n"),
    ):
        parsed = parse_file(path, content.encode())
        assert [script.hook for script in parsed.scripts] == ["A", "B"]
        assert parsed.rejects == ()


def test_text_that_was_encoded_twice_is_refused() -> None:
    twice = "Café – drei Griffe".encode().decode("cp1252")
    parsed = csv(f"id,hook\na,{twice}\nb,Caf\ufffd\nc,C\n")
    assert reasons(parsed) == {
        "in/rows.csv#a": "damaged text",
        "in/rows.csv#b": "damaged text",
    }


def test_one_id_with_two_texts_keeps_the_first_row() -> None:
    parsed = csv("id,hook\na,A\na,B\na,A\n")
    assert reasons(parsed) == {"in/rows.csv#2": "duplicate id"}
    assert [script.hook for script in parsed.scripts] == ["A"]


@pytest.mark.parametrize(
    ("reason", "path", "content"),
    [
        ("empty", "a.csv", b"\n \n"),
        ("empty", "a.jsonl", b""),
        ("invalid UTF-8", "a.csv", "hook\nCafé\n".encode("latin-1")),
        ("invalid UTF-8", "a.jsonl", b'{"text": "\xff"}'),
        ("broken table", "a.csv", b"title,clicks\nA,1\n"),
        ("broken table", "a.csv", b"hook,likes,Likes\nA,1,2\n"),
        ("broken table", "a.csv", b'id,hook\na,"never closed\n'),
        ("broken table", "a.jsonl", json.dumps([{"text": "x"}], indent=1).encode()[:9]),
        ("broken table", "a.parquet", b"PAR1 and no more"),
        ("broken table", "a.parquet", b""),
    ],
)
def test_a_broken_file_is_one_reject_and_unreadable(
    reason: str, path: str, content: bytes
) -> None:
    parsed = parse_file(path, content)
    assert reasons(parsed) == {path: reason}
    assert (parsed.scripts, parsed.unreadable) == ((), True)


def test_a_table_may_be_larger_than_a_script_up_to_its_own_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = "\n".join(["hook", *(f"Hook {n} {'x' * 500}" for n in range(300))])
    assert len(csv(content).scripts) == 300
    monkeypatch.setattr(parse, "MAX_TABLE_BYTES", 1000)
    assert reasons(csv(content)) == {"in/rows.csv": "over 256 MiB"}


def test_bytes_without_a_type_are_text(tmp_path: Path) -> None:
    target = tmp_path / "rows.parquet"
    duckdb.sql("SELECT encode('Café 🧅 late.') AS hook").write_parquet(str(target))
    [script] = parse_file("a.parquet", target.read_bytes()).scripts
    assert script.hook == "Café 🧅 late."
    duckdb.sql(r"SELECT '\xFF\xFE late'::BLOB AS hook").write_parquet(str(target))
    assert reasons(parse_file("a.parquet", target.read_bytes())) == {
        "a.parquet": "broken table"
    }


def test_a_table_with_a_header_only_has_no_scripts() -> None:
    assert csv("id,hook\n") == FileContents((), ())


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
names = st.sampled_from(["id", "text", "hook", "body", "cta", "likes", "performance"])


@given(st.lists(st.dictionaries(names, json_values, max_size=5), max_size=4))
def test_no_row_crashes_the_reader(rows: list[dict[str, Any]]) -> None:
    parsed = jsonl(*rows)
    assert parsed == jsonl(*rows)
    if rows:
        assert len({script.script_id for script in parsed.scripts}) == len(
            parsed.scripts
        )
        assert len(parsed.scripts) + len(parsed.rejects) >= 1


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Hook,Script,CTA", "Rice cries.,Rinse it.,Save it."),
        ("Hook,Voiceover,CTA", "Rice cries.,Rinse it.,Save it."),
        ("Name,Hook,Skript,Handlungsaufforderung", "x,Rice cries.,Rinse it.,Save it."),
    ],
)
def test_a_column_of_spoken_words_has_many_names(header: str, row: str) -> None:
    [script] = csv(f"{header}\n{row}\n").scripts
    assert (script.hook, script.body) == ("Rice cries.", "Rinse it.")
    assert script.call_to_action == "Save it."


def test_the_sheets_that_are_not_read_are_named_with_their_rows() -> None:
    pytest.importorskip("python_calamine", reason="the extra `excel` is not installed")
    book = workbook(
        {
            "Legend": [["what", "means"], ["x", "done"], [], ["y", "open"]],
            "Scripts": [["hook", "body"], ["Rice cries.", "Rinse [slowly] it."]],
            "Old": [["hook"], ["Not this"]],
        }
    )
    contents = parse_file("a.xlsx", book)
    assert [script.body for script in contents.scripts] == ["Rinse it."]
    assert [(uri, found.kind, found.pieces) for uri, found in contents.left_out] == [
        ("a.xlsx", "sheet", 2),
        ("a.xlsx#1", "cue", 1),
        ("a.xlsx#1", "cue within a sentence", 1),
    ]
    assert contents.left_out[0][1].detail == (
        "Sheets 'Legend' (2 rows), 'Old' (1 row) are not read; save what you need as "
        "a file of its own."
    )
