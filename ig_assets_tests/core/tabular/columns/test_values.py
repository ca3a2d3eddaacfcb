"""Counts, dates, marks for no value and texts: one set of rules for all doors."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ig_assets.core.tabular import (
    AmbiguousColumnError,
    Cell,
    Formats,
    Instant,
    NotACountError,
    NotAnInstantError,
    Order,
    SpoiltTextError,
    ValueOptions,
    ambiguous_sentence,
    decide_formats,
    first_visible_line,
    is_missing,
    open_table,
    parse_cell_instant,
    parse_count,
    parse_instant,
    plain_name,
    repaired,
    text_of,
    value_options,
    visible,
)


def decided(*values: str, others: str = "0", **options: str) -> Formats:
    """The formats of a table whose columns `a` are these values and `b` is `others`."""
    lines = "\n".join(f"{value};{others}" for value in values)
    table = open_table(f"a;b\n{lines}\n".encode(), "t.csv")
    given = value_options(
        options.get("numbers"), options.get("dates"), options.get("zone")
    )
    return decide_formats(table, {"a": 0, "b": 1}, {"day": 0}, given)


def counts(*values: str, others: str = "0", **options: str) -> list[float | None]:
    form = decided(*values, others=others, **options).numbers["a"]
    return [parse_count(value, form) for value in values]


def test_a_column_name_is_known_in_any_case_and_spelling() -> None:
    names = {plain_name(n) for n in ("Like Count", " like-count ", "LIKE_COUNT?")}
    assert names == {"like_count"} == {plain_name("likeCount")}
    assert plain_name("Veröffentlichungszeitpunkt") == "veroffentlichungszeitpunkt"
    assert plain_name("いいね") == "いいね"


@pytest.mark.parametrize(
    "mark", ["", " ", "-", "--", "–", "N/A", "NaN", "NULL", r"\N", "#NAME?", None]
)
def test_a_mark_for_no_value_is_missing(mark: str | None) -> None:
    assert is_missing(mark) and parse_count(mark) is None
    assert parse_cell_instant(mark) is None and text_of(mark) == ""


@pytest.mark.parametrize("cell", ["-1", -1, -1.0, Decimal(-1)])
def test_a_hidden_count_is_missing(cell: Cell) -> None:
    assert parse_count(cell) is None


@pytest.mark.parametrize("text", ["1.234", "1,234"])
def test_a_count_that_could_mean_two_numbers_is_refused(text: str) -> None:
    with pytest.raises(NotACountError, match="thousands or a fraction"):
        parse_count(text)


@pytest.mark.parametrize("text", ["12.5", "1e23", "many", "inf", "12:30", "1.2Q"])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(NotACountError):
        parse_count(text)
    with pytest.raises(NotACountError, match="below 0"):
        parse_count("-2")


@pytest.mark.parametrize(
    ("cell", "count"),
    [
        ("0", 0.0),
        ("12.0", 12.0),
        ("1.2e3", 1200.0),
        (12, 12.0),
        (12.0, 12.0),
        (Decimal("15200.000000000"), 15200.0),
        ("12\u202f400", 12400.0),
        ("12 400", 12400.0),
        ("12'400", 12400.0),
        ("١٢٣", 123.0),
        ("15 Tsd.", 15000.0),
    ],
)
def test_counts_are_whole_numbers_however_they_are_written(
    cell: Cell, count: float
) -> None:
    assert parse_count(cell) == count


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (("1.234", "2.480", "999"), [1234.0, 2480.0, 999.0]),
        (("1,234", "2,480", "999"), [1234.0, 2480.0, 999.0]),
        (("12,400", "1.2K"), [12400.0, 1200.0]),
        (("12.400", "1,2 Tsd."), [12400.0, 1200.0]),
        (("1.234.567", "1.000"), [1234567.0, 1000.0]),
        (("1,234.0", "1,000"), [1234.0, 1000.0]),
        (("1.234,0", "1.000"), [1234.0, 1000.0]),
    ],
)
def test_the_values_of_a_column_decide_its_format(
    values: tuple[str, ...], read: list[float]
) -> None:
    assert counts(*values) == read


def test_another_column_of_the_file_decides_for_one_that_does_not() -> None:
    assert counts("15,000", others="1.1K") == [15000.0]
    assert counts("15.000", others="1,1 Mio.") == [15000.0]


@pytest.mark.parametrize(
    "values", [("1.000", "2.000"), ("1.234",), ("1.234", "1,234"), ("9.100", "8.200")]
)
def test_a_column_that_does_not_decide_is_asked_about(values: tuple[str, ...]) -> None:
    if values == ("9.100", "8.200"):
        assert counts(*values) == [9100.0, 8200.0]
        return
    with pytest.raises(AmbiguousColumnError, match=f"'{values[0]}' .line 2"):
        counts(*values)
    assert counts("1.000", numbers="de") == [1000.0]
    assert counts("1,000", numbers="en") == [1000.0]
    assert counts("1 000", numbers="fr") == [1000.0]


def test_one_odd_value_among_plain_numbers_costs_itself_and_no_question() -> None:
    form = decided("15200", "9800", "1.234").numbers["a"]
    assert parse_count("15200", form) == 15200.0
    with pytest.raises(NotACountError, match="thousands or a fraction"):
        parse_count("1.234", form)


UTC_NOON = datetime(2026, 3, 4, 12)


@pytest.mark.parametrize(
    ("cell", "utc"),
    [
        ("2026-03-04T12:00:00Z", UTC_NOON),
        ("2026-03-04 12:00", UTC_NOON),
        ("2026-03-04T06:08:00+0000", datetime(2026, 3, 4, 6, 8)),
        ("2026-03-04T14:00:00+02:00", UTC_NOON),
        ("2026/3/4 12:00:00.000", UTC_NOON),
        ("20260304", datetime(2026, 3, 4)),
        ("1772625600", UTC_NOON),
        ("1772625600000", UTC_NOON),
        (1772625600, UTC_NOON),
        ("04.03.2026 12:00", UTC_NOON),
        ("4. März 2026, 12:00 Uhr", UTC_NOON),
        ("March 4, 2026 12:00 PM", UTC_NOON),
        ("Mar 4, 2026", datetime(2026, 3, 4)),
        ("Wed, 4 Mar 2026", datetime(2026, 3, 4)),
        ("4 mars 2026", datetime(2026, 3, 4)),
        ("4 de marzo de 2026", datetime(2026, 3, 4)),
        ("4 de março de 2026", datetime(2026, 3, 4)),
        ("4 marzo 2026", datetime(2026, 3, 4)),
        ("Fr 20.03.2026", datetime(2026, 3, 20)),
        ("Wed 4 Mar 2026", datetime(2026, 3, 4)),
        ("Mon, Mar 2, 2026", datetime(2026, 3, 2)),
        ("ven. 6 mars 2026", datetime(2026, 3, 6)),
        ("mar. 3 mars 2026", datetime(2026, 3, 3)),
        ("segunda-feira, 2 de março de 2026", datetime(2026, 3, 2)),
        ("2026-03-04 (Mi)", datetime(2026, 3, 4)),
        ("Wed 04/03/2026", datetime(2026, 3, 4)),
        ("mercredi 4 mars 2026 à 12h00", UTC_NOON),
        ("March 4, 2026 1:00 PM (GMT+1)", UTC_NOON),
        ("13/03/2026", datetime(2026, 3, 13)),
        ("03/13/2026 12:30 AM", datetime(2026, 3, 13, 0, 30)),
        (date(2026, 3, 4), datetime(2026, 3, 4)),
        (datetime(2026, 3, 4, 12, tzinfo=timezone.utc), UTC_NOON),
    ],
)
def test_a_date_is_read_as_people_and_programs_write_it(
    cell: Cell, utc: datetime
) -> None:
    found = parse_cell_instant(cell)
    assert found is not None and found.utc(timezone.utc) == utc


@pytest.mark.parametrize(
    "cell",
    [
        *("0001-01-01T00:00:00+02:00", "9999-12-31T23:00:00-10:00", "0001-01-01"),
        *("1970-01-01", 0, "2026-02-30", "31/02/2026", "2026-03", "46087", "someday"),
        *("2026-03-04T25:00", "2026-03-04T12:00+99:00", "13:00 PM 2026", "03/04/2026"),
    ],
)
def test_what_is_no_instant_is_refused_and_never_crashes(cell: Cell) -> None:
    with pytest.raises(NotAnInstantError):
        parse_cell_instant(cell)


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("Do 20.03.2026", "another weekday"),
        ("2026-03-04 → 2026-03-02", "ends before it begins"),
        ("2.–4. März 2026", "is not a date"),
        ("5 March", "no year"),
        ("Mar 5", "no year"),
        ("5.3.", "no year"),
        ("Mon 2 Mar", "no year"),
    ],
)
def test_a_date_that_contradicts_itself_or_lacks_a_part_says_so(
    cell: str, why: str
) -> None:
    with pytest.raises(NotAnInstantError, match=why):
        parse_cell_instant(cell)


@pytest.mark.parametrize(
    ("cell", "until"),
    [
        ("2026-03-02 → 2026-03-04", datetime(2026, 3, 4)),
        ("March 2, 2026 → March 4, 2026", datetime(2026, 3, 4)),
        ("Mo 02.03.2026 - Mi 04.03.2026", datetime(2026, 3, 4)),
        ("2026-03-02/2026-03-04", datetime(2026, 3, 4)),
        ("March 2, 2026 9:00 AM → 10:00 AM", datetime(2026, 3, 2, 10)),
    ],
)
def test_a_range_is_its_first_day_and_says_until_when(
    cell: str, until: datetime
) -> None:
    found = parse_cell_instant(cell)
    assert found is not None and found.local.date() == date(2026, 3, 2)
    assert found.until == until
    assert parse_cell_instant("2026-03-02") == Instant(
        datetime(2026, 3, 2), None, False, None
    )


def test_a_weekday_decides_the_order_of_its_column() -> None:
    # The 2nd of March 2026 is a Monday, the 3rd of February a Tuesday.
    assert decided("Mon 02/03/2026", "05/06/2026").orders == {"day": "dmy"}
    assert decided("Tue 02/03/2026", "05/06/2026").orders == {"day": "mdy"}


def test_all_values_of_a_column_decide_the_order_of_day_and_month() -> None:
    orders = decided("03/04/2026", "12/03/2026", "03/27/2026").orders
    assert orders == {"day": "mdy"}
    assert decided("03/04/2026", "27/03/2026").orders == {"day": "dmy"}
    assert decided("03.04.2026").orders == {"day": "dmy"}
    assert decided("03/04/2026", dates="mdy").orders == {"day": "mdy"}


@pytest.mark.parametrize(
    "values", [("03/04/2026",), ("03/27/2026", "27/03/2026", "03/04/2026")]
)
def test_an_order_that_no_value_decides_is_asked_about(values: tuple[str, ...]) -> None:
    with pytest.raises(AmbiguousColumnError, match="'03/04/2026'") as raised:
        decided(*values)
    assert raised.value.option == "dates"
    said = ambiguous_sentence(raised.value, "t.csv", "--{option} {choices}")
    is_disputed = len(values) > 1
    assert ("some prove the one and some the other" in said) is is_disputed
    assert ("no other value decides" in said) is not is_disputed


@pytest.mark.parametrize(
    ("cell", "order"),
    [
        ("25/02/2026", "mdy"),
        ("25.02.2026", "mdy"),
        ("02/25/2026 9:00 AM", "dmy"),
        ("2/3/2026 - 2/25/2026", "dmy"),
    ],
)
def test_a_date_that_the_given_order_cannot_read_is_refused(
    cell: str, order: Order
) -> None:
    with pytest.raises(NotAnInstantError, match=f"no date in the order .*{order}"):
        parse_cell_instant(cell, order)


def test_a_zone_follows_daylight_saving() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for day, hours in (("2026-03-28", 1), ("2026-03-30", 2)):
        found = parse_cell_instant(f"{day} 12:00")
        assert found is not None
        noon = datetime.fromisoformat(day) + timedelta(hours=12)
        assert found.utc(berlin) == noon - timedelta(hours=hours)


@pytest.mark.parametrize(
    "options", [("us", None, None), (None, "ymd", None), (None, None, "Mars/Olympus")]
)
def test_an_option_that_is_not_known_is_refused(
    options: tuple[str | None, str | None, str | None],
) -> None:
    with pytest.raises(ValueError, match="none of|not known"):
        value_options(*options)
    assert value_options(None, None, None) == ValueOptions()


def test_an_instant_of_our_own_files_is_iso_and_naive_utc() -> None:
    assert parse_instant("2026-01-31") == datetime(2026, 1, 31)
    assert parse_instant("2026-01-31T12:00:00+02:00") == datetime(2026, 1, 31, 10)
    with pytest.raises(ValueError):
        parse_instant("0001-01-01T00:00:00+23:59")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
@pytest.mark.parametrize("text", ["Café – drei Griffe", "Zwiebeln dünsten", "naïve 🔪"])
def test_text_that_was_encoded_twice_is_repaired(text: str, encoding: str) -> None:
    raw = text.encode("utf-8")
    twice = "".join(
        bytes([byte]).decode(encoding, "ignore") or chr(byte) for byte in raw
    )
    assert repaired(twice) == (text, True)
    assert repaired(text) == (text, False)


@pytest.mark.parametrize(
    "text", ["SÃO PAULO", "Âncora", "25 °C", "Привет", "«Été»", "Ça va ?", "Ñandú"]
)
def test_a_right_text_is_left_alone(text: str) -> None:
    assert repaired(text) == (text, False)


@pytest.mark.parametrize("text", ["Caf\ufffd", "a\x81b", "a\x07", "🔪 CafÃ© ohne"])
def test_text_that_cannot_be_repaired_is_refused(text: str) -> None:
    with pytest.raises(SpoiltTextError):
        repaired(text)


def test_invisible_characters_are_no_words() -> None:
    assert visible("\u200b\u2800 \ufeff") == ""
    assert visible("\u200bPan 👩‍🍳\u2060") == "Pan 👩‍🍳"
    assert first_visible_line("\u2800\n\u200b\nPan first\nthen") == "Pan first"


def test_a_number_that_names_something_has_no_point() -> None:
    assert text_of(Decimal("18000000000000001.000")) == "18000000000000001"
    assert text_of(12.0) == "12" and text_of(True) == "True"
