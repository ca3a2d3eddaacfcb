"""Reads counts with one number format per column, decided from all of its values.

`1.234` is 1,234 in half of all spreadsheets and a fraction in the other half. The
values of the column, and of the file's other columns, decide which. If they do not, a
person must decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from ig_assets.core.tabular.cells.missing import is_no_figure
from ig_assets.core.tabular.table import Cell, Nested

Locale = Literal["en", "de", "fr"]
LOCALES: tuple[Locale, ...] = get_args(Locale)
MAX_COUNT = 10**15
"""The greatest count that is accepted."""

HIDDEN = -1
"""Value that scrapers write for a count that the platform hides."""

_SPACES = "\u00a0\u202f\u2009 '\u2019"
_SUFFIX = re.compile(
    r"(?P<number>.*?[0-9])\s*(?P<suffix>[a-z]+)\.?", re.IGNORECASE | re.DOTALL
)
_FACTORS = {
    **dict.fromkeys(("k", "tsd", "mil", "mila"), 1_000),
    **dict.fromkeys(("m", "mn", "mio", "mln", "mi"), 1_000_000),
}
_SPACED = re.compile(rf"[0-9]{{1,3}}(?:[{_SPACES}][0-9]{{3}})+(?=[.,]|$)")
_PLAIN = re.compile(r"[0-9]{1,15}")
_SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]{1,14})?[eE]\+?[0-9]{1,2}")
_GROUPED = {
    ".": re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+"),
    ",": re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+"),
}
_SHAPE = re.compile(r"[0-9]+(?P<rest>(?:[.,][0-9]+)*)")


@dataclass(frozen=True)
class NumberFormat:
    """The thousands separator and the decimal separator; "" if unknown."""

    thousands: str = ""
    decimal: str = ""


LOCALE_FORMATS: dict[Locale, NumberFormat] = {
    "en": NumberFormat(",", "."),
    "de": NumberFormat(".", ","),
    "fr": NumberFormat("", ","),
}


class NotACountError(ValueError):
    """Raised if a cell is not a count; `why` is "negative", "doubtful" or "other"."""

    def __init__(self, why: Literal["negative", "doubtful", "other"]) -> None:
        super().__init__(
            {
                "negative": "is below 0",
                "doubtful": "may be thousands or a fraction",
                "other": "is not a whole number of 0 or more",
            }[why]
        )
        self.why = why


class CountEvidence:
    """Collects evidence for the number format of one column from its values."""

    def __init__(self) -> None:
        self._decimals: set[str] = set()
        self._grouped: dict[str, int] = {".": 0, ",": 0}
        self._fractions: dict[str, int] = {".": 0, ",": 0}
        self._large = False
        self.doubt: tuple[str, int] = ("", 0)
        """The first value that is ambiguous by itself, and its line."""

    def add_all(self, cells: Sequence[Cell], lines: Sequence[int]) -> None:
        """Add these cells as evidence; only texts matter."""
        for n, cell in enumerate(cells):
            if isinstance(cell, str):
                if cell.isdecimal():
                    self._large = self._large or len(cell) > 3
                elif cell:
                    self._add(cell, lines[n])

    def _add(self, cell: str, line: int) -> None:
        text, factor = _split(cell)
        if text is None or not (found := _SHAPE.fullmatch(text)):
            return
        rest = found["rest"]
        if not rest:
            return
        signs = set(rest) & {".", ","}
        last = max(rest.rfind("."), rest.rfind(","))
        sign, digits = rest[last], len(rest) - last - 1
        if len(signs) == 2:
            self._decimals.add(sign)
        elif rest.count(sign) > 1:
            self._decimals.add(_other(sign))
        elif digits != 3 or factor > 1 or not _GROUPED[sign].fullmatch(text):
            self._decimals.add(sign)
        else:
            self._grouped[sign] += 1
            self._fractions[sign] += not text.endswith("000")
            self.doubt = self.doubt if self.doubt[0] else (cell.strip(), line)

    @property
    def decimals(self) -> frozenset[str]:
        """The proven decimal separators; two if the values contradict each other."""
        return frozenset(self._decimals)

    def decide(self, of_file: frozenset[str] = frozenset()) -> NumberFormat:
        """Return the column's format; `of_file` are separators proven in the file.

        If no decimal separator is proven, values such as 1.234 and 2.480 are read as
        thousands on three conditions: there are at least two of them, no value of four
        or more digits is written without a separator, and not all of them would be
        whole numbers if read as fractions.
        """
        decimals = self._decimals or of_file
        if len(decimals) == 1:
            [decimal] = decimals
            return NumberFormat(_other(decimal), decimal)
        for sign in (".", ","):
            if not decimals and self._is_grouping(sign):
                return NumberFormat(sign, _other(sign))
        return NumberFormat()

    @property
    def must_be_asked(self) -> bool:
        """Return whether the values leave the format open, so that a person decides.

        A single value such as 1.234 is ignored as an exception if the column also has
        plain numbers of four or more digits.
        """
        return sum(self._grouped.values()) > (1 if self._large else 0)

    def _is_grouping(self, sign: str) -> bool:
        return (
            self._grouped[sign] >= 2
            and self._fractions[sign] >= 1
            and not self._grouped[_other(sign)]
            and not self._large
        )


def count_formats(
    columns: Iterable[CountEvidence], others: Iterable[CountEvidence] = ()
) -> list[NumberFormat]:
    """Return the format of each column; evidence from one column holds for all.

    `others` are further columns that only contribute evidence.
    """
    columns = list(columns)
    alone = (column.decide().decimal for column in columns)
    of_file = frozenset(filter(None, alone)).union(
        *(column.decimals for column in (*columns, *others))
    )
    return [column.decide(of_file) for column in columns]


_MINUS = ("-", "\u2212")


def parse_count(cell: Cell, form: NumberFormat | None = None) -> float | None:
    """Return a count of 0 or more; None if the cell has no value, or -1 (hidden).

    `form` is the number format of the column. Raises NotACountError.
    """
    if is_no_figure(cell):
        return None
    if isinstance(cell, bool) or isinstance(cell, Nested):
        raise NotACountError("other")
    if isinstance(cell, (int, float, Decimal)):
        return _whole(float(cell))
    if not isinstance(cell, str):
        raise NotACountError("other")
    return _parse_text(cell, form or NumberFormat())


def _parse_text(cell: str, form: NumberFormat) -> float | None:
    plain = cell.strip()
    if _PLAIN.fullmatch(plain) and plain.isascii():
        return float(plain)
    if plain.startswith(_MINUS):
        rest = plain[1:].strip()
        if not rest or rest.startswith(_MINUS):  # of signs alone, or of several
            raise NotACountError("other")
        negative = _parse_text(rest, form)
        if negative is None:
            raise NotACountError("other")
        return _whole(-negative)
    if _SCIENTIFIC.fullmatch(plain) and form.decimal != ",":
        return _whole(float(plain))
    text, factor = _split(plain)
    if text is None or not _SHAPE.fullmatch(text):
        raise NotACountError("other")
    number = _number(text, form, factor)
    return _whole(number)


def _number(text: str, form: NumberFormat, factor: int) -> float:
    if "." not in text and "," not in text:
        return float(Decimal(text) * factor)
    if not form.decimal:
        # 12.0 is what pandas writes for 12 in a column with gaps.
        if re.fullmatch(r"[0-9]+\.0{1,2}", text):
            return float(Decimal(text) * factor)
        raise NotACountError("doubtful")
    whole, _, fraction = text.partition(form.decimal)
    if form.thousands and form.thousands in whole:
        if not _GROUPED[form.thousands].fullmatch(whole):
            raise NotACountError("other")
        whole = whole.replace(form.thousands, "")
    if not (whole.isdigit() and (not fraction or fraction.isdigit())):
        raise NotACountError("other")
    return float(Decimal(f"{whole}.{fraction or 0}") * factor)


def _whole(number: float) -> float | None:
    if number == HIDDEN:
        return None
    if number < 0:
        raise NotACountError("negative")
    if number > MAX_COUNT or number != int(number):
        raise NotACountError("other")
    return number


def _split(cell: str) -> tuple[str | None, int]:
    """Return (number without suffix and spaces between thousands, the suffix's factor).

    The number is None if the suffix is unknown.
    """
    text, factor = cell.strip(), 1
    if found := _SUFFIX.fullmatch(text):
        name = found["suffix"].casefold()
        if name not in _FACTORS:
            return None, 1
        text, factor = found["number"], _FACTORS[name]
    if found_spaces := _SPACED.match(text):
        end = found_spaces.end()
        text = re.sub(rf"[{_SPACES}]", "", text[:end]) + text[end:]
    return _ascii_digits(text), factor


def _ascii_digits(text: str) -> str:
    """Convert digits of other scripts, and Arabic separators, to ASCII."""
    if text.isascii():
        return text
    text = text.replace("\u066c", ",").replace("\u066b", ".")
    return "".join(
        str(int(sign)) if sign.isdecimal() and not sign.isascii() else sign
        for sign in text
    )


def _other(sign: str) -> str:
    return "," if sign == "." else "."
