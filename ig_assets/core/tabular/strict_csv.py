"""Rules shared by all readers of tables: delimiters, column names, counts, instants.

The readers of library tables, imported history, recordings and content calendars use
these rules, so that one file is understood in one way wherever it is given.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

DELIMITERS = ",;\t"
MAX_COUNT = 10**15
"""The greatest count that is accepted."""

# 1.234 means 1,234 in half of all spreadsheets, and a fraction in the other
# half: it is refused. 12.0 is what pandas writes for 12 in a column with gaps.
_WHOLE = re.compile(r"[0-9]{1,15}(?:\.0{1,2})?")
_SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]{1,14})?[eE]\+?[0-9]{1,2}")


class BrokenCsvError(ValueError):
    """A quote is misplaced or never closed; `line` counts the text's lines from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"not CSV from line {line}")
        self.line = line


class NotParquetError(ValueError):
    """The bytes are no Parquet file, or only a part of one."""


def guess_delimiter(header: str) -> str:
    """The one of comma, semicolon and tab that the header line has most of."""
    return max(DELIMITERS, key=header.count)


def plain_name(column: object) -> str:
    """A column's name in lower case ASCII, its words joined by underscores."""
    return re.sub(r"[^a-z0-9]+", "_", str(column).strip().lower()).strip("_")


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


def parse_count(text: str) -> float:
    """A count of 0 or more. Raises ValueError that says what a count is."""
    if _WHOLE.fullmatch(text):
        return float(text)
    if _SCIENTIFIC.fullmatch(text):
        number = float(text)
        if number <= MAX_COUNT and number == int(number):
            return number
    raise ValueError("a whole number of 0 or more, without separators of thousands")


def csv_rows(text: str) -> Iterator[list[str]]:
    """The cells of each row that is not blank, the header's first.

    The delimiter is guessed from the first line. Reading is strict: a quote that is
    never closed would swallow the rows after it, and raises BrokenCsvError instead.
    """
    delimiter = guess_delimiter(text.partition("\n")[0])
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        yield from filter(None, rows)
    except csv.Error:
        raise BrokenCsvError(rows.line_num) from None


def parquet_rows(
    file: Path | bytes,
) -> tuple[list[str], list[tuple[str | None, ...]]]:
    """Column names and rows of a Parquet file; every cell is text, NULL stays None.

    Binary columns without a type are text too, since older writers do not declare
    it. Raises NotParquetError.
    """
    import duckdb

    if isinstance(file, bytes):
        with tempfile.TemporaryDirectory(prefix="ig_assets_") as folder:
            copy = Path(folder, "table.parquet")
            copy.write_bytes(file)
            return parquet_rows(copy)
    with duckdb.connect(":memory:") as con:
        try:
            found = con.execute(
                "SELECT CAST(COLUMNS(*) AS TEXT) "
                "FROM read_parquet(?, binary_as_string = true)",
                [str(file)],
            )
            names = [str(column[0]) for column in found.description or []]
            return names, found.fetchall()
        except duckdb.Error as error:
            raise NotParquetError("not Parquet") from error
