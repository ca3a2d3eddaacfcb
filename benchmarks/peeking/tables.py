"""Plain tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def percent(count: float, of: float) -> str:
    """A share for a person."""
    return f"{100 * count / of:.1f} %" if of else "-"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a title, a head and rows, numbers to the right."""
    cells = [[f"{c:,}" if isinstance(c, int) else str(c) for c in r] for r in rows]
    widths = [
        max(len(column), *(len(row[i]) for row in cells))
        for i, column in enumerate(columns)
    ]
    print(title)
    for row in [list(columns), *cells]:
        first = row[0].ljust(widths[0])
        rest = (c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))
        print("  " + "  ".join([first, *rest]).rstrip())
    print()
