"""A remark names the lines of what it is about, and quotes no word of it."""

from __future__ import annotations

import pytest

from ig_assets.core.corpus.scripts.parse import parse_file
from ig_assets.core.corpus.scripts.places import named_lines

NOTE = """---
title: My cousin Theodora swears by this
---
# Oil a squeaky drawer with sepia wax

## My cousin *Theodora* swears by this

Rub it [nod at Mrs Ottoline Brandt] into the rail, [he
points up] then wait.

## My cousin Theodora swears by this

CTA: Save this.
"""


def test_headings_and_cues_of_a_note_are_named_by_their_lines_alone() -> None:
    [script] = parse_file("f1.md", NOTE.encode()).scripts
    heading, asked = (one for one in script.left_out if one.detail)
    assert (heading.kind, heading.pieces) == ("unknown heading", 2)
    assert heading.detail.startswith("Lines 6 and 11: a heading ")
    assert (asked.kind, asked.pieces) == ("cue within a sentence", 2)
    assert asked.detail.startswith("Line 8: words in brackets ")
    said = heading.detail + asked.detail
    assert not any(word in said for word in ("Theodora", "Ottoline", "points", "“"))


def test_a_row_of_a_table_has_its_place_in_its_name_and_no_line() -> None:
    table = b"hook,body\nRice cries.,Rinse [slowly] it.\n"
    [(uri, _), (_, asked)] = parse_file("a.csv", table).left_out
    assert uri == "a.csv#1"
    assert asked.detail.startswith("Words in brackets within a sentence are taken")


@pytest.mark.parametrize(
    "passages, said",
    [
        ([], ""),
        (["nowhere"], ""),
        (["\u2026"], ""),
        (["beta"], "Line 2: "),
        (["beta", "beta"], "Lines 2 and 4: "),
        (["alpha", "[gamma delta]", "beta"], "Lines 1, 2 and 3: "),
        (["alpha", "beta"] + ["beta"] * 4, "Lines 1, 2, 4 and 1 more: "),
    ],
)
def test_lines_are_counted_from_one_and_few_are_named(
    passages: list[str], said: str
) -> None:
    text = "alpha\n**beta**\nsay [gamma\ndelta] and beta twice\n"
    assert named_lines(passages, text) == said
