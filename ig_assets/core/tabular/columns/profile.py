"""Profiles the columns of a table by the values of its first rows."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ig_assets.core.tabular.cells.clock_times import NotAnInstantError
from ig_assets.core.tabular.cells.counts import (
    LOCALE_FORMATS,
    NotACountError,
    parse_count,
)
from ig_assets.core.tabular.cells.instants import parse_cell_instant
from ig_assets.core.tabular.cells.missing import is_missing
from ig_assets.core.tabular.columns.vocabulary import COUNT_NAMES, bare_name, plain_name
from ig_assets.core.tabular.table import (
    Cell,
    Nested,
    Table,
    UnreadableTableError,
)

SAMPLE_ROWS = 2_000
FEW = 30
"""Largest number of different values that a profile stores."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{6,}=*")
_TOKEN_MARK = re.compile(r"[0-9]|[a-z][A-Z]|_")
_LINK = re.compile(r"https?://\S+|www\.\S+")
_BOILERPLATE = re.compile(r"(?:video|reel|photo|post|clip) by \S+", re.IGNORECASE)
_NUMBERS = re.compile(r"[\d\s.,:/%+\u2212-]+")


@dataclass(frozen=True)
class ColumnProfile:
    """Statistics of a column's first values by their form.

    `filled` cells have a value. Of these, `counts` look like counts, `dates` like
    dates, `ids` are single tokens such as dQw4w9WgXcQ, `links` URLs, `numbers` digits
    only, `words` two or more words, `boilerplate` a downloader's text (`Video by …`),
    and `nested` objects or lists. `distinct` is the number of different values,
    `samples` are up to three of them for display.
    """

    name: str
    filled: int
    counts: int
    dates: int
    ids: int
    links: int
    numbers: int
    words: int
    boilerplate: int
    nested: int
    distinct: int
    samples: tuple[str, ...]
    values: frozenset[str] = frozenset()
    """The different values, if there are at most FEW; otherwise empty."""

    def mostly(self, count: int, share: float = 0.8) -> bool:
        """Return whether `count` is at least this share of the filled cells."""
        return self.filled > 0 and count >= share * self.filled


_METRIC_NAMES = frozenset(
    "metric metrics metric_name measure measures measure_name kpi kpis indicator stat "
    "variable attribute kennzahl kennzahlen metrik messgrosse merkmal indicateur "
    "metrique mesure indicador metrica medida indicatore misura".split()
)
_VALUE_NAMES = frozenset(
    "value values metric_value measure_value count amount total number result wert "
    "werte anzahl valeur valeurs nombre valor valores cantidad quantidade valore "
    "valori quantita".split()
)


def profile_table(table: Table) -> list[ColumnProfile]:
    """Return one profile per column, from the first rows.

    Raises UnreadableTableError, even for a readable table if each row has one metric of
    a post.
    """
    rows: Iterator[Sequence[Cell]] = (
        row for batch in table.batches() for row in batch.rows
    )
    sample = list(itertools.islice(rows, SAMPLE_ROWS))
    profiles = [
        _profile(name, [row[n] if n < len(row) else None for row in sample])
        for n, name in enumerate(table.columns)
    ]
    _refuse_long(profiles)
    return profiles


def _refuse_long(profiles: Sequence[ColumnProfile]) -> None:
    """Raise UnreadableTableError for a long table: columns `Metric` and `Value`."""
    values = [p for p in profiles if plain_name(p.name) in _VALUE_NAMES]
    if not values or values[0].counts == 0:
        return
    for profile in profiles:
        metrics = {plain_name(value) for value in profile.values}
        known = {m for m in metrics if {m, bare_name(m)} & COUNT_NAMES}
        if plain_name(profile.name) in _METRIC_NAMES and len(known) * 2 > len(metrics):
            raise UnreadableTableError(
                f"it has one row per metric (columns {profile.name!r} and "
                f"{values[0].name!r}); give each metric a column of its own, and each "
                "post one row, by a pivot table in Excel or Sheets, or by pivot_table "
                "in pandas"
            )


def shown(cell: Cell, length: int = 40) -> str:
    """Return a value for display: one line of at most `length` characters."""
    if isinstance(cell, Nested):
        return "{…}" if isinstance(cell.value, dict) else "[…]"
    text = " ".join(str(cell).split())
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _profile(name: str, cells: Sequence[Cell]) -> ColumnProfile:
    filled = [cell for cell in cells if not is_missing(cell)]
    texts = [cell.strip() for cell in filled if isinstance(cell, str)]
    different = {str(cell).strip() for cell in filled}
    numeric = sum(isinstance(cell, (int, float, Decimal)) for cell in filled)
    return ColumnProfile(
        name=name,
        filled=len(filled),
        counts=sum(map(_may_be_count, filled)),
        dates=sum(map(_may_be_date, filled)),
        ids=sum(bool(_TOKEN.fullmatch(t) and _TOKEN_MARK.search(t)) for t in texts),
        links=sum(bool(_LINK.fullmatch(text)) for text in texts),
        numbers=numeric + sum(bool(_NUMBERS.fullmatch(text)) for text in texts),
        words=sum(len(text.split()) > 1 for text in texts),
        boilerplate=sum(bool(_BOILERPLATE.fullmatch(text)) for text in texts),
        nested=sum(isinstance(cell, Nested) for cell in filled),
        distinct=len(different),
        samples=tuple(map(shown, filled[:3])),
        values=frozenset(different if len(different) <= FEW else ()),
    )


def _may_be_count(cell: Cell) -> bool:
    for form in (None, *LOCALE_FORMATS.values()):
        try:
            parse_count(cell, form)
        except NotACountError as error:
            if error.why == "negative":
                return True
        else:
            return True
    return False


def _may_be_date(cell: Cell) -> bool:
    if isinstance(cell, (datetime, date)):
        return True
    try:
        parse_cell_instant(cell, "dmy")
    except NotAnInstantError as error:
        return error.is_dated
    return True
