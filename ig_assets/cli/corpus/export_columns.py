"""Options of `ig-assets import-history` on how to read an export, and its output."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from ig_assets.cli.output import console, escaped, print_table
from ig_assets.core.corpus.history_import.importer import ImportReport
from ig_assets.core.experiments.decisions.decide import ResultsSummary
from ig_assets.core.tabular import ValueOptions, value_options
from ig_assets.errors import InputError


class PresetName(str, Enum):
    """The tools whose exports are known; the values are the keys of `PRESETS`."""

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
    """Whether a numeric date begins with the month or the day."""

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
    """Return the options in the form that the reader takes. Raises InputError."""
    try:
        return value_options(
            numbers and str(numbers.value), dates and str(dates.value), timezone
        )
    except ValueError as error:
        raise InputError(f"--{error}.") from None


def print_import(
    report: ImportReport, dry_run: bool, decided: ResultsSummary | None
) -> None:
    """Print the result of an import, and of the decisions that followed it."""
    _print_columns(report, with_values=dry_run)
    if report.numerator and report.denominator:
        console.print(f"Rate: {report.numerator} per {report.denominator}")
    if report.already_imported:
        _print_notes(report)
        console.print("This file was imported before; nothing changed.")
        if decided is not None and decided.winners + decided.provisional + (
            decided.inconclusive
        ):
            _print_decided(decided)
        return
    if report.known_scripts or report.missing_scripts:
        _print_earlier(report)
    done = "Would import" if dry_run else "Imported"
    console.print(
        f"{done} {report.imported:,} of {report.rows_read:,} rows: "
        f"{report.scripts:,} scripts, {report.posts:,} posts, "
        f"{report.experiments:,} experiments ({report.known_experiments:,} known "
        f"from before); {report.rejected:,} rejected."
    )
    if report.read_at is not None:
        console.print(
            f"Counts: {report.readings:,} new, read on {report.read_at:%Y-%m-%d} "
            f"({report.read_at_by}) where a row does not say when; --as-of says it."
        )
    _print_rows(report)
    if report.rejects_sample:
        print_table(
            [
                {"row": r.source_uri, "reason": r.reason, "detail": r.detail}
                for r in report.rejects_sample
            ],
            ["row", "reason", "detail"],
            "Rejected (a sample; the others were accepted)",
        )
    if decided is not None:
        _print_decided(decided)
    if not dry_run:
        console.print("Next: [bold]ig-assets sync[/bold] to embed and index them.")


def _print_decided(decided: ResultsSummary) -> None:
    console.print(
        f"Decided: {decided.winners:,} winners, {decided.provisional:,} "
        f"provisional, {decided.inconclusive:,} inconclusive."
    )
    if decided.redecided:
        console.print(
            f"Of these {decided.redecided:,} had been decided before, on older "
            "counts or fewer arms; their verdicts are new."
        )
    for note in decided.notes():
        console.print(note)


def _print_notes(report: ImportReport) -> None:
    """Print what was assumed, one line per assumption."""
    for note in report.notes:
        console.print(f"- {escaped(note)}")


def _print_earlier(report: ImportReport) -> None:
    new = report.scripts - report.known_scripts
    hint = ""
    if not report.known_scripts:
        hint = " Another export of this name needs a --source NAME of its own."
    console.print(
        f"An earlier file of this source was imported: {report.known_scripts:,} "
        f"scripts are known, {new:,} are new, {report.missing_scripts:,} are not in "
        f"this file and stay.{hint}"
    )


def _print_columns(report: ImportReport, with_values: bool) -> None:
    """Print which field each column is taken for, with the reason.

    `with_values` adds sample values of each column.
    """
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


def _print_rows(report: ImportReport) -> None:
    """Print how many rows were taken, rejected and skipped, and what was assumed."""
    skipped = {kind: count for kind, count in report.skipped.items() if count}
    listed = ", ".join(f"{count:,} {kind}" for kind, count in sorted(skipped.items()))
    console.print(
        f"Rows: {report.rows_read:,} = {report.imported:,} taken + "
        f"{report.rejected:,} rejected + {sum(skipped.values()):,} skipped"
        + (f" ({listed})." if listed else ".")
    )
    for note in report.notes:
        console.print(f"- {escaped(note)}")
