"""A row that sums up others is no post, wherever it says so; a caption is one."""

from __future__ import annotations

import pytest

from ig_assets.core.tabular import TOTALS
from ig_assets_tests.core.tabular.test_reading import Read, text

HEADER = "Account,Post type,Caption,Publish time,Views"
POSTS = (
    "@brand,Reel,Three salts,2026-03-02 18:00,10",
    "@brand,Reel,Why bread burns,2026-03-03 18:00,20",
)


@pytest.mark.parametrize(
    "row",
    [
        *("@brand,Reel,Total,,30", "Total,Reel,,,30", "@brand,Total,,,30"),
        *(",,Monthly total for all reels,,30", ",,Total for March - @brand,,30"),
        *("@brand,,Gesamt f\u00fcr M\u00e4rz \u2013 @brand,,30", "@brand,,Overall,,30"),
        *("@brand,Reel,Total (2 posts),,30", "@brand,Reel,Average per reel,,15"),
        *(
            "@brand,,Total pour mars 2026,,30",
            "@brand,,Total,2026-03-01 to 2026-03-31,3",
        ),
    ],
)
def test_a_total_beside_an_account_or_a_type_of_post_is_no_post(
    row: str, block_size: int
) -> None:
    read = Read(text(HEADER, *POSTS, row))
    assert [cells[2] for cells in read.cells] == ["Three salts", "Why bread burns"]
    assert (read.skipped[TOTALS], read.problems) == (1, [])


def test_a_value_that_other_rows_have_says_nothing_of_its_own() -> None:
    rows = ["Three salts,North,10", "Why bread burns,North,20", "Total,North,30"]
    assert len(Read(text("Caption,Team,Views", *rows)).cells) == 2
    rows[2] = "Total,What a day,30"
    assert len(Read(text("Caption,Team,Views", *rows)).cells) == 3


@pytest.mark.parametrize(
    "row",
    [
        *("@brand,Reel,Total disaster in my kitchen,,30",),
        *("@brand,Reel,Total of 12 eggs and one pan,,30",),
        *("@brand,Reel,Average of my week in pictures,,30",),
        *("@brand,Reel,For a total reset,,30", "Total,Reel,How I reset,,30"),
        *("@brand,Reel,Total,2026-03-04 18:00,30", "@brand,Reel,Total,2026-03-04,30"),
    ],
)
def test_a_caption_with_words_or_a_time_of_its_own_is_a_post(
    row: str, block_size: int
) -> None:
    read = Read(text(HEADER, *POSTS, row))
    assert (len(read.cells), read.skipped[TOTALS]) == (3, 0)


def test_a_total_in_the_column_of_ids_is_no_post_and_words_with_an_id_are() -> None:
    rows = ["@brand,reelA1234,Total", "@brand,Total,", "@brand,,Total"]
    read = Read(text("Account,Post ID,Caption", *rows))
    assert [cells[1] for cells in read.cells] == ["reelA1234"]
    assert read.skipped[TOTALS] == 2


@pytest.mark.parametrize(
    "words", ["All posts", "All reels", "Alle Beitr\u00e4ge", "Sum of all campaigns"]
)
def test_a_sum_of_all_posts_is_no_post_and_a_caption_with_its_day_is(
    words: str,
) -> None:
    rows = ["Three salts,2026-03-04,10", "Why bread burns,2026-03-05,20"]
    header = "Caption,Published,Views"
    read = Read(text(header, *rows, f"{words},,30"))
    assert (len(read.cells), read.skipped[TOTALS]) == (2, 1)


@pytest.mark.parametrize("says", ["Best post", "Top reel", "Bester Beitrag", "Max"])
def test_a_post_that_is_repeated_as_the_best_has_no_date_of_its_own(says: str) -> None:
    read = Read(
        text(
            "Caption,Date,Views",
            *("Salt first,2026-03-01,9", "Lids on,2026-03-02,20"),
            *(f"{says},2026-03-03,4", f"{says},,20"),
        )
    )
    assert [row[0] for row in read.cells] == ["Salt first", "Lids on", says]
    assert read.skipped[TOTALS] == 1
