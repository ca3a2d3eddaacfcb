"""Drops rows that are not data: totals, averages, headings of periods, notes.

A row is a total on three conditions: a cell says so in a few words (`Total`, `Monthly
total for all reels`); no cell identifies a post; and its other texts, such as an
account or a type of post, also occur in other rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time

from ig_assets.core.tabular.cells.clock_times import NotAnInstantError
from ig_assets.core.tabular.cells.instants import parse_cell_instant
from ig_assets.core.tabular.cells.missing import is_missing
from ig_assets.core.tabular.columns.vocabulary import (
    COUNT_NAMES,
    NAMES,
    bare_name,
    plain_name,
)
from ig_assets.core.tabular.files.dialect import is_typed
from ig_assets.core.tabular.left_out.total_words import (
    ALL_TOTALS,
    BEST_OF,
    JOINING,
    PERIODS,
    THINGS,
    TOTAL_WORDS,
)
from ig_assets.core.tabular.table import TOTALS, Batch, Cell

_BESIDE = re.compile(r"(?:q|kw|w)?[0-9]{1,4}|@[\w.]+")
"""Matches years, quarters, weeks, numbers and accounts."""

_IN_BRACKETS = re.compile(r"\s+\([^()]{1,30}\)$")
_STRIPPED = ".:,;|-\u2013\u2014"

_ID_NAMES = frozenset((*NAMES["post_id"], *NAMES["permalink"]))
_DAY_NAMES = frozenset((*NAMES["published_at"], *NAMES["day"], *NAMES["due_on"]))
_WORDS_NAMES = frozenset(
    ("hook", "body", "text", "script", "call_to_action", "cta", *NAMES["topic"])
    + (*NAMES["caption"], *NAMES["title"], *NAMES["description"], *NAMES["brief"])
)
_LABEL_NAMES = frozenset(
    (*NAMES["author"], *NAMES["language"], "account", "account_name", "profile")
    + ("post_type", "type", "media_type", "content_type", "platform", "network")
    + ("channel", "page", "page_name", "brand", "format", "status", "currency")
    + ("konto", "kontoname", "profil", "beitragstyp", "typ", "plattform", "kanal")
    + ("netzwerk", "seite", "marke", "compte", "type_de_publication", "plateforme")
    + ("reseau", "canal", "marque", "cuenta", "perfil", "tipo", "tipo_de_publicacion")
    + ("plataforma", "red", "marca", "conta", "tipo_de_publicacao", "rede")
    + ("account_nome", "profilo", "tipo_di_post", "piattaforma", "rete", "canale")
)
"""Names of columns with values that many posts share, and a total may have too."""

_LONGEST = 60
"""Longest text, in characters, that may say that a row is a total."""

_SHOWN = 1_000
"""Number of first rows of a file that show which values are shared by rows."""

_TIME_OF_DAY = re.compile(
    r"[0-9][:h.][0-9]{2}(?![0-9.])|\b[ap]\.?m\b|^[0-9]{9,13}$", re.I
)

_ALONE = ALL_TOTALS - TOTAL_WORDS
_STEMS = tuple(
    "total totai gesamt sum somm suma soma average avg median m\u00e9dian durchschnitt "
    "mittelwert moyenne promedio \u00f8 \u2300 \u2211".split()
)
"""Stems of all words for a total, for a quick search of many cells."""
_STEM = re.compile("|".join(map(re.escape, _STEMS)))

_UNNAMED = frozenset("-#\\\u2013\u2014\u03a3 ").union(
    *({word[0], word[0].upper()} for word in ALL_TOTALS | PERIODS | THINGS)
)
"""First characters of marks for no value, and of words in place of an id."""


def without_totals(batches: Iterator[Batch], names: Sequence[str]) -> Iterator[Batch]:
    """Yield the batches without totals, which are counted as skipped.

    A single text directly below a total is a note about it, and is dropped too.
    """
    columns = _Columns(names)
    is_below = False
    first: list[Sequence[Cell]] = []
    for batch in batches:
        rows = batch.rows
        if len(first) < _SHOWN:
            first += rows[: _SHOWN - len(first)]
        totals = set()
        candidates = columns.candidates(rows)
        if is_below or candidates:
            for n, row in enumerate(rows):
                is_below = (is_below and _is_note(row)) or (
                    n in candidates and columns.is_total(row, first)
                )
                if is_below:
                    totals.add(n)
        if totals:
            kept = [n for n in range(len(rows)) if n not in totals]
            batch.skipped[TOTALS] += len(totals)
            batch.lines = [batch.lines[n] for n in kept]
            batch.rows = [rows[n] for n in kept]
        yield batch


class _Columns:
    """Judges rows by the kinds of their columns; the columns' names show the kinds."""

    def __init__(self, names: Sequence[str]) -> None:
        self._ids = _named(names, _ID_NAMES)
        self._days = _named(names, _DAY_NAMES)
        self._words = _named(names, _WORDS_NAMES)
        self._labels = _named(names, _LABEL_NAMES)
        counts = _named(names, COUNT_NAMES)
        self._texts = [n for n in range(len(names)) if n not in counts]

    def candidates(self, rows: Sequence[Sequence[Cell]]) -> set[int]:
        """Return the indices of rows that may be totals, by a quick check."""
        for at in self._ids:
            cells = [row[at] for row in rows]
            starts = {cell[:1] for cell in cells if isinstance(cell, str)}
            if all(cells) and starts.isdisjoint(_UNNAMED):
                return set()
        found = self._undated(rows)
        for n in self._texts:
            found.update(_saying(_short(row[n]) for row in rows))
        return found

    def _undated(self, rows: Sequence[Sequence[Cell]]) -> set[int]:
        """Return indices of rows without a date that name a period or a best post."""
        if not self._days:
            return set()
        at = self._days[0]
        return {
            n
            for n, row in enumerate(rows)
            if (not (cell := row[at]) or (type(cell) is str and len(cell) < 5))
            and (
                _is_heading(row)
                or any(_bare(_short(other).casefold()) in BEST_OF for other in row)
            )
        }

    def is_total(self, row: Sequence[Cell], first: Sequence[Sequence[Cell]]) -> bool:
        """Return whether a row is a total of other rows.

        `first` are the file's first rows.
        """
        for n in self._ids:
            cell = row[n]
            if cell and not (type(cell) is str and cell[0] in _UNNAMED):
                return False
        if self._days and _is_heading(row):
            return True
        said = [
            n
            for n in self._texts
            if type(cell := row[n]) is str
            and len(cell) <= _LONGEST
            and self._says(cell, row)
        ]
        filled = [n for n, cell in enumerate(row) if said and not is_missing(cell)]
        if not said or len(filled) < 2:
            return False
        if any(n in self._ids and n not in said for n in filled):
            return False
        if any(n in self._days and _has_time(row[n]) for n in filled):
            return False
        known = {*said, *self._days}
        left = [n for n in filled if n not in known and _is_words(row[n])]
        if not left:
            return True
        if any(n in self._days and _is_day(row[n]) for n in filled) or not self._words:
            return False
        return not any(
            n in self._words or not (n in self._labels or _is_shared(n, row, first))
            for n in left
        )

    def _says(self, text: str, row: Sequence[Cell]) -> bool:
        words = _bare(text.casefold())
        if words in ALL_TOTALS:
            return True
        if words in BEST_OF:
            return bool(self._days) and all(is_missing(row[n]) for n in self._days)
        if not _STEM.search(words):
            return False
        found = [word.strip(_STRIPPED) for word in words.split()]
        if TOTAL_WORDS.isdisjoint(found) or found[0] in JOINING:
            return False
        labels = {
            word.strip(_STRIPPED)
            for n in self._labels
            if isinstance(cell := row[n], str) and cell != text
            for word in cell.casefold().split()
        }
        return all(
            word in TOTAL_WORDS
            or word in PERIODS
            or word in THINGS
            or word in JOINING
            or word in labels
            or _BESIDE.fullmatch(word)
            for word in found
        )


def _short(cell: Cell) -> str:
    """Return a text on one line if it is short enough to name a total, else ""."""
    if type(cell) is not str or len(cell) > _LONGEST:
        return ""
    return cell.replace("\n", " ") if "\n" in cell else cell


def _saying(cells: Iterable[str]) -> Iterator[int]:
    """Yield the indices of cells with a word for a total.

    All cells are first searched as one text, since most columns have no such word.
    """
    joined = "\n".join(cells).casefold()
    if any(stem in joined for stem in _STEMS):
        yield from (
            n for n, line in enumerate(joined.split("\n")) if _STEM.search(line)
        )
    if any(word in joined for word in _ALONE):
        yield from (
            n for n, line in enumerate(joined.split("\n")) if _bare(line) in _ALONE
        )


def _bare(text: str) -> str:
    """Return the text without a final colon and a part in brackets.

    Both occur in `total (3 posts):`.
    """
    return _IN_BRACKETS.sub("", text.strip().rstrip(":"))


def _named(names: Sequence[str], known: frozenset[str]) -> tuple[int, ...]:
    plain = [plain_name(name) for name in names]
    return tuple(n for n, p in enumerate(plain) if p in known or bare_name(p) in known)


def _is_words(cell: Cell) -> bool:
    """Return whether a cell is a text other than a number, a date or a period."""
    return isinstance(cell, str) and not (is_typed(cell) or _is_period(cell))


def _is_shared(n: int, row: Sequence[Cell], first: Sequence[Sequence[Cell]]) -> bool:
    """Return whether another of the first rows has the same value in this column."""
    return any(other[n] == row[n] and other is not row for other in first)


def _has_time(cell: Cell) -> bool:
    if isinstance(cell, datetime):
        return cell.time() != time()
    return _TIME_OF_DAY.search(str(cell).strip()) is not None


def _is_day(cell: Cell) -> bool:
    """Return whether a cell is a single date, not a range of days or other words."""
    try:
        found = parse_cell_instant(cell, "dmy")
    except NotAnInstantError as error:
        return error.is_dated
    return found is not None and found.until is None


def _is_period(text: str) -> bool:
    """Return whether a text names only a period: `March 2026`, `KW 12`."""
    words = [word.strip(_STRIPPED) for word in text.casefold().split()]
    return len(text) <= _LONGEST and all(
        word in PERIODS or not word or _BESIDE.fullmatch(word) for word in words
    )


def _is_heading(row: Sequence[Cell]) -> bool:
    """Return whether a row has only a period, as a heading above rows: `March 2026`."""
    filled = [cell for cell in row if not is_missing(cell)]
    return (
        len(row) > 2
        and len(filled) == 1
        and isinstance(filled[0], str)
        and not is_typed(filled[0])
        and _is_period(filled[0])
    )


def _is_note(row: Sequence[Cell]) -> bool:
    filled = [cell for cell in row if not is_missing(cell)]
    return len(row) > 1 and len(filled) == 1 and isinstance(filled[0], str)
