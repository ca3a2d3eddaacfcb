"""Reads dates and times: one order of day and month per column, decided by all values.

`03/04/2026` is the 4th of March in the United States and the 3rd of April elsewhere.
Another value of the column decides (`03/27/2026`); where none does, the column is
asked about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Literal, get_args

from ig_assets.core.tabular.missing import is_missing
from ig_assets.core.tabular.table import Cell

Order = Literal["mdy", "dmy"]
ORDERS: tuple[Order, ...] = get_args(Order)

EARLIEST, LATEST = datetime(1990, 1, 1), datetime(2100, 1, 1)
"""What is before or after stands for no date: 0001-01-01, 1970-01-01, 9999-12-31."""

# Names of months by their first letters, in English, German, French, Spanish,
# Portuguese and Italian; accents are removed first.
_MONTHS = {
    1: "jan janv ene gen",
    2: "feb fev fevr febr",
    3: "mar marz mrz mars",
    4: "apr avr abr",
    5: "may mai mayo maio mag",
    6: "jun juin giu",
    7: "jul juil lug",
    8: "aug aout ago",
    9: "sep sept set",
    10: "oct okt out ott",
    11: "nov",
    12: "dec dez dic",
}
_MONTH_OF = {name: n for n, names in _MONTHS.items() for name in names.split()}
_ACCENTS = str.maketrans("\u00e4\u00e9\u00fb\u00e7\u00e8\u00ea", "aeucee")

_ISO = re.compile(
    r"(?P<y>[0-9]{4})(?P<s>[-/.])(?P<m>[0-9]{1,2})(?P=s)(?P<d>[0-9]{1,2})"
    r"(?:[t ,]+(?P<rest>.+))?"
)
_NUMERIC = re.compile(
    r"(?P<a>[0-9]{1,2})(?P<s>[-/.])(?P<b>[0-9]{1,2})(?P=s)(?P<y>[0-9]{4}|[0-9]{2})"
    r"(?:[t ,]+(?P<rest>.+))?"
)
_NAMED_FIRST = re.compile(
    r"(?:[a-z]+\.?,\s+)?(?P<name>[a-z]+)\.?\s+(?P<d>[0-9]{1,2})(?:st|nd|rd|th)?,?\s+"
    r"(?P<y>[0-9]{4})(?:[t ,]+(?:at\s+)?(?P<rest>.+))?"
)
_DAY_FIRST = re.compile(
    r"(?:[a-z]+\.?,\s+)?(?P<d>[0-9]{1,2})(?:\.|st|nd|rd|th|er|\u00ba)?[\s-]+(?:de\s+)?"
    r"(?P<name>[a-z]+)\.?,?[\s-]+(?:de\s+)?(?P<y>[0-9]{4})"
    r"(?:[t ,]+(?:um\s+|at\s+|a\s+las\s+)?(?P<rest>.+))?"
)
_COMPACT = re.compile(
    r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?:t(?P<rest>[0-9:.z+-]+))?"
)
_UNIX = re.compile(r"[0-9]{9,10}(?:\.[0-9]+)?|[0-9]{12,13}")
_TIME = re.compile(
    r"(?P<h>[0-9]{1,2})(?:[:.h](?P<m>[0-9]{2})(?::(?P<s>[0-9]{2})(?:[.,](?P<f>[0-9]+))?"
    r")?)?\s*(?P<half>[ap]\.?\s?m\.?)?\s*(?:uhr)?\s*"
    r"(?P<zone>z|utc|gmt|[+-][0-9]{2}:?(?:[0-9]{2})?)?"
)


class NotAnInstantError(ValueError):
    """A cell is no date; its text says why, as a clause for a person."""


@dataclass(frozen=True)
class Instant:
    """What a cell says: the local day and time, and the zone where it names one.

    `has_time` is False for a day alone.
    """

    local: datetime
    zone: tzinfo | None
    has_time: bool

    def utc(self, assumed: tzinfo) -> datetime:
        """Naive UTC; `assumed` is the zone where the cell names none."""
        aware = self.local.replace(tzinfo=self.zone or assumed)
        return aware.astimezone(timezone.utc).replace(tzinfo=None)


class DateEvidence:
    """Collects what the values of one column say about the order of day and month."""

    def __init__(self) -> None:
        self._orders: set[Order] = set()
        self._doubt = ("", 0)

    def add_all(self, cells: Sequence[Cell], lines: Sequence[int]) -> None:
        """Take cells into account; those that are no text say nothing."""
        for n, cell in enumerate(cells):
            if isinstance(cell, str) and cell[4:5] not in ("-", ""):
                self._add(cell.strip(), lines[n])

    def _add(self, cell: str, line: int) -> None:
        found = _NUMERIC.match(cell)
        if not found:
            return
        a, b = int(found["a"]), int(found["b"])
        if a > 12 >= b:
            self._orders.add("dmy")
        elif b > 12 >= a:
            self._orders.add("mdy")
        elif a != b:
            if found["s"] == ".":  # dots are written in day, month, year only
                self._orders.add("dmy")
            self._doubt = self._doubt if self._doubt[0] else (cell, line)

    @property
    def doubt(self) -> tuple[str, int]:
        """The first value with two readings and its line, where no other decides."""
        return self._doubt if len(self._orders) != 1 else ("", 0)

    @property
    def order(self) -> Order | None:
        """The order that the values prove, None where they prove none or two."""
        return next(iter(self._orders)) if len(self._orders) == 1 else None


def parse_cell_instant(cell: Cell, order: Order | None = None) -> Instant | None:
    """The date or time of a cell; None where it says that there is none.

    Read are ISO 8601, numeric dates in the `order` given, names of months, 12-hour
    times, Unix seconds and milliseconds. Raises NotAnInstantError.
    """
    if is_missing(cell):
        return None
    if isinstance(cell, datetime):
        return _checked(cell.replace(tzinfo=None), cell.tzinfo, True)
    if isinstance(cell, date):
        return _checked(datetime(cell.year, cell.month, cell.day), None, False)
    if isinstance(cell, (int, float, Decimal)) and not isinstance(cell, bool):
        number = int(cell)
        return _from_text(str(number), order)
    if isinstance(cell, str):
        return _from_text(" ".join(cell.split()), order)
    raise NotAnInstantError("is not a date such as 2026-01-31")


def parse_instant(text: str) -> datetime:
    """An ISO 8601 date or time as naive UTC; without a zone it is taken as UTC.

    Raises ValueError, also where the instant in UTC is before year 1 or after 9999.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        return instant
    try:
        return instant.astimezone(timezone.utc).replace(tzinfo=None)
    except OverflowError:
        raise ValueError(f"{text!r} is out of range in UTC") from None


def _from_text(text: str, order: Order | None) -> Instant:
    folded = text.casefold().translate(_ACCENTS)
    if _UNIX.fullmatch(text):
        return _unix(text)
    if re.fullmatch(r"[0-9]{5}", text):
        raise NotAnInstantError(
            "looks like a day number of Excel; format the column as a date"
        )
    if re.fullmatch(r"[0-9]{4}-[0-9]{1,2}", text):
        raise NotAnInstantError("has no day; write it as 2026-01-31")
    if found := _ISO.fullmatch(folded) or _COMPACT.fullmatch(folded):
        parts = found["y"], found["m"], found["d"]
    elif found := _NUMERIC.fullmatch(folded):
        parts = _ordered(found, order)
    elif found := _NAMED_FIRST.fullmatch(folded) or _DAY_FIRST.fullmatch(folded):
        month = _month(found["name"])
        parts = found["y"], str(month), found["d"]
    else:
        raise NotAnInstantError("is not a date such as 2026-01-31")
    year, month_number, day = map(int, parts)
    try:
        century = 2000 if len(parts[0]) == 2 else 0
        local = datetime(year + century, month_number, day)
    except ValueError:
        raise NotAnInstantError("is a day that no calendar has") from None
    if not found["rest"]:
        return _checked(local, None, False)
    offset, zone = _time(found["rest"])
    return _checked(local + offset, zone, True)


def _ordered(found: re.Match[str], order: Order | None) -> tuple[str, str, str]:
    a, b, year = found["a"], found["b"], found["y"]
    if int(a) > 12 or (found["s"] == "." and order is None):
        order = "dmy"
    elif int(b) > 12:
        order = "mdy"
    if order is None and a != b:
        raise NotAnInstantError(
            "may begin with the day or with the month; write it as 2026-01-31"
        )
    return (year, a, b) if order == "mdy" else (year, b, a)


def _month(name: str) -> int:
    for length in range(len(name), 2, -1):
        if name[:length] in _MONTH_OF:
            return _MONTH_OF[name[:length]]
    raise NotAnInstantError("is not a date such as 2026-01-31")


def _time(text: str) -> tuple[timedelta, tzinfo | None]:
    found = _TIME.fullmatch(text.strip())
    if not found or (found["m"] is None and not found["half"]):
        raise NotAnInstantError("has a time that is not written like 18:30")
    hour, minute, second = (int(found[name] or 0) for name in "hms")
    if found["half"]:
        if not 1 <= hour <= 12:
            raise NotAnInstantError("has a time that is not written like 18:30")
        hour = hour % 12 + (12 if found["half"].startswith("p") else 0)
    if hour > 23 or minute > 59 or second > 60:
        raise NotAnInstantError("has a time that no clock has")
    micro = int((found["f"] or "0")[:6].ljust(6, "0"))
    offset = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)
    return offset, _zone(found["zone"])


def _zone(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text[0] not in "+-":
        return timezone.utc
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    if hours > 23 or minutes > 59:
        raise NotAnInstantError("has a zone that no place has")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


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
