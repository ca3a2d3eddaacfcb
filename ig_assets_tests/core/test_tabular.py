"""Rules for tables: one reading of delimiters, names, counts and instants."""

from __future__ import annotations

from datetime import datetime

import pytest

from ig_assets.core.tabular.strict_csv import (
    BrokenCsvError,
    csv_rows,
    guess_delimiter,
    parse_count,
    parse_instant,
    plain_name,
)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_the_one_that_the_header_has_most_of(delimiter: str) -> None:
    assert guess_delimiter(delimiter.join(["hook", "views, all", "likes", "x"])) == (
        delimiter
    )


def test_a_column_name_is_known_in_any_case_and_spelling() -> None:
    names = {plain_name(name) for name in ("Like Count", " like-count ", "LIKE_COUNT?")}
    assert names == {"like_count"}


def test_an_instant_is_naive_utc() -> None:
    assert parse_instant("2026-01-31") == datetime(2026, 1, 31)
    assert parse_instant("2026-01-31T12:00:00+02:00") == datetime(2026, 1, 31, 10)


@pytest.mark.parametrize(
    "text",
    ["someday", "", "0001-01-01T00:00:00+23:59", "9999-12-31T23:00:00-10:00"],
)
def test_what_is_no_instant_of_the_calendar_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_instant(text)


@pytest.mark.parametrize("text", ["1.234", "1,234", "-1", "12.5", "1e23", "many", ""])
def test_a_count_that_could_mean_two_numbers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a whole number of 0 or more"):
        parse_count(text)


def test_counts_are_whole_numbers_however_a_spreadsheet_writes_them() -> None:
    assert [parse_count(text) for text in ("0", "12", "12.0", "1.2e3")] == [
        *[0.0, 12.0, 12.0, 1200.0]
    ]


def test_a_quote_that_is_never_closed_is_reported_with_its_line() -> None:
    assert list(csv_rows("a;b\n\n1;2\n")) == [["a", "b"], ["1", "2"]]
    with pytest.raises(BrokenCsvError) as raised:
        list(csv_rows('a,b\n1,"never closed\n2,3\n'))
    assert raised.value.line == 3
