"""`ig-assets experiments`: lists experiments, each with a sentence of verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ig_assets.cli.corpus.import_history import decide
from ig_assets.cli.output import (
    AsJson,
    AsSeparated,
    InMonth,
    Separated,
    console,
    plain_errors,
    print_data,
    print_table,
)
from ig_assets.core.experiments.reports.lookup import experiment_named
from ig_assets.core.experiments.reports.meta_analysis import across_topics, claim_rows
from ig_assets.core.experiments.reports.trajectory import courses
from ig_assets.core.experiments.reports.trajectory_plot import course_picture, titled
from ig_assets.core.experiments.reports.verdict import ExperimentRow, experiment_rows
from ig_assets.core.fine_tuning.evaluation.canary import canary_evidence, canary_row
from ig_assets.core.fine_tuning.ranker.lift import choice_lift, lift_row
from ig_assets.errors import InputError
from ig_assets.settings import load_settings
from ig_assets.wiring import Services


@plain_errors
def experiments(
    experiment_id: Annotated[
        str | None,
        typer.Argument(
            help="One experiment, with its arms: its id, the beginning of it, or what "
            "the file of an imported test calls it."
        ),
    ] = None,
    month: InMonth = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 20,
    update: Annotated[
        bool, typer.Option(help="Decide the undecided ones first (free).")
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw them, day by day, into this PNG file (at most 6)."),
    ] = None,
    across: Annotated[
        bool,
        typer.Option(help="What all topics together say: styles, canary, the loop."),
    ] = False,
    as_json: AsJson = False,
    separated: AsSeparated = None,
) -> None:
    """List experiments with their verdicts, newest first.

    Example: `ig-assets experiments --month 2026-01`
    """
    services = Services(load_settings())
    if across:
        _across(services, as_json, separated)
        return
    if update:
        summary = decide(services)
        if not as_json and separated is None:
            console.print(
                f"Evaluated {summary.experiments}: {summary.winners} winners, "
                f"{summary.provisional} provisional, {summary.inconclusive} "
                f"inconclusive, {summary.running} running."
            )
            for note in summary.notes():
                console.print(note)
    with services.warehouse.transaction() as con:
        chosen = None
        if experiment_id is not None:
            chosen = [experiment_named(con, experiment_id)]
        rows = experiment_rows(con, limit, month, chosen)
    if picture is not None:
        _draw(services, rows, picture)
    if print_data(rows, as_json, separated, ExperimentRow.__annotations__):
        return
    if not rows:
        if month is not None:
            console.print(f"There is no experiment of {month}.")
        else:
            console.print("No experiment yet: import history or run `ig-assets loop`.")
        return
    print_table(
        [
            {
                "experiment": row["experiment_id"],
                "month": row["month"],
                "topic": _topic(row),
                "decision": row["decision"] or "running",
                "verdict": row["verdict"],
                "simulated": row["simulated"],
            }
            for row in rows
        ],
        ["experiment", "month", "topic", "decision", "verdict", "simulated"],
    )
    if experiment_id is not None:
        arms = rows[0]["arms"]
        columns = [name for name in arms[0] if name not in ("post_id", "slot")]
        print_table(arms, columns, "Arms")


def _topic(row: ExperimentRow) -> str:
    """Return the topic, and for an imported test also its name in the file."""
    if row["name"] is None:
        return row["topic"] or "–"
    return f"{row['topic'] or '(history)'} {row['name']}"


def _across(services: Services, as_json: bool, separated: Separated | None) -> None:
    simulated = services.settings.social != "instagram"
    with services.warehouse.transaction() as con:
        rows = claim_rows(across_topics(con, simulated=simulated))
        canary = canary_evidence(con)
        chosen = choice_lift(con, simulated=simulated)
    if chosen.mean.pairs or chosen.waiting:
        rows.append(lift_row(chosen))
    if canary is not None:
        rows.append(canary_row(canary))
    if print_data(rows, as_json, separated):
        return
    print_table(rows, list(rows[0]), "Across topics")
    if simulated:
        console.print("These are a simulated audience's or a recording's topics.")


def _draw(services: Services, rows: list[ExperimentRow], target: Path) -> None:
    with services.warehouse.transaction() as con:
        found = courses(con, [row["experiment_id"] for row in rows])
    try:
        target.write_bytes(course_picture(titled(rows, found)))
    except OSError as error:
        raise InputError(
            f"The picture {target} cannot be written ({error.strerror})."
        ) from None
