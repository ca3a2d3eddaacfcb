"""Reads dates and times with one order of day and month per column.

`03/04/2026` is the 4th of March in the United States and the 3rd of April elsewhere.
Another value of the column decides (`03/27/2026`). If none does, a person must decide.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Literal, get_args

from ig_assets.core.tabular.cells.clock_times import (
    NotAnInstantError,
    is_time,
    time_of_day,
)
from ig_assets.core.tabular.cells.date_words import (
    folded,
    month_of,
    split_range,
    split_weekday,
)
from ig_assets.core.tabular.cells.missing import is_no_figure
from ig_assets.core.tabular.table import Cell

Order = Literal["mdy", "dmy"]
ORDERS: tuple[Order, ...] = get_args(Order)
_ORDER_WORDS: Mapping[Order, str] = {
    "mdy": "month, day, year (mdy)",
    "dmy": "day, month, year (dmy)",
}

EARLIEST, LATEST = datetime(1990, 1, 1), datetime(2100, 1, 1)
"""Limits of valid dates; 0001-01-01, 1970-01-01 and 9999-12-31 mean no date."""

_ISO = re.compile(
    r"(?P<y>[0-9]{4})(?P<s>[-/.])(?P<m>[0-9]{1,2})(?P=s)(?P<d>[0-9]{1,2})"
    r"(?:[t ,]+(?P<rest>.+))?"
)
_NUMERIC = re.compile(
    r"(?P<a>[0-9]{1,2})(?P<s>[-/.])(?P<b>[0-9]{1,2})(?P=s)(?P<y>[0-9]{4}|[0-9]{2})"
    r"(?:[t ,]+(?P<rest>.+))?"
)
_NAMED_FIRST = re.compile(
    r"(?P<name>[a-z]+)\.?\s+(?P<d>[0-9]{1,2})(?:st|nd|rd|th)?,?\s+"
    r"(?P<y>[0-9]{4})(?:[t ,]+(?P<rest>.+))?"
)
_DAY_FIRST = re.compile(
    r"(?P<d>[0-9]{1,2})(?:\.|st|nd|rd|th|er|\u00ba)?[\s-]+(?:de\s+)?"
    r"(?P<name>[a-z]+)\.?,?[\s-]+(?:de\s+)?(?P<y>[0-9]{4})"
    r"(?:[t ,]+(?P<rest>.+))?"
)
_COMPACT = re.compile(
    r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?:t(?P<rest>[0-9:.z+-]+))?"
)
_NO_YEAR = re.compile(
    r"(?:[0-9]{1,2}[-/.][0-9]{1,2}\.?|[0-9]{1,2}(?:\.|st|nd|rd|th|er)?\s+(?:de\s+)?"
    r"(?P<last>[a-z]{3,})\.?|(?P<first>[a-z]{3,})\.?\s+[0-9]{1,2}(?:st|nd|rd|th)?)"
    r"(?:,?\s+[0-9]{1,2}[:.h].*)?"
)
_UNIX = re.compile(r"[0-9]{9,10}(?:\.[0-9]+)?|[0-9]{12,13}")


_LONGEST = 100
"""Longest text, in characters, that is read as a date or a range."""


@dataclass(frozen=True)
class Instant:
    """A date or time as a cell gives it: local, with the zone if the cell names one.

    `has_time` is False for a day without a time. `local` is the first and `until` the
    last day or time of a range such as 2026-03-02 → 2026-03-04.
    """

    local: datetime
    zone: tzinfo | None
    has_time: bool
    until: datetime | None = None

    def utc(self, assumed: tzinfo) -> datetime:
        """Return `local` as naive UTC; `assumed` is the zone if the cell names none."""
        aware = self.local.replace(tzinfo=self.zone or assumed)
        return aware.astimezone(timezone.utc).replace(tzinfo=None)


class DateEvidence:
    """Collects evidence for the order of day and month in the values of a column."""

    def __init__(self) -> None:
        self.orders: set[Order] = set()
        self._doubt = ("", 0)

    def add_all(self, cells: Sequence[Cell], lines: Sequence[int]) -> None:
        """Add these cells as evidence; only texts matter."""
        for n, cell in enumerate(cells):
            if isinstance(cell, str) and cell[4:5] and not _begins_iso(cell):
                for text in filter(None, split_range(folded(cell.strip()))):
                    self._add(text, cell.strip(), lines[n])

    def _add(self, text: str, cell: str, line: int) -> None:
        days, text = split_weekday(text)
        found = _NUMERIC.match(text)
        if not found:
            return
        a, b = int(found["a"]), int(found["b"])
        fitting = _fitting_orders(found, days)
        if a > 12 >= b:
            self.orders.add("dmy")
        elif b > 12 >= a:
            self.orders.add("mdy")
        elif a != b:
            if found["s"] == ".":  # dots are written in day, month, year only
                self.orders.add("dmy")
            elif len(fitting) == 1:
                self.orders.update(fitting)
            self._doubt = self._doubt if self._doubt[0] else (cell, line)

    @property
    def doubt(self) -> tuple[str, int]:
        """The first ambiguous value and its line; ("", 0) if the order is proven."""
        return self._doubt if len(self.orders) != 1 else ("", 0)

    @property
    def order(self) -> Order | None:
        """The order that the values prove; None if they prove none, or both."""
        return next(iter(self.orders)) if len(self.orders) == 1 else None


def parse_cell_instant(cell: Cell, order: Order | None = None) -> Instant | None:
    """Return the date or time of a cell, or None if the cell has no value.

    Accepted are ISO 8601, numeric dates in the given `order`, names of months, 12-hour
    times, Unix seconds and milliseconds. Raises NotAnInstantError.
    """
    if is_no_figure(cell):
        return None
    if isinstance(cell, datetime):
        return _checked(cell.replace(tzinfo=None), cell.tzinfo, True)
    if isinstance(cell, date):
        return _checked(datetime(cell.year, cell.month, cell.day), None, False)
    if isinstance(cell, (int, float, Decimal)) and not isinstance(cell, bool):
        if not math.isfinite(cell):
            raise NotAnInstantError("is not a date such as 2026-01-31", False)
        return _from_text(str(int(cell)), order)
    if isinstance(cell, str):
        return _from_text(" ".join(cell.split()), order)
    raise NotAnInstantError("is not a date such as 2026-01-31", False)


def parse_instant(text: str) -> datetime:
    """Return an ISO 8601 date or time as naive UTC; without a zone it is taken as UTC.

    Raises ValueError for any other text, and if the instant in UTC is before year 1 or
    after year 9999.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        return instant
    try:
        return instant.astimezone(timezone.utc).replace(tzinfo=None)
    except OverflowError:
        raise ValueError(f"{text!r} is out of range in UTC") from None


def _from_text(text: str, order: Order | None) -> Instant:
    if _UNIX.fullmatch(text):
        return _unix(text)
    if re.fullmatch(r"[0-9]{5}", text):
        raise NotAnInstantError(
            "looks like a day number of Excel; format the column as a date"
        )
    if re.fullmatch(r"[0-9]{4}-[0-9]{1,2}", text):
        raise NotAnInstantError("has no day; write it as 2026-01-31")
    if len(text) > _LONGEST:
        raise NotAnInstantError("is not a date such as 2026-01-31", False)
    begin, end = split_range(folded(text))
    found = _single(begin, order)
    return replace(found, until=_until(found, end, order)) if end else found


def _until(begin: Instant, text: str, order: Order | None) -> datetime:
    """Return the end of a range.

    A time without a date is on the day the range begins.
    """
    if begin.has_time and is_time(text):
        until = (
            datetime.combine(begin.local, datetime.min.time()) + time_of_day(text)[0]
        )
    else:
        until = _single(text, order).local
    if until < begin.local:
        raise NotAnInstantError("is a range that ends before it begins")
    return until


def _single(text: str, order: Order | None) -> Instant:
    """Parse one date, which a weekday may precede or follow."""
    days: frozenset[int] = frozenset()
    whole, found = text, _parts(text)
    rest = found["rest"] if found else None
    if found is None or (rest and not rest[0].isdigit() and not is_time(rest)):
        days, text = split_weekday(text)
        found = _parts(text) if days or found is None else found
    if found is None:
        raise _not_a_date(whole)
    names = found.groupdict()
    if "name" in names:
        month = month_of(found["name"])
        if month is None:
            raise _not_a_date(whole)
        parts = found["y"], str(month), found["d"]
    elif "a" in names:
        parts = _ordered(found, order, days)
    else:
        parts = found["y"], found["m"], found["d"]
    local = _day(*parts)
    if days and local.weekday() not in days:
        raise NotAnInstantError("names another weekday than that day has")
    if not found["rest"]:
        return _checked(local, None, False)
    offset, zone = time_of_day(found["rest"])
    return _checked(local + offset, zone, True)


def _parts(text: str) -> re.Match[str] | None:
    for pattern in (_ISO, _COMPACT, _NUMERIC, _NAMED_FIRST, _DAY_FIRST):
        if found := pattern.fullmatch(text):
            return found
    return None


def _day(year: str, month: str, day: str) -> datetime:
    century = 2000 if len(year) == 2 else 0
    try:
        return datetime(int(year) + century, int(month), int(day))
    except ValueError:
        raise NotAnInstantError("is a day that no calendar has") from None


def _not_a_date(text: str) -> NotAnInstantError:
    found = _NO_YEAR.fullmatch(text) or _NO_YEAR.fullmatch(split_weekday(text)[1])
    name = found and (found["first"] or found["last"])
    if found and (not name or month_of(name)):
        return NotAnInstantError("has no year; write it as 2026-01-31")
    return NotAnInstantError("is not a date such as 2026-01-31", False)


def _begins_iso(cell: str) -> bool:
    return cell[4] == "-" and cell[:4].isdecimal()


def _fitting_orders(found: re.Match[str], days: frozenset[int]) -> list[Order]:
    """Return the orders in which a numeric date falls on one of these weekdays."""
    fitting: list[Order] = []
    for order in ORDERS if days else ():
        try:
            local = _day(*_in_order(found, order))
        except NotAnInstantError:
            continue
        if local.weekday() in days:
            fitting.append(order)
    return fitting


def _in_order(found: re.Match[str], order: Order) -> tuple[str, str, str]:
    a, b, year = found["a"], found["b"], found["y"]
    return (year, a, b) if order == "mdy" else (year, b, a)


def _ordered(
    found: re.Match[str], order: Order | None, days: frozenset[int]
) -> tuple[str, str, str]:
    a, b = found["a"], found["b"]
    proven: Order | None = None
    if int(a) > 12 or (found["s"] == "." and order is None):
        proven = "dmy"
    elif int(b) > 12:
        proven = "mdy"
    if proven and order and proven != order:
        raise NotAnInstantError(f"is no date in the order {_ORDER_WORDS[order]}")
    order = order or proven
    if order is None and len(fitting := _fitting_orders(found, days)) == 1:
        order = fitting[0]
    if order is None and a != b:
        raise NotAnInstantError(
            "may begin with the day or with the month; write it as 2026-01-31"
        )
    return _in_order(found, order or "dmy")


def _unix(text: str) -> Instant:
    seconds = float(text)
    if len(text.partition(".")[0]) > 10:
        seconds /= 1000
    local = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    return _checked(local, timezone.utc, True)


def _checked(local: datetime, zone: tzinfo | None, has_time: bool) -> Instant:
    if not EARLIEST <= local < LATEST:
        raise NotAnInstantError("is a date that stands for no date")
    return Instant(local, zone, has_time)
