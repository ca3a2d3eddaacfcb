"""A note's reading apart from the rest: the plain form, and what is left alone."""

from __future__ import annotations

import pytest

from ig_assets.core.corpus.scripts.parse import parse_file
from ig_assets.core.corpus.scripts.reading_apart import reading_apart

PLAIN = """---
topic: herbs
performance:
  source: Meta export
  as_of: 2026-01-31
  views: 1200
  likes: 80
language: en
---
# A hook

Words.
"""


def apart_of(text: str) -> object:
    return reading_apart(text.encode())


@pytest.mark.parametrize(
    "block",
    [
        "performance:\n  source: Meta export\n  as_of: 2026-01-31\n  views: 9\n",
        "performance: {as_of: 2026-01-31, reach: 95, plays: 3}\n",
        "performance:\n    as_of: 2026-01-31\n    views: null\n",
    ],
)
def test_the_plain_form_is_read_as_the_parser_reads_it(block: str) -> None:
    text = f"---\ntopic: herbs\n{block}---\n# A hook\n\nWords.\n"
    apart = reading_apart(text.encode())
    [script] = parse_file("a.md", text.encode()).scripts
    assert apart is not None and apart.performance == script.performance


def test_the_rest_is_the_same_whatever_the_counts_and_no_other_change() -> None:
    first = reading_apart(PLAIN.encode())
    assert first is not None
    counts = reading_apart(PLAIN.replace("1200", "9").replace("80", "7").encode())
    assert counts is not None and counts.rest_hash == first.rest_hash
    assert counts.performance != first.performance
    for old, new in [("herbs", "herb"), ("Words", "words"), ("en\n", "de\n")]:
        other = reading_apart(PLAIN.replace(old, new).encode())
        assert other is not None and other.rest_hash != first.rest_hash
    longer = reading_apart(PLAIN.replace("  likes: 80\n", "").encode())
    assert longer is not None and longer.rest_hash != first.rest_hash  # lines move


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("---\ntopic", "topic"),  # no front matter
        ("1200", "1200 # of two reels"),
        ("1200", '"1200"'),
        ("1200", "*same"),
        ("1200", "- 1200"),
        ("1200", "over 9000"),
        ("1200", "70"),  # fewer than its likes
        ("  views: 1200\n", "  views: 1200\n  views: 1300\n"),
        ("  views: 1200\n", "   views: 1200\n"),
        ("  likes: 80\n", "  likes: 80\n\n    more\n"),
        ("Meta export", "sk-abcdefghijklmnopqrstuvwx"),
        ("Words.", "Its performance."),
        ("Words.", "performance:\n  views: 3\n"),
        ("language", "Performance"),
        ("  as_of: 2026-01-31\n", ""),
        ("\n", "\r\n"),
        ("2026-01-31", "2026-01-31T10:00"),
    ],
)
def test_what_is_not_plain_is_left_to_the_parser(old: str, new: str) -> None:
    assert old in PLAIN
    assert apart_of(PLAIN.replace(old, new)) is None
