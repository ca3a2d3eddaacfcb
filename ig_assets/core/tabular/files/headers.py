"""Reads rows below a second header in that header's order of columns.

Concatenated exports have one header per part. If a later header has a column that the
first one lacks, the rows below it are problems. No value is thus lost silently or
assigned to another column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from ig_assets.core.tabular.columns.vocabulary import is_known_name
from ig_assets.core.tabular.files.dialect import is_typed
from ig_assets.core.tabular.table import HEADING, Batch, Cell, RowProblem

_LONGEST_NAME = 60
_TITLE_WORDS = 4


class Order:
    """The positions of the first header's columns in the rows below another header.

    `lacking` says why the rows cannot be read, "" if they can.
    """

    def __init__(self, names: Sequence[str], header: Sequence[Cell], line: int) -> None:
        found = [_name(cell) for cell in header]
        filled = [name for name in found if name]
        ours = [name.strip() for name in names]
        self._places = [found.index(n) if n in found else None for n in ours]
        others = [name for name in filled if name not in ours]
        self.lacking = ""
        if others or len(set(filled)) < len(filled) or len({*ours}) < len(ours):
            # Not by its name: the row may be a script, and no remark quotes one.
            named = f" (its column {found.index(others[0]) + 1})" if others else ""
            self.lacking = (
                f"It stands below a second header (line {line}), whose columns are not "
                f"those of the first{named}; save the rows below that line as a file "
                "of their own."
            )

    def row(self, cells: Sequence[Cell]) -> list[Cell]:
        """Return the cells in the first header's order, None for missing columns."""
        return [None if place is None else cells[place] for place in self._places]


def known_names(names: Sequence[str]) -> frozenset[str]:
    """Return the names of a header in the form in which later headers are compared."""
    return frozenset(name.strip() for name in names) - {""}


def is_header(cells: Sequence[Cell], names: Sequence[str], known: Set[str]) -> bool:
    """Return whether a row is a header: the first one again, or another one.

    In another header every cell is a column's name or words, not a number or date, and
    at least two cells are names of the first header. `names` are these names, `known`
    are the same as a set.
    """
    filled = [cell for cell in cells if cell not in (None, "")]
    found = [cell.strip() for cell in filled if isinstance(cell, str) and cell.strip()]
    if len(found) < len(filled) or not found:
        return False
    is_other = sum(map(known.__contains__, found)) >= 2 and all(
        cell in known or is_known_name(cell) or _may_name(cell) for cell in found
    )
    return is_other or _names(cells) == [name.strip() for name in names]


def _may_name(cell: str) -> bool:
    return len(cell) <= _LONGEST_NAME and not is_typed(cell)


def in_first_order(batches: Iterator[Batch], names: Sequence[str]) -> Iterator[Batch]:
    """Yield the batches in the order of the first header, without header rows.

    Headers are counted as skipped, as are rows of one text directly above a header,
    which are titles.
    """
    first = [name.strip() for name in names]
    order: Order | None = None
    for batch in _without_titles(batches):
        if order is None and batch.headers.isdisjoint(batch.lines):
            yield batch
            continue
        kept: list[tuple[int, Sequence[Cell]]] = []
        for line, row in zip(batch.lines, batch.rows, strict=True):
            if line in batch.headers:
                order = None if _names(row) == first else Order(names, row, line)
                batch.skipped[HEADING] += 1
            elif order is None:
                kept.append((line, row))
            elif order.lacking:
                batch.problems.append(RowProblem(line, order.lacking))
            else:
                kept.append((line, order.row(row)))
        batch.lines = [line for line, _ in kept]
        batch.rows = [row for _, row in kept]
        batch.problems.sort()
        yield batch


def _without_titles(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield the batches without titles above headers.

    A last row that may be a title is held back until the next batch.
    """
    waiting: tuple[int, Sequence[Cell]] | None = None
    for batch in batches:
        if waiting is not None:
            batch.lines = [waiting[0], *batch.lines]
            batch.rows = [waiting[1], *batch.rows]
            waiting = None
        if batch.headers:
            titles = {
                n
                for n, below in enumerate(batch.lines[1:])
                if below in batch.headers
                and batch.lines[n] not in batch.headers
                and _is_title(batch.rows[n])
            }
            if titles:
                kept = [n for n in range(len(batch.rows)) if n not in titles]
                batch.skipped[HEADING] += len(titles)
                batch.lines = [batch.lines[n] for n in kept]
                batch.rows = [batch.rows[n] for n in kept]
        if batch.rows and _is_title(batch.rows[-1]):
            waiting = batch.lines[-1], batch.rows[-1]
            batch.lines, batch.rows = batch.lines[:-1], batch.rows[:-1]
        yield batch
    if waiting is not None:
        yield Batch([waiting[0]], [waiting[1]])


def _is_title(row: Sequence[Cell]) -> bool:
    """Return whether a row is a single text of few words, like the title of a table."""
    filled = [cell for cell in row if cell not in (None, "")]
    return (
        len(row) > 1
        and len(filled) == 1
        and isinstance(filled[0], str)
        and len(filled[0].split()) <= _TITLE_WORDS
    )


def _names(row: Sequence[Cell]) -> list[str]:
    return [_name(cell) for cell in row]


def _name(cell: Cell) -> str:
    return "" if cell is None else str(cell).strip()
