"""Detects the form of a delimited file: delimiter, header, types of columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ig_assets.core.tabular.cells.missing import is_no_figure
from ig_assets.core.tabular.files.decoding import Content, blocks
from ig_assets.core.tabular.table import UnreadableTableError

DELIMITERS = ",;\t|"
DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}

HEADER_WITHIN = 40
"""Number of first lines among which the header must be; titles may precede it."""

SAMPLE_LINES = 1_000
"""Number of rows from which columns of numbers or dates are recognised."""

_DECLARED = re.compile(r'"?sep=(.)"?[,;\t|]*\s*', re.IGNORECASE)
_COMMENT = re.compile(r"#(?:[ -][^,;\t|]*)?\s*$")
"""Matches Google Analytics' lines before a header: `# Start date: 20260301`."""

_TYPED = re.compile(
    r"[-+\u2212]?[$\u20ac\u00a3]?\s?[.,]?\d[\d.,:/'\u2019\u00a0\u202f TZ+-]*"
    r"\s?(?:[KkMm%\u20ac$]|[AaPp]\.?[Mm]\.?|Tsd\.?|Mio\.?|mil|mila|mln|mi)?"
)


_TOKEN = re.compile(r"[\w.:/-]+")
_DIGIT = re.compile(r"[0-9]")


class Header(NamedTuple):
    """The header of a delimited file, with the properties of its rows.

    `first` is the line after the header. Of the lines before the header, `headings` are
    titles and `blanks` are blank. `typed` says for each column whether its cells are
    numbers or dates. `first_cell` is a regular expression for the cells of the first
    column if they are single tokens, else one that matches nothing.
    """

    delimiter: str
    names: tuple[str, ...]
    first: int
    headings: int
    blanks: int
    typed: tuple[bool, ...]
    first_cell: str


class Quoting:
    """The rules for dividing the text of a row into cells."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter
        quoted = r'"[^"]*(?:""[^"]*)*"'
        cell = rf'(?:{quoted}|[^"{re.escape(delimiter)}\n]*)'
        self._row = re.compile(f"{cell}(?:{re.escape(delimiter)}{cell})*")

    def is_strict(self, text: str) -> bool:
        """Return whether the text is one row by RFC 4180, without a bare quote."""
        return self._row.fullmatch(text) is not None

    def goes_on(self, text: str) -> bool:
        """Return whether the text may begin a row whose last quote is still open."""
        return self.is_strict(f'{text}"')

    def cells(self, text: str) -> list[str] | None:
        """Return the cells of one row; None if its quotes are not closed properly.

        A quote within a quoted cell is doubled.
        """
        if '"' not in text:
            return None if "\n" in text else text.split(self.delimiter)
        return self._read(text, None)

    def escaped_cells(self, text: str) -> list[str] | None:
        """Return the cells of one row with backslash escapes, as MySQL writes them.

        None if the text is no such row: only quotes and backslashes may be escaped.
        """
        if '\\"' not in text or re.search(r'\\[^"\\]', text):
            return None
        return self._read(text, "\\")

    def _read(self, text: str, escape: str | None) -> list[str] | None:
        reader = csv.reader(
            io.StringIO(text, newline="\n"),
            delimiter=self.delimiter,
            strict=True,
            escapechar=escape,
            doublequote=escape is None,
        )
        try:
            rows = list(reader)
        except csv.Error:
            return None
        return rows[0] if len(rows) == 1 else None


def find_header(content: Content, is_known: Callable[[str], bool]) -> Header:
    """Find the header of a delimited file. Raises UnreadableTableError.

    It is the first line that is not blank. Exports may begin with titles, so a later
    line is the header instead if it has two names that `is_known` accepts, and no line
    before it has such a name.
    """
    lines = _beginning(content)
    declared = _DECLARED.fullmatch(lines[0]) if lines else None
    begin = 1 if declared else 0
    while begin < len(lines) and _COMMENT.match(lines[begin]):
        begin += 1
    choices = declared.group(1) if declared else DELIMITERS
    candidates = [
        n
        for n in range(begin, min(len(lines), begin + HEADER_WITHIN))
        if lines[n].strip()
    ]
    if not candidates:
        raise UnreadableTableError("it is empty", "empty")
    found = [_names(lines, n, choices) for n in candidates]
    known = [sum(map(is_known, names)) for _, names, _ in found]
    at = next((i for i, count in enumerate(known) if count >= 2), 0)
    if any(known[:at]):
        at = 0
    delimiter, names, used = found[at]
    line = candidates[at]
    blanks = sum(not text.strip() for text in lines[begin:line])
    sample = _sample(lines[line + used :], delimiter, len(names))
    return Header(
        delimiter=delimiter,
        names=tuple(name.strip() for name in names),
        first=line + used + 1,
        headings=line - blanks,
        blanks=blanks,
        typed=tuple(_typed(sample, n) for n in range(len(names))),
        first_cell=_token_pattern([cells[0] for cells in sample if cells[0]]),
    )


def is_typed(cell: str) -> bool:
    """Return whether a cell is written like a number, an amount, a date or a time."""
    return _TYPED.fullmatch(cell.strip()) is not None


def is_unset(cell: str) -> bool:
    """Return whether a cell has no value, or a mark for a missing one."""
    return is_no_figure(cell)


def _beginning(content: Content) -> list[str]:
    """Return the first lines of a file: the header and a sample of rows."""
    lines: list[str] = []
    for block in blocks(content):
        lines += block
        if len(lines) > HEADER_WITHIN + SAMPLE_LINES:
            break
    return lines


def _names(lines: Sequence[str], n: int, choices: str) -> tuple[str, list[str], int]:
    """Return (delimiter, names, number of lines) of the header on line `n`."""
    found = []
    for delimiter in choices:
        quoting = Quoting(delimiter)
        for used in range(1, 20):
            text = "\n".join(lines[n : n + used])
            if (cells := quoting.cells(text)) is not None:
                found.append((delimiter, cells, used))
                break
            if not quoting.goes_on(text):
                break
    if not found:
        return choices[0], lines[n].split(choices[0]), 1
    return max(found, key=lambda choice: len(choice[1]))


def _sample(lines: Sequence[str], delimiter: str, width: int) -> list[list[str]]:
    """Return rows of one line each; if there are few, also rows of several lines."""
    quoting = Quoting(delimiter)
    lines = lines[:SAMPLE_LINES]
    rows = [cells for line in lines if (cells := quoting.cells(line)) is not None]
    found = [row for row in rows if len(row) == width]
    if len(found) >= 3:
        return found
    text = io.StringIO("\n".join(lines), newline="\n")
    return [row for row in csv.reader(text, delimiter=delimiter) if len(row) == width]


def _typed(sample: Sequence[Sequence[str]], n: int) -> bool:
    filled = [cells[n] for cells in sample if not is_unset(cells[n])]
    return bool(filled) and sum(map(is_typed, filled)) >= 0.6 * len(filled)


def _token_pattern(cells: Sequence[str]) -> str:
    """Return a regular expression for tokens like those in `cells`.

    It matches nothing if one of the cells is not a token.
    """
    if not cells or not all(map(_TOKEN.fullmatch, cells)):
        return r"(?!)"
    digit = r"(?=.*[0-9])" if all(map(_DIGIT.search, cells)) else ""
    lengths = [len(cell) for cell in cells]
    return rf"{digit}[\w.:/-]{{{min(lengths)},{max(lengths)}}}"
