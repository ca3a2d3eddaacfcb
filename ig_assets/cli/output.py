"""Output of commands: tables for people, JSON for programs, a sentence for errors."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from pydantic_core import to_json
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from ig_assets.errors import IgAssetsError, InputError, SettingsError

P = ParamSpec("P")
R = TypeVar("R")

# A file or a pipe has no width; tables then have room for full ids.
console = Console(width=None if sys.stdout.isatty() else 140)
errors = Console(stderr=True)

AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON for programs instead of tables.")
]


def _a_month(value: str | None) -> str | None:
    if value is not None and not _MONTH.fullmatch(value):
        raise typer.BadParameter(f"{value!r} is not a month such as 2026-01.")
    return value


InMonth = Annotated[
    str | None, typer.Option(callback=_a_month, help="Only this month, YYYY-MM.")
]

FAILED, WRONG_USE = 1, 2
_ANY_WIDTH = 10_000
_MONTH = re.compile(r"(19|20)[0-9]{2}-(0[1-9]|1[0-2])")
_UNCUT = (
    *("experiment", "model", "model_id", "month", "script", "id"),
    *("experiment_id", "variant_id", "script_id", "post_id"),
)


def plain_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Print our errors as a sentence and exit: with 2 for wrong use, else with 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except IgAssetsError as error:
            # The terminal breaks lines where it must; a path stays one word to copy.
            message = f"[red]ig-assets:[/red] {escaped(str(error))}"
            errors.print(message, soft_wrap=True)
            wrong_use = isinstance(error, (SettingsError, InputError))
            raise typer.Exit(WRONG_USE if wrong_use else FAILED) from None
        except KeyboardInterrupt:
            errors.print("Stopped. What was done is kept; run it again to go on.")
            raise typer.Exit(130) from None

    return run


def print_json(value: Any) -> None:
    """Write one JSON document to standard output."""
    text = to_json(value, indent=2, inf_nan_mode="null").decode()
    sys.stdout.write(f"{text}\n")


def print_table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str = ""
) -> None:
    """Print rows as a table; numbers to the right, None as a dash.

    Where the terminal is too narrow for the longest words of each column, each row is
    a block of lines instead: nothing is cut.
    """
    table = Table(title=title or None, title_justify="left")
    for column in columns:
        numeric = any(isinstance(row.get(column), (int, float)) for row in rows)
        table.add_column(
            column.replace("_", " "),
            justify="right" if numeric else "left",
            no_wrap=column in _UNCUT,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    wide = console.options.update_width(_ANY_WIDTH)
    if Measurement.get(console, wide, table).minimum <= console.width:
        console.print(table)
    else:
        _print_blocks(rows, columns, title)


def _print_blocks(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str
) -> None:
    if title:
        console.print(f"[italic]{title}[/italic]")
    for row in rows:
        console.print()
        for column in columns:
            name = column.replace("_", " ")
            said = f"  [dim]{name}:[/dim] {_cell(row.get(column))}"
            console.print(said, highlight=False)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return escaped(str(value))


def _number(value: float) -> str:
    """Integers without a fraction; small amounts with two significant digits."""
    if value.is_integer():
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 0.01 else f"{value:,.3f}"


def escaped(text: str) -> str:
    """Escape square brackets, which the console would read as markup."""
    return text.replace("[", r"\[")
