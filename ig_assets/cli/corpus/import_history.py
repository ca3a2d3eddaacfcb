"""`ig-assets import-history`: imports past posts."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ig_assets.cli.corpus.export_columns import (
    Dates,
    Numbers,
    Preset,
    TimeZone,
    print_import,
    values_of,
)
from ig_assets.cli.output import AsJson, plain_errors, print_json
from ig_assets.cli.unfinished import warn_of_unfinished
from ig_assets.core.corpus.history_import.importer import import_history
from ig_assets.core.corpus.history_import.planning.plan import ImportOptions
from ig_assets.core.experiments.decisions.decide import ResultsSummary, update_results
from ig_assets.core.experiments.decisions.winners import record_winners
from ig_assets.core.experiments.stats.post_variance import planned_sigma
from ig_assets.core.tabular import parse_instant
from ig_assets.errors import InputError, NothingTakenError
from ig_assets.settings import load_settings
from ig_assets.wiring import Services, make_money_clock


class Denominator(str, Enum):
    """The counts of an export by which its events may be divided to give a rate."""

    IMPRESSIONS = "impressions"
    REACH = "reach"
    VIEWS = "views"


@plain_errors
def import_history_command(
    file: Annotated[
        Path, typer.Argument(help="CSV, TSV, JSON (each also .gz), Parquet or Excel.")
    ],
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="ours=theirs takes the file's column `theirs` as our field `ours`; "
            "ours= drops a guess. May be repeated.",
        ),
    ] = None,
    preset: Preset = None,
    numbers: Numbers = None,
    dates: Dates = None,
    timezone: TimeZone = None,
    simulated: Annotated[
        bool | None,
        typer.Option(help="Label the rows as simulated. [default: the file's column]"),
    ] = None,
    randomised: Annotated[
        bool | None,
        typer.Option(
            help="Whether one audience was split at random between arms. [default: "
            "yes where the arms ran at the same time, none is a post with an id of its "
            "own, and the rate is not by likes]"
        ),
    ] = None,
    sigma: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Standard deviation between posts of the same words, log scale. "
            "[default: 0 for a split, else IG_SIGMA]",
        ),
    ] = None,
    denominator: Annotated[
        Denominator | None,
        typer.Option(
            help="What the events are divided by, for the file's posts and new tests; "
            "kept with the import. [default: by what each has]"
        ),
    ] = None,
    running: Annotated[
        bool,
        typer.Option(
            help="The tests are still running: only e-values judge them, and the "
            "single z-test is kept for their end."
        ),
    ] = False,
    ends: Annotated[
        str | None,
        typer.Option(help="The day on which the tests end, YYYY-MM-DD."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="When the counts were read, YYYY-MM-DD. [default: the file's column, "
            "or its newest row, else now]"
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            help="Name of the export: a later file of the same source adds its new "
            "rows. [default: the source whose posts the file has, else its name]"
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option(help="Show the mapping and the counts; write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import past posts with their engagement; rows with an experiment become evidence.

    Importing a file twice changes nothing; an extended export adds its new rows, and
    new counts as later readings. Run `ig-assets sync` afterwards.

    Example: `ig-assets import-history posts.csv --map hook=headline --dry-run`
    """
    services = Services(load_settings())
    warn_of_unfinished(services.warehouse)
    report = import_history(
        services.warehouse,
        services.clock,
        file,
        ImportOptions(
            mapping=_mapping(mapping or []),
            simulated=simulated,
            randomised=randomised,
            sigma=sigma,
            organic_sigma=_organic_sigma(services, bool(simulated)),
            running=running,
            ends=_day(ends, "--ends"),
            as_of=_day(as_of, "--as-of"),
            denominator=denominator and denominator.value,
            source=_source(source),
            by_name=True,
            dry_run=dry_run,
            values=values_of(numbers, dates, timezone),
            preset=preset and preset.value,
        ),
        machine_clock=make_money_clock(),
    )
    # Also of a file that is known: the import before may have ended here.
    decided = None if dry_run else decide(services)
    if as_json:
        print_json({"import": report, "decisions": decided})
    else:
        print_import(report, dry_run, decided)
    if report.why_nothing:
        raise NothingTakenError(
            f"Nothing of {file.name} would be taken: {report.why_nothing}."
        )


def decide(services: Services) -> ResultsSummary:
    """Decide all experiments that have new readings, and record the winners (free)."""
    summary = update_results(
        services.warehouse,
        services.clock,
        provisional_lift=services.settings.provisional_lift,
    )
    record_winners(services.warehouse, services.clock)
    return summary


def _organic_sigma(services: Services, simulated: bool) -> float:
    """Return the post variance (sigma) of tests without a split, by the settings."""
    setting = services.settings.sigma
    if setting != "pairs":
        return setting
    with services.warehouse.transaction() as con:
        return planned_sigma(con, setting, simulated=simulated)


def _day(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_instant(text.strip())
    except ValueError:
        raise InputError(
            f"{option} {text!r} is not a date; write it as 2026-01-31."
        ) from None


def _source(name: str | None) -> str | None:
    if name is not None and not name.strip():
        raise InputError("--source must be a name, such as instagram-export.")
    return name and name.strip()


def _mapping(pairs: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        ours, separator, theirs = pair.partition("=")
        if not (ours and separator):
            raise InputError(
                f"--map {pair!r} must read ours=theirs, e.g. hook=headline."
            )
        if ours.strip() in mapping:
            raise InputError(f"--map {ours.strip()}=… is given twice; give it once.")
        mapping[ours.strip()] = theirs.strip()
    return mapping
