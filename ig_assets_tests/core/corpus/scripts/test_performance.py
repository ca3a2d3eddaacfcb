"""Counts that are written as words are read by the rules of values, or reported."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ig_assets.core.corpus.scripts.parse import FileContents, parse_file
from ig_assets.core.corpus.scripts.script import COUNTS


def rows(*performances: object) -> FileContents:
    lines = [
        {"id": n, "text": "A", "as_of": "2026-03-01", "performance": value}
        for n, value in enumerate(performances)
    ]
    return parse_file("in/rows.jsonl", "\n".join(map(json.dumps, lines)).encode())


def counts(contents: FileContents) -> list[dict[str, float]]:
    found = [script.performance for script in contents.scripts]
    return [
        {name: value for name in COUNTS if (value := getattr(read, name)) is not None}
        for read in found
        if read is not None
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("12400 views, 310 likes", {"views": 12400, "likes": 310}),
        ("Views: 12400; Likes: 310; CTR 4.2%", {"views": 12400, "likes": 310}),
        ("1.2K views · 31 likes · 4 saves", {"views": 1200, "likes": 31, "saves": 4}),
        ("12.400 Aufrufe, 1.310.000 Reichweite", {"views": 12400, "reach": 1310000}),
        ("views 12 400\nlikes 310", {"views": 12400, "likes": 310}),
        ("12400 views (4 % engagement)", {"views": 12400}),
    ],
)
def test_counts_in_words_are_a_reading(words: str, expected: dict[str, float]) -> None:
    contents = rows(words)
    assert (counts(contents), contents.left_out) == ([expected], [])


def test_the_column_decides_how_its_words_write_numbers() -> None:
    contents = rows("12,400 views, 310 likes", "8,215 views")
    assert counts(contents) == [{"views": 12400, "likes": 310}, {"views": 8215}]


@pytest.mark.parametrize(
    "value",
    ["12,400 views, 310 likes", 12400, "12400", 0.05, "went well", [1], True, "3 eggs"]
    + ["31 likes, 30 likes", "31.5 likes"],
)
def test_a_performance_that_cannot_be_read_is_reported_with_its_row(value: Any) -> None:
    contents = rows(value)
    assert [script.text for script in contents.scripts] == ["A"]
    [(source_uri, left_out)] = contents.left_out
    assert (source_uri, left_out.kind) == ("in/rows.jsonl#0", "reading")
    assert left_out.detail.endswith("write it as `12400 views, 310 likes`.")
    assert counts(contents) == []


def test_front_matter_has_the_same_words_with_their_day() -> None:
    text = "---\nperformance: 12400 views, 310 likes (as of 2026-03-01)\n---\n# Hook\n"
    contents = parse_file("a.md", text.encode())
    assert counts(contents) == [{"views": 12400, "likes": 310}]


def test_words_without_a_day_are_no_reading() -> None:
    contents = parse_file("a.md", b"---\nperformance: 12400 views\n---\n# Hook\n")
    [(_, left_out)] = contents.left_out
    assert "has no `as_of`" in left_out.detail
