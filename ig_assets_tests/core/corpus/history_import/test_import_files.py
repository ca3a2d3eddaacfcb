"""Files of each kind come in, and one that cannot is a sentence."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ig_assets.core.corpus.history_import.reading.columns import map_history
from ig_assets.core.tabular import open_table, profile_table
from ig_assets.errors import InputError, NothingTakenError
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import.imports import HEADER, load, put

UPWORTHY = Path(__file__).parents[5] / "shared" / "data" / "upworthy" / "dev.csv.gz"


def guess_mapping(columns: list[str]) -> dict[str, str]:
    table = open_table(",".join(columns).encode(), "names.csv")
    return map_history(profile_table(table), {}, None, "names.csv").names


def test_columns_are_guessed_whatever_their_case_and_spelling() -> None:
    assert guess_mapping(HEADER.strip().split(",")) == {
        "experiment_id": "test_id",
        "hook": "headline",
        "body": "lede",
        "impressions": "impressions",
        "clicks": "clicks",
        "image": "eyecatcher_id",
    }
    theirs = ["Caption", "Publish time", "Views", "Like Count", "Saves", "nonsense"]
    assert guess_mapping(theirs) == {
        "text": "Caption",
        "posted_on": "Publish time",
        "views": "Views",
        "likes": "Like Count",
        "saves": "Saves",
    }


def test_json_lines_parquet_and_gzip_give_the_same_scripts_as_csv(
    corpus: CorpusFactory,
) -> None:
    csv = put(corpus.folder, "hook,body,views,likes\nHook é,Body,100,5\nTwo,,50,1\n")
    lines = [
        {"hook": "Hook é", "body": "Body", "views": 100, "likes": 5},
        {"hook": "Two", "body": None, "views": 50, "likes": 1},
    ]
    jsonl = put(corpus.folder, "\n".join(map(json.dumps, lines)), "h.jsonl")
    parquet = corpus.folder / "h.parquet"
    duckdb.sql(f"SELECT * FROM read_csv('{csv}')").write_parquet(str(parquet))
    zipped = corpus.folder / "h.csv.gz"
    zipped.write_bytes(gzip.compress(b"\xef\xbb\xbf" + csv.read_bytes()))
    semicolons = put(corpus.folder, csv.read_text().replace(",", ";"), "semi.csv")
    array = put(corpus.folder, json.dumps(lines, indent=1), "array.jsonl")
    tabs = put(corpus.folder, csv.read_text().replace(",", "\t"), "h.tsv")
    ids = set()
    for file in (csv, jsonl, parquet, zipped, semicolons, array, tabs):
        report = load(corpus, file)
        assert (report.imported, report.rejected, report.scripts) == (2, 0, 2)
        ids |= set(corpus.active())
    assert len(ids) == 2


def test_excels_csv_with_semicolons_is_understood(corpus: CorpusFactory) -> None:
    rows = 'Titel;Views;Likes\r\n"Hook; with é";100;5\r\n"Two\nlines";50;1\r\n'
    for name, content in (("a.csv", rows), ("b.csv", f"sep=;\r\n{rows}")):
        file = corpus.folder / name
        file.write_bytes(b"\xef\xbb\xbf" + content.encode())
        report = load(corpus, file, mapping={"hook": "Titel"})
        assert (report.imported, report.rejected) == (2, 0)
        assert (report.numerator, report.denominator) == ("likes", "views")
    hooks = {row["hook"] for row in corpus.active().values()}
    assert hooks == {"Hook; with é", "Two lines"}


@pytest.mark.parametrize("name", ["h.csv", "h.jsonl"])
def test_a_file_that_is_not_utf_8_is_one_sentence_that_says_what_to_do(
    corpus: CorpusFactory, name: str
) -> None:
    file = corpus.folder / name
    file.write_bytes('hook,views\n{"hook": "Café"}\n'.encode("latin-1"))
    with pytest.raises(
        InputError,
        match="not UTF-8; save it as UTF-8 .in Excel.*Line 2 .*Windows-1252",
    ):
        load(corpus, file)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read_by_its_mark_and_refused_without(
    corpus: CorpusFactory, encoding: str
) -> None:
    file = corpus.folder / "h.csv"
    file.write_bytes("hook,views\nCafé,12\n".encode(encoding))
    if encoding == "utf-16":
        assert load(corpus, file).imported == 1
    else:
        with pytest.raises(InputError, match="NUL bytes; save the file as UTF-8"):
            load(corpus, file)


def test_a_caption_of_notes_has_lines_where_it_was_broken(
    corpus: CorpusFactory,
) -> None:
    rows = "caption,likes,views\nStop now\u2028A spoon is enough.,5,100\n"
    load(corpus, put(corpus.folder, rows))
    [script] = corpus.active().values()
    assert (script["hook"], script["body"]) == ("Stop now", "A spoon is enough.")


def test_a_given_mapping_overrides_the_guess(corpus: CorpusFactory) -> None:
    file = put(corpus.folder, "headline,punchline,views,hearts\nA,B,10,3\n")
    mapping = {"hook": "punchline", "likes": "hearts"}
    report = load(corpus, file, mapping=mapping, simulated=True)
    assert report.mapping == {"hook": "punchline", "likes": "hearts", "views": "views"}
    [row] = corpus.active().values()
    assert (row["text"], row["simulated"]) == ("B", True)


@pytest.mark.parametrize(
    ("name", "content", "options", "sentence"),
    [
        ("h.csv", "views,likes\n1,1\n", {}, "--map hook=COLUMN"),
        ("h.csv", "hook\nA\n", {"mapping": {"hook": "x"}}, "no column 'x'"),
        ("h.csv", "hook\nA\n", {"mapping": {"x": "hook"}}, "names nothing we know"),
        ("h.csv", "hook\nA\n", {"numerator": "likes"}, "metric 'likes'"),
        ("h.csv", "", {}, "is empty"),
        ("h.docx", "words", {}, "none of the kinds"),
        ("h.xlsx", "PK", {}, "cannot be read as an Excel workbook"),
        ("h.parquet", "PK", {}, "cannot be read as Parquet"),
        ("h.csv.gz", "not gzip", {}, "--map hook=COLUMN"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    corpus: CorpusFactory,
    name: str,
    content: str,
    options: dict[str, Any],
    sentence: str,
) -> None:
    with pytest.raises(InputError, match=sentence):
        load(corpus, put(corpus.folder, content, name), **options)
    with pytest.raises(InputError, match="cannot be opened"):
        load(corpus, corpus.folder / "missing.csv")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("hook,views\n", "it has no rows"),
        ("hook,views\n,1\n,2\nA,x\n", r"3 rows .*, 2 of them as 'no hook' \(line 2"),
    ],
)
def test_a_file_of_which_nothing_is_taken_says_why_and_leaves_no_trace(
    corpus: CorpusFactory, content: str, sentence: str
) -> None:
    file, before = put(corpus.folder, content), corpus.everything()
    with pytest.raises(NothingTakenError, match=sentence):
        load(corpus, file)
    assert corpus.everything() == before
    assert load(corpus, file, dry_run=True).why_nothing


@pytest.mark.skipif(not UPWORTHY.exists(), reason="the Upworthy archive is not here")
def test_the_upworthy_archive_is_understood_without_help(corpus: CorpusFactory) -> None:
    report = load(corpus, UPWORTHY)
    assert (report.rows_read, report.rejected, report.experiments) == (13410, 0, 2877)
    assert report.posts == 13410
    assert len(corpus.active()) == report.scripts
    assert corpus.rows(
        "SELECT metric, count(*) FROM engagement GROUP BY metric ORDER BY metric"
    ) == [("clicks", 13410), ("impressions", 13410)]


# ── an extended export ──────────────────────────────────────────────────────


def test_a_broken_json_line_is_a_rejected_row_and_the_others_keep_their_numbers(
    corpus: CorpusFactory,
) -> None:
    path = corpus.folder / "export.jsonl"
    path.write_text('{bad\n[1]\n{"hook": ""}\n{"hook": "Fine"}\n', encoding="utf-8")
    report = load(corpus, path)
    assert [
        (r.source_uri.rpartition("#")[2], r.reason) for r in report.rejects_sample
    ] == [
        ("1", "broken row"),
        ("2", "broken row"),
        ("3", "no hook"),
    ]
    assert report.imported == 1
