"""`ig-assets loop`: runs the entire loop on this machine, month by month."""

from __future__ import annotations

import os
import time
import warnings
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from ig_assets.adapters.simulated.clocks import SimulatedClock
from ig_assets.cli.corpus.import_history import decide
from ig_assets.cli.output import AsJson, console, plain_errors, print_json, print_table
from ig_assets.cli.progress import live_rows
from ig_assets.cli.unfinished import warn_of_unfinished
from ig_assets.core.corpus.history_import.importer import import_history
from ig_assets.core.corpus.history_import.planning.plan import ImportOptions
from ig_assets.core.generation.topics.content_calendar import (
    calendar_months,
    read_calendar,
)
from ig_assets.errors import InputError, SettingsError
from ig_assets.headless.month_loop import MonthLoop, month_names
from ig_assets.headless.plan import LoopPlan, plan_loop
from ig_assets.headless.summary import LoopSummary, summarise
from ig_assets.settings import Settings, load_settings
from ig_assets.wiring import Services, make_embedder, writer_file
from ig_assets.workspace import INSTALLED, WORKSPACE

_UNDECIDED = """
    SELECT count(*)
    FROM experiments
    WHERE segment = 'history'
      AND NOT coalesce(is_running, FALSE)
      AND experiment_id NOT IN (SELECT experiment_id FROM decisions)
"""

SAMPLE_HISTORY = WORKSPACE / "library" / "history" / "simulated_history.csv"
TOPICS = 3


class LocalModel(str, Enum):
    """The models that can write on this machine."""

    LARGE = "1.5b"
    SMALL = "0.5b"


@plain_errors
def loop(
    months: Annotated[
        int, typer.Option(min=1, max=24, help="Closed months to reach in all.")
    ] = 2,
    topics: Annotated[
        int | None, typer.Option(min=1, help=f"Topics a month. [default: {TOPICS}]")
    ] = None,
    arms: Annotated[
        int | None, typer.Option(min=2, max=3, help="Variants a topic.")
    ] = None,
    model: Annotated[LocalModel | None, typer.Option(help="The local writer.")] = None,
    history: Annotated[
        bool,
        typer.Option(
            help="Import the sample's simulated past posts, if none were imported yet."
        ),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Run the loop until this data folder has this many closed months.

    Runs the real Dagster definitions headless, on a simulated clock and a simulated
    audience: scripts, vectors, index, variants, posts, engagement, winners, training
    set, model. A rerun continues where the last run ended and repeats nothing.

    Example: `ig-assets loop --months 2 --model 0.5b`
    """
    _apply(topics, arms, model)
    settings = load_settings()
    if not settings.uses_simulated_clock:
        raise SettingsError(
            "`ig-assets loop` runs months on a simulated clock; unset IG_CLOCK (or "
            "set it to simulated), or let the schedules run the real months."
        )
    services = Services(settings)
    warn_of_unfinished(services.warehouse)
    started = time.monotonic()
    names = month_names(settings.first_month, months)
    turned = _turn(services, names, history, quiet=as_json)
    summary = summarise(services.warehouse, names, settings.social == "simulated")
    seconds = time.monotonic() - started
    if as_json:
        print_json({"turned": turned, "seconds": round(seconds, 1), "summary": summary})
    else:
        _print_summary(summary, turned, seconds, settings)


def _apply(topics: int | None, arms: int | None, model: LocalModel | None) -> None:
    """Write options to the environment, where Dagster's resources read settings."""
    if topics is not None:
        os.environ["IG_TOPICS_PER_MONTH"] = str(topics)
    elif load_settings().topics_per_month is None:
        os.environ["IG_TOPICS_PER_MONTH"] = str(TOPICS)
    if arms is not None:
        os.environ["IG_ARMS"] = str(arms)
    if model is not None:
        os.environ["IG_LOCAL_MODEL"] = model.value
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")


def _turn(
    services: Services, months: list[str], history: bool, quiet: bool
) -> list[str]:
    """Run the months that are not closed yet; return their names."""
    warnings.simplefilter("ignore")  # Dagster's notes on beta interfaces
    from ig_assets.headless.runner import open_headless

    settings = services.settings
    _fetch_models(settings, quiet)
    if history:
        _begin_with_history(services, quiet)
    clock = services.clock
    assert isinstance(clock, SimulatedClock)
    with open_headless(settings) as dagster, live_rows(services, quiet) as report:
        month_loop = MonthLoop(dagster, clock, services.warehouse, report)
        open_months = [month for month in months if not month_loop.is_closed(month)]
        _check_calendar(services, open_months)
        if open_months and not quiet:
            _print_plan(plan_loop(settings, services.warehouse, open_months))
        for month in open_months:
            month_loop.turn(month)
        return open_months


def _check_calendar(services: Services, months: list[str]) -> None:
    """Raise InputError for a month without topics, which would produce no script."""
    calendar = services.settings.calendar
    with services.warehouse.transaction() as con:
        planned = con.execute("SELECT DISTINCT month FROM topics").fetchall()
    for month in months:
        if (month,) not in planned and not read_calendar(calendar, month).topics:
            known = ", ".join(sorted(calendar_months(calendar))) or "no month"
            raise InputError(
                f"The content calendar {calendar.name!r} of IG_CALENDAR has no usable "
                f"topic for {month}; it has {known}. Add topics, or run fewer months."
            )


def _fetch_models(settings: Settings, quiet: bool) -> None:
    if settings.writer != "local" and settings.embedder != "local":
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("models", total=None)

        def show(done_bytes: int, total_bytes: int, source_label: str) -> None:
            bar.update(
                task,
                description=f"model file from {source_label}",
                completed=done_bytes,
                total=total_bytes,
            )

        if settings.embedder == "local":
            make_embedder(settings, show)
        if settings.writer == "local":
            writer_file(settings, show)


def _begin_with_history(services: Services, quiet: bool) -> None:
    with services.warehouse.transaction() as con:
        (imports,) = con.execute("SELECT count(*) FROM imports").fetchall()[0]
        (undecided,) = con.execute(_UNDECIDED).fetchall()[0]
    if imports and undecided:  # the import before ended between import and decision
        decide(services)
    if imports or not SAMPLE_HISTORY.exists():
        return
    report = import_history(
        services.warehouse,
        services.clock,
        SAMPLE_HISTORY,
        ImportOptions(simulated=True, randomised=True),
    )
    decided = decide(services)
    if not quiet:
        console.print(
            f"A simulated past (library/history): {report.scripts} scripts in "
            f"{report.experiments} experiments, {decided.winners} of them with a "
            "winner."
        )


def _print_plan(plan: LoopPlan) -> None:
    cost = "unknown" if plan.cost_usd is None else f"USD {plan.cost_usd:.2f}"
    time_ = "" if plan.minutes is None else f", about {plan.minutes:.0f} minutes"
    console.print(
        f"[bold]Plan[/bold]: {plan.months} months × {plan.topics} topics × "
        f"{plan.arms} arms with {plan.model}: {plan.calls} calls "
        f"of text, {plan.input_tokens:,} tokens in, {plan.output_tokens:,} out, "
        f"{cost}{time_}."
    )


def _print_summary(
    summary: LoopSummary, turned: list[str], seconds: float, settings: Settings
) -> None:
    if turned:
        console.print(
            f"\n[bold green]Turned {', '.join(turned)}[/bold green] in {seconds:.0f} s."
        )
    else:
        console.print("\n[bold]Nothing to do[/bold]: these months are closed already.")
    if summary.simulated:
        console.print(
            "[yellow]SIMULATED[/yellow]: posts and engagement come from a simulated "
            "audience; the past in library/history does too."
        )
    scripts = ", ".join(f"{n} {origin}" for origin, n in summary.scripts.items())
    console.print(
        f"Corpus: {scripts} scripts; {summary.vectors} vectors "
        f"(of queries too), {summary.indexed} in the index."
    )
    print_table(
        [
            {
                "month": month.month,
                "topics": month.topics,
                "variants": month.variants,
                "rejected": month.rejected,
                "canary": month.canary_variants,
                "control": month.control_variants,
                "posts": month.posts,
                "decisions": ", ".join(f"{n} {d}" for d, n in month.decisions.items()),
                "grounded_in": f"{month.retrieved} scripts, {month.retrieved_winners} "
                f"winners, {month.retrieved_own_winners} own",
                "examples": f"{month.sft_examples} SFT, {month.preference_pairs} DPO",
                "fine_tune": month.job_status,
            }
            for month in summary.months
        ],
        "month topics variants rejected canary control posts decisions "
        "grounded_in examples fine_tune".split(),
        "Months",
    )
    if summary.winners:
        print_table(
            summary.winners,
            ["month", "topic", "decision", "verdict"],
            "Winners among what the loop wrote",
        )
    else:
        console.print(
            "No winner among what the loop wrote: inconclusive is the usual outcome."
        )
    for month in summary.months:
        if month.model:
            fed = "; ".join(f"{b['script']} ({b['why']})" for b in month.fed_by)
            console.print(
                f"[bold]{month.month}[/bold] made {month.model}, fed by {fed}"
            )
    print_table(summary.models, ["model_id", "name", "status", "reason"], "Models")
    console.print(summary.canary)
    console.print(
        f"Cost: {summary.input_tokens - summary.embedded_tokens:,} tokens in and "
        f"{summary.output_tokens:,} out for text, "
        f"{summary.embedded_tokens:,} embedded, USD {summary.cost_usd:.2f}; "
        f"the local calls would have cost about USD "
        f"{summary.at_openai_prices_usd:.2f} at OpenAI (gpt-5-mini, "
        "text-embedding-3-small)."
    )
    folder = _relative(settings.data_dir)
    ui = "dagster dev" if INSTALLED else "make dev"
    console.print(
        f"\nSee it: [bold]{ui}[/bold] (the runs are there already), or open "
        f"{folder}/warehouse.duckdb with any DuckDB client.\n"
        "Next: [bold]ig-assets experiments[/bold], [bold]ig-assets lineage "
        f'{settings.first_month}[/bold], [bold]ig-assets search "sharp knives"'
        f"[/bold], [bold]ig-assets loop --months {len(summary.months) + 1}[/bold]."
    )


def _relative(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
