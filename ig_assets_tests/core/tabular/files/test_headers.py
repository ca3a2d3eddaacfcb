"""Rows below a second header are read by its own order, or rejected; none is lost."""

from __future__ import annotations

import pytest

from ig_assets.core.tabular import HEADING
from ig_assets_tests.core.tabular.test_reading import Read, text
from ig_assets_tests.factories.workbook import workbook

FIRST = "Post ID,Caption,Views,Likes"
ROWS = ["17,One pan,100,20", "18,Two pans,101,21", "19,Three pans,102,22"] * 10


def both(*lines: str) -> list[Read]:
    """The same lines as CSV and as a workbook."""
    sheet = [line.split(",") for line in lines]
    return [Read(text(*lines)), Read(workbook({"Posts": sheet}), "t.xlsx")]


@pytest.mark.parametrize(
    "second", ["Post ID,Caption,Likes,Views", "Likes,Views,Caption,Post ID"]
)
def test_rows_below_a_header_in_another_order_are_read_by_that_order(
    second: str, block_size: int
) -> None:
    order = [FIRST.split(",").index(name) for name in second.split(",")]
    moved = [",".join(row.split(",")[at] for at in order) for row in ROWS]
    csv, sheet = both(FIRST, *ROWS, second, *moved, FIRST, *ROWS, second, *moved)
    for read in (csv, sheet):
        cells = [[str(cell) for cell in row] for row in read.cells]
        assert cells == [row.split(",") for row in ROWS * 4]
        assert (read.skipped[HEADING], read.problems) == (3, [])


def test_words_alone_are_read_by_the_order_of_their_header(block_size: int) -> None:
    csv, sheet = both("Caption,Notes", "One,a", "Notes,Caption", "b,Two")
    for read in (csv, sheet):
        assert [list(row) for row in read.cells] == [["One", "a"], ["Two", "b"]]


def test_a_column_that_a_later_header_lacks_has_no_value_there() -> None:
    sheet = [FIRST.split(","), ["17", "One", "10", "2"]]
    sheet += [["Likes", "Post ID", "Caption", ""], ["5", "18", "Two", ""]]
    read = Read(workbook({"Posts": sheet}), "t.xlsx")
    assert read.cells == [["17", "One", "10", "2"], ["18", "Two", None, "5"]]


def test_rows_below_a_header_with_another_column_are_rejected_with_their_lines(
    block_size: int,
) -> None:
    lines = (FIRST, *ROWS, "Post ID,Caption,Views,Shares", *ROWS, FIRST, *ROWS)
    csv, sheet = both(*lines)
    for read in (csv, sheet):
        assert len(read.cells) == 60 and read.bad_lines == list(range(33, 63))
        assert "second header (line 32)" in read.problems[0].detail
        assert "the first (its column 4)" in read.problems[0].detail
        assert "Shares" not in read.problems[0].detail, "it may be a script's words"


@pytest.mark.parametrize("second", ["Post ID,Caption,Likes", f"{FIRST},Shares"])
def test_rows_below_a_wider_or_narrower_header_are_rejected_until_the_first_again(
    second: str, block_size: int
) -> None:
    read = Read(text(FIRST, *ROWS, second, "20,Four, pans,3", *ROWS, FIRST, *ROWS))
    assert len(read.cells) == 60 and read.bad_lines == list(range(32, 64))
    assert "second header with more or fewer" in read.problems[0].detail


def test_a_header_of_a_table_of_something_else_makes_its_rows_no_posts(
    block_size: int,
) -> None:
    lines = (FIRST, *ROWS, "Country,Followers,Views,Likes", "Austria,9 %,1200,40")
    csv, sheet = both(*lines)
    for read in (csv, sheet):
        assert (len(read.cells), read.bad_lines) == (30, [33])
        assert "(its column 1)" in read.problems[0].detail


def test_a_row_of_data_that_has_names_of_columns_in_it_is_no_header() -> None:
    read = Read(text("Caption,Type,Format,Views", "One,Type,Format,10", "Two,a,b,20"))
    assert len(read.cells) == 2


@pytest.mark.parametrize("title", ["Stories", "Reels of March"])
def test_a_title_above_a_second_header_is_no_row(title: str, block_size: int) -> None:
    lines = (FIRST, *ROWS, f"{title},,,", FIRST, *ROWS, f",{title},,", FIRST, *ROWS)
    found = [
        (len(read.cells), read.skipped[HEADING], read.problems) for read in both(*lines)
    ]
    assert found == [(90, 4, [])] * 2


def test_a_caption_alone_that_no_header_follows_is_a_row(block_size: int) -> None:
    short = both(FIRST, *ROWS, ",Lids on,,", *ROWS, ",Salt first,,")
    assert [len(read.cells) for read in short] == [62, 62]
    long = both(FIRST, ",A caption of more words than a title,,", FIRST, *ROWS)
    assert [len(read.cells) for read in long] == [31, 31]
