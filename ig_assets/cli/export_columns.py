"""How `ig-assets import-history` asks for, and shows, the reading of an export."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from ig_assets.cli.output import console, escaped, print_table
from ig_assets.core.corpus.history_import.importer import ImportReport
from ig_assets.core.tabular import ValueOptions, value_options
from ig_assets.errors import InputError


class PresetName(str, Enum):
    """The tools whose exports are known, as `PRESETS` names them."""

    META = "meta-business-suite"
    YOUTUBE = "youtube-studio"
    INSTAGRAM = "instagram-download"
    YT_DLP = "yt-dlp"
    SCHEDULER = "scheduler"
    AIRBYTE = "airbyte"


class NumberLocale(str, Enum):
    """How an export writes numbers."""

    EN = "en"
    DE = "de"
    FR = "fr"


class DateOrder(str, Enum):
    """What a numeric date begins with."""

    MDY = "mdy"
    DMY = "dmy"


Preset = Annotated[
    PresetName | None,
    typer.Option(help="The tool that made the file. [default: guessed by columns]"),
]
Numbers = Annotated[
    NumberLocale | None,
    typer.Option(help="How counts are written: en 1,234, de 1.234, fr 1 234."),
]
Dates = Annotated[
    DateOrder | None,
    typer.Option(help="Whether 03/04/2026 begins with the month or with the day."),
]
TimeZone = Annotated[
    str | None,
    typer.Option(help="Zone of times without one, as Europe/Berlin. [default: UTC]"),
]


def values_of(
    numbers: NumberLocale | None, dates: DateOrder | None, timezone: str | None
) -> ValueOptions:
    """The options as the reader takes them. Raises InputError."""
    try:
        return value_options(
            numbers and str(numbers.value), dates and str(dates.value), timezone
        )
    except ValueError as error:
        raise InputError(f"--{error}.") from None


def print_columns(report: ImportReport, with_values: bool) -> None:
    """Print what each column is taken for, with three values and the reason."""
    if report.read_as:
        console.print(f"Read as {escaped(report.read_as)}.")
    if with_values and report.columns:
        print_table(
            [
                {
                    "column": guess.column,
                    "values": " | ".join(guess.samples),
                    "taken for": guess.ours or "",
                    "why": guess.why,
                }
                for guess in report.columns
            ],
            ["column", "values", "taken for", "why"],
            "Columns (--map ours=theirs takes another, --map ours= drops one)",
        )
        return
    mapped = ", ".join(f"{ours}={theirs}" for ours, theirs in report.mapping.items())
    console.print(escaped(f"Columns: {mapped}"))
    if report.left_alone:
        console.print(
            escaped(
                f"Left alone: {', '.join(report.left_alone)}; "
                "--map ours=theirs takes a column in."
            )
        )


def print_rows(report: ImportReport) -> None:
    """Print the sum of the file's rows, and what was assumed or left out."""
    skipped = {kind: count for kind, count in report.skipped.items() if count}
    listed = ", ".join(f"{count:,} {kind}" for kind, count in sorted(skipped.items()))
    console.print(
        f"Rows: {report.rows_read:,} = {report.imported:,} taken + "
        f"{report.rejected:,} rejected + {sum(skipped.values()):,} skipped"
        + (f" ({listed})." if listed else ".")
    )
    for note in report.notes:
        console.print(f"- {escaped(note)}")
