"""What an export holds beside posts is left out and said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ig_assets.errors import InputError
from ig_assets_tests.core.corpus.history_import.reading.exports import history

# ── shapes of other tools ───────────────────────────────────────────────────


def test_directions_in_captions_are_kept_and_said(tmp_path: Path) -> None:
    text = "Caption,Views\nLids [zoom in] on,9\nPans (laughs),8\nOil (yes really),7\n"
    found = history(tmp_path, "t.csv", text)
    assert [row.hook for row in found.rows][0] == "Lids [zoom in] on"
    assert any(note.startswith("2 texts have directions") for note in found.notes)


def test_a_row_that_sums_up_a_test_is_no_arm(tmp_path: Path) -> None:
    text = (
        "test_id,Variant,Caption,Views,Likes\nt1,A,Lids,900,40\nt1,B,Pans,800,60\n"
        "t1,Winner,B,,\nt1,Lift,+50 %,,\nt2,Winner,A winning lid,70,5\nt2,P,Oil,0,0\n"
    )
    found = history(tmp_path, "t.csv", text)
    assert [row.arm for row in found.rows] == ["A", "B", "Winner", "P"]
    assert [r.reason for r in found.rejects] == ["a result, not an arm"] * 2
    assert found.rows_read == 6


# ── JSON as vendors wrap it, and when it was read ───────────────────────────


def test_a_json_with_two_lists_of_posts_is_asked_about(tmp_path: Path) -> None:
    rows = [{"caption": "Salt the pan.", "likes": 1}]
    content = json.dumps({"posts": rows, "reels": rows})
    with pytest.raises(InputError, match=r"several lists \(posts, reels\)"):
        history(tmp_path, "all.json", content)


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
