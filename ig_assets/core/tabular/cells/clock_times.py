"""Reads the time of day that follows a date, and its time zone."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_TIME = re.compile(
    r"(?:(?:um|at|a|as|a\s+las|alle|alle\s+ore|ore)\s+)?"
    r"(?P<h>[0-9]{1,2})(?:[:.h](?P<m>[0-9]{2})(?::(?P<s>[0-9]{2})(?:[.,](?P<f>[0-9]+))?"
    r")?)?\s*(?P<half>[ap]\.?\s?m\.?)?\s*(?:uhr)?\s*"
    r"(?:\((?P<enclosed>[^()]+)\)|(?P<zone>z|utc.*|gmt.*|[+-].+"
    r"|[ecmp][sd]t|ces?t|mes?z))?"
)
_OFFSET = re.compile(
    r"(?:utc|gmt)?\s*(?P<sign>[+-])(?P<h>[0-9]{1,2})(?::?(?P<m>[0-9]{2}))?"
)


# Hours from UTC of the abbreviations behind a time, as RFC 822 and RFC 5322 fix them
# for America.
_HOURS = {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8}
_HOURS |= {"pdt": -7, "cet": 1, "mez": 1, "cest": 2, "mesz": 2}

# What an abbreviation in a column's name means all year: the clock of that place,
# summer time included.
_PLACES = {
    "Europe/Berlin": "cet cest mez mesz",
    "Europe/London": "bst",
    "America/New_York": "est edt et",
    "America/Chicago": "cst cdt ct",
    "America/Denver": "mst mdt mt",
    "America/Los_Angeles": "pst pdt pt",
    "Asia/Tokyo": "jst",
    "Australia/Sydney": "aest aedt",
}
_PLACE_OF = {name: zone for zone, names in _PLACES.items() for name in names.split()}


class NotAnInstantError(ValueError):
    """Raised if a cell is not a usable date; the message is a clause that says why.

    `is_dated` is true if the cell is a date in some form.
    """

    def __init__(self, why: str, is_dated: bool = True) -> None:
        super().__init__(why)
        self.is_dated = is_dated


def is_time(text: str) -> bool:
    """Return whether a text is written like a time of day."""
    return _TIME.fullmatch(text.strip()) is not None


def time_of_day(text: str) -> tuple[timedelta, tzinfo | None]:
    """Return (time since midnight, zone or None if the text names none).

    `text` is in lower case. Raises NotAnInstantError.
    """
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
    name = found["zone"] or found["enclosed"]
    if name is None:
        return offset, None
    zone = fixed_zone(name)
    if zone is None and name in _HOURS:
        zone = timezone(timedelta(hours=_HOURS[name]))
    if zone is None:
        raise NotAnInstantError("has a time that is not written like 18:30")
    return offset, zone


def zone_of_place(text: str) -> tzinfo | None:
    """Return the zone of a place such as `Europe/Berlin`, or of `PST`.

    None for any other text.
    """
    try:
        return ZoneInfo(_PLACE_OF.get(text.strip().casefold(), text.strip()))
    except (KeyError, ValueError, OSError):
        return None


def fixed_zone(text: str) -> tzinfo | None:
    """Return the zone of `Z`, `UTC`, `GMT+1` or `+0100`; None for any other text.

    Raises NotAnInstantError for an offset that is not in use anywhere.
    """
    text = text.strip().casefold()
    if text in ("z", "utc", "gmt"):
        return timezone.utc
    found = _OFFSET.fullmatch(text)
    if not found:
        return None
    hours, minutes = int(found["h"]), int(found["m"] or 0)
    if hours > 23 or minutes > 59:
        raise NotAnInstantError("has a zone that no place has")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if found["sign"] == "-" else offset)
