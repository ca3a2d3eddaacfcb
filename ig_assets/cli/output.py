"""Print the output of commands: tables for people, JSON for programs, errors."""

from __future__ import annotations

import csv
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from pydantic_core import to_json
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from ig_assets.core.operations.log_lines import (
    FAILURES,
    LOG_FILE,
    log_of_command,
    prepare_records,
)
from ig_assets.core.operations.redaction import redact
from ig_assets.core.operations.runbook import UNEXPECTED, runbook_link, section_of
from ig_assets.core.spreadsheet_cells import spreadsheet_cell
from ig_assets.errors import IgAssetsError, InputError, SettingsError
from ig_assets.settings import load_settings

P = ParamSpec("P")
R = TypeVar("R")

# A file or a pipe has no width; tables then have room for full ids.
console = Console(width=None if sys.stdout.isatty() else 140)
errors = Console(stderr=True)

AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON for programs instead of tables.")
]


class Separated(StrEnum):
    """The formats of rows for a spreadsheet or a pipe."""

    CSV = "csv"
    TSV = "tsv"


AsSeparated = Annotated[
    Separated | None,
    typer.Option(
        "--format",
        "-f",
        help="Print all columns of all rows for a spreadsheet or a pipe.",
    ),
]


def a_month(value: str | None) -> str | None:
    """Return the value of an option; raises BadParameter if it is no month."""
    if value is not None and not _MONTH.fullmatch(value):
        raise typer.BadParameter(f"{value!r} is not a month such as 2026-01.")
    return value


InMonth = Annotated[
    str | None,
    typer.Option("--month", "-m", callback=a_month, help="Only this month, YYYY-MM."),
]

SaidBy = Annotated[
    str, typer.Option("--by", help="Who says so. [default: your user name]")
]

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130
# Typer's own names: its release 0.29 has a click of its own inside.
_OF_THE_COMMAND_LINE = (typer.Exit, typer.Abort, typer.BadParameter)
_log = logging.getLogger(FAILURES)
_ANY_WIDTH = 10_000
_MONTH = re.compile(r"(19|20)[0-9]{2}-(0[1-9]|1[0-2])")
_UNCUT = (
    *("experiment", "model", "model_id", "month", "script", "id"),
    *("experiment_id", "variant_id", "script_id", "post_id"),
)


def plain_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Decorate a command to print any error as one sentence.

    The command exits with 2 for wrong use and with 1 for other errors. The traceback is
    written to the log of the data folder, without secrets. For errors other than wrong
    use, a second line names the section of the runbook.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with _log_of_command() as log_file:
            return _run(log_file, *args, **kwargs)

    def _run(log_file: Path | None, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except IgAssetsError as error:
            sentence = redact(str(error))
            if isinstance(error, (SettingsError, InputError)):
                _print_error(sentence)
                raise typer.Exit(WRONG_USE) from None
            _log.error("%s", sentence, exc_info=error)
            _print_error(sentence, section_of(error))
            raise typer.Exit(FAILED) from None
        except (*_OF_THE_COMMAND_LINE, BrokenPipeError):
            raise
        except Exception as error:
            kind = type(error).__name__
            _log.error("Unexpected %s", kind, exc_info=error)
            where = f"is in {log_file}" if log_file is not None else "is not kept"
            _print_error(
                f"Unexpected {kind}; what was done is kept. The traceback {where}.",
                UNEXPECTED,
            )
            raise typer.Exit(FAILED) from None
        except KeyboardInterrupt:
            errors.print("Stopped. What was done is kept; run it again to go on.")
            raise typer.Exit(INTERRUPTED) from None

    return run


@contextmanager
def _log_of_command() -> Iterator[Path | None]:
    """Write the log of this command within the block.

    Yields the log's file, or None if the settings are wrong.
    """
    try:
        settings = load_settings()
    except SettingsError:  # the command itself says so
        prepare_records()
        yield None
        return
    with log_of_command(settings.data_dir, settings.log_format, settings.log_level):
        yield settings.data_dir / LOG_FILE


def _print_error(sentence: str, section: str | None = None) -> None:
    # The terminal breaks lines where it must; a path stays one word to copy.
    errors.print(f"[red]ig-assets:[/red] {escaped(sentence)}", soft_wrap=True)
    if section is not None:
        errors.print(f"Runbook: {runbook_link(section)}", soft_wrap=True, style="dim")


def print_json(value: Any) -> None:
    """Write one JSON document to standard output."""
    text = to_json(value, indent=2, inf_nan_mode="null").decode()
    sys.stdout.write(f"{text}\n")


def print_data(
    rows: Sequence[Mapping[str, Any]],
    as_json: bool,
    separated: Separated | None,
    columns: Iterable[str] = (),
) -> bool:
    """Print the rows as JSON, CSV or TSV, if the user asked for one of these.

    Returns whether rows were printed. In CSV and TSV the first line names `columns` and
    any further keys of the rows, even without rows. A list or an object is written as
    JSON, None as an empty cell. A text that a spreadsheet would read as a formula
    begins with an apostrophe. Raises InputError if both JSON and a format are asked
    for.
    """
    if as_json and separated is not None:
        raise InputError("Ask for --json or for --format, not for both.")
    if as_json:
        print_json(rows)
        return True
    if separated is None:
        return False
    if not rows:
        errors.print("There are no rows; without --format the command says why.")
    found = (name for row in rows for name in row)
    names = list(dict.fromkeys([*columns, *found]))
    delimiter = "\t" if separated is Separated.TSV else ","
    writer = csv.writer(sys.stdout, delimiter=delimiter, lineterminator="\n")
    if names:
        writer.writerow([_plain(name) for name in names])
    for row in rows:
        writer.writerow([_plain(row.get(name)) for name in names])
    return True


def _plain(value: Any) -> Any:
    """Return a value as a cell of a spreadsheet."""
    if isinstance(value, (int, float)) or value is None:
        return value
    text = value if isinstance(value, str) else to_json(value).decode().strip('"')
    return spreadsheet_cell(text)


def print_table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str = ""
) -> None:
    """Print rows as a table; numbers are aligned right, None is a dash.

    If the terminal is too narrow for the longest words of the columns, each row is
    printed as a block of lines instead. Nothing is cut off.
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
    """Return integers without a fraction, small numbers with two significant digits."""
    if value.is_integer():
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 0.01 else f"{value:,.3f}"


def escaped(text: str) -> str:
    """Escape square brackets, which the console would read as markup."""
    return text.replace("[", r"\[")
