"""`ig-assets split`: shows reels as ads to one audience, divided at random."""

from __future__ import annotations

from typing import Annotated

import typer

from ig_assets.cli.output import (
    AsJson,
    console,
    plain_errors,
    print_json,
    print_table,
)
from ig_assets.core.experiments.ad_studies.service import AdStudyService
from ig_assets.core.experiments.ad_studies.store import AdStudy
from ig_assets.core.experiments.ad_studies.terms import OLDEST, AdStudyRequest
from ig_assets.core.experiments.reports.ad_study_listing import ad_study_rows
from ig_assets.errors import InputError
from ig_assets.settings import load_settings
from ig_assets.wiring import Services, make_ad_studies

app = typer.Typer(
    help=(
        "Show reels that are out as ads to one audience that Meta divides at random. "
        "It costs money: all is made paused, and `start` lets it run."
    ),
    no_args_is_help=True,
)

SplitId = Annotated[str, typer.Argument(help="The id of a split test.")]


@app.command()
@plain_errors
def plan(
    experiment: Annotated[
        str, typer.Argument(help="The experiment whose reels are compared.")
    ],
    budget: Annotated[
        float, typer.Option(help="The most it may cost, in the account's currency.")
    ],
    days: Annotated[int, typer.Option(help="For how many days the ads run.")],
    countries: Annotated[str, typer.Option(help="Countries, such as US,GB.")],
    ages: Annotated[
        str, typer.Option(help="Ages, such as 18-44; 65 is 65 and over.")
    ] = f"18-{OLDEST}",
    custom_audience: Annotated[
        list[str] | None,
        typer.Option(
            help="Only people of this custom or lookalike audience, by its number in "
            "Meta's Ads Manager. May be repeated."
        ),
    ] = None,
    start_it: Annotated[
        bool, typer.Option("--start", help="Start it at once, which spends money.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create a split test of an experiment's reels; all of it is paused.

    Repeat the command after a crash: it finds what exists and creates nothing twice.

    Example: `ig-assets split plan 1f0c7a5e9b3d2468 --budget 60 --days 7 --countries US`
    """
    low, high = _ages(ages)
    codes = tuple(code.strip().upper() for code in countries.split(",") if code.strip())
    request = AdStudyRequest(
        budget, days, codes, low, high, tuple(custom_audience or ())
    )
    services = Services(load_settings())
    service = _service(services)
    study = service.plan(experiment, request, services.settings.ad_payer)
    if start_it:
        study = service.start(study.split_id)
    _report(study, as_json)


@app.command()
@plain_errors
def start(split: SplitId, as_json: AsJson = False) -> None:
    """Let a split test run: its ads, its ad sets, then its campaign. It spends money.

    Example: `ig-assets split start 1f0c7a5e9b3d2468`
    """
    _report(_service(Services(load_settings())).start(split), as_json)


@app.command()
@plain_errors
def stop(split: SplitId, as_json: AsJson = False) -> None:
    """Pause a split test's campaign for good; its results are still evaluated.

    Example: `ig-assets split stop 1f0c7a5e9b3d2468`
    """
    _report(_service(Services(load_settings())).stop(split), as_json)


@app.command("list")
@plain_errors
def list_studies(as_json: AsJson = False) -> None:
    """List the split tests: budget, what was spent, state and verdict.

    Example: `ig-assets split list`
    """
    services = Services(load_settings())
    with services.warehouse.transaction() as con:
        rows = ad_study_rows(con, services.clock.now())
    if as_json:
        print_json(rows)
        return
    if not rows:
        console.print("There is no split test yet; make one with `split plan`.")
        return
    print_table(
        [{"id": row["split_id"], **row} for row in rows],
        ["id", "topic", "budget", "spent", "currency", "ends_at", "state", "verdict"],
        "Split tests",
    )


def _service(services: Services) -> AdStudyService:
    ads = make_ad_studies(services.settings)
    return AdStudyService(
        services.warehouse, services.clock, ads, services.settings.split_max_budget
    )


def _ages(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    if not (low.isdecimal() and high.isdecimal()):
        raise InputError(f"{text!r} is not a range of ages such as 18-44.")
    return int(low), int(high)


def _report(study: AdStudy, as_json: bool) -> None:
    if as_json:
        print_json(study)
        return
    money = f"{study.budget:,.2f} {study.currency}"
    sentences: dict[str, str] = {
        "paused": (
            f"is made and paused; `ig-assets split start {study.split_id}` lets it "
            f"run, for {money} at most"
        ),
        "running": (
            f"runs from {study.starts_at:%Y-%m-%d %H:%M} to "
            f"{study.ends_at:%Y-%m-%d %H:%M} UTC, for {money} at most"
        ),
        "stopped": "is stopped and spends nothing more",
    }
    console.print(
        f"Split test {study.split_id} {sentences.get(study.status, study.status)}."
    )
