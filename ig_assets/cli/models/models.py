"""`ig-assets models`: list, show, compare, promote and roll back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ig_assets.cli.output import (
    AsJson,
    AsSeparated,
    console,
    errors,
    escaped,
    plain_errors,
    print_data,
    print_json,
    print_table,
)
from ig_assets.core.fine_tuning.evaluation.trial import trial_note
from ig_assets.core.lineage.model_scripts import (
    script_counts,
    script_ids_of_model,
    simulated_models,
)
from ig_assets.core.models.registry import (
    ModelRow,
    active_model,
    get_model,
    list_models,
    list_rankers,
)
from ig_assets.settings import Settings, load_settings
from ig_assets.warehouse.warehouse import Connection
from ig_assets.wiring import Services, model_price_warning

if TYPE_CHECKING:
    from ig_assets.core.fine_tuning.evaluation.model_report import ModelReport

app = typer.Typer(invoke_without_command=True)

Reason = Annotated[str, typer.Option(help="Why; it is recorded.")]
ModelId = Annotated[
    str, typer.Argument(help="A model's id, the beginning of it, or its name.")
]


@app.callback()
@plain_errors
def models(
    context: typer.Context,
    promote_id: Annotated[
        str | None, typer.Option("--promote", help="As `models promote`.")
    ] = None,
    roll_back: Annotated[
        bool, typer.Option("--rollback", help="As `models rollback`.")
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Why; needed with --promote and --rollback.")
    ] = "",
    as_json: AsJson = False,
    separated: AsSeparated = None,
) -> None:
    """List the models with their status; the commands below show and change them.

    Example: `ig-assets models rollback --reason "writes about itself"`
    """
    if context.invoked_subcommand is not None:
        return
    if (promote_id or roll_back) and not reason.strip():
        raise typer.BadParameter("say why with --reason", param_hint="--reason")
    if reason.strip() and not (promote_id or roll_back):
        raise typer.BadParameter(
            "it needs --promote or --rollback", param_hint="--reason"
        )
    if promote_id and roll_back:
        raise typer.BadParameter("either --promote or --rollback")
    services = Services(load_settings())
    if promote_id or roll_back:
        from ig_assets.core.fine_tuning.evaluation import canary

        change = (
            partial(canary.promote, model_id=_id_of(services, promote_id))
            if promote_id
            else canary.rollback
        )
        _change(services, change, reason)
    _print_models(services, as_json, separated)


@app.command("list")
@plain_errors
def list_all(as_json: AsJson = False, separated: AsSeparated = None) -> None:
    """List the models with their status, since when and why.

    Example: `ig-assets models list --json`
    """
    _print_models(Services(load_settings()), as_json, separated)


@app.command()
@plain_errors
def show(model_id: ModelId, as_json: AsJson = False) -> None:
    """Show a model: its job, its evaluations, and every change of its status.

    Example: `ig-assets models show base/openai/gpt-5-mini`
    """
    from ig_assets.core.fine_tuning.evaluation.model_report import model_report

    services = Services(load_settings())
    with services.warehouse.transaction() as con:
        report = model_report(con, _id_in(con, model_id))
        scripts = script_ids_of_model(con, report.model.model_id)
    if as_json:
        print_json(asdict(report) | {"scripts": scripts})
        return
    _print_report(report)
    if scripts:
        console.print(
            f"{len(scripts):,} {'script is' if len(scripts) == 1 else 'scripts are'} "
            "behind it, in its training lines; which of them it learnt from, "
            f"`ig-assets lineage {report.model.model_id}` says."
        )
    if warning := model_price_warning(services.settings, report.model):
        errors.print(f"[yellow]Warning:[/yellow] {escaped(warning)}")


@app.command()
@plain_errors
def compare(
    model_id: ModelId,
    against: Annotated[
        str | None, typer.Argument(help="Another model; else the active one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two models: by the stored held-out pairs, and by the canary's posts.

    Example: `ig-assets models compare MODEL`
    """
    from ig_assets.core.fine_tuning.evaluation import canary
    from ig_assets.core.fine_tuning.evaluation.evaluation import evaluation_of

    warehouse = Services(load_settings()).warehouse
    with warehouse.transaction() as con:
        model = get_model(con, _id_in(con, model_id))
        other = (
            active_model(con)
            if against is None
            else get_model(con, _id_in(con, against))
        )
        summary = evaluation_of(con, model.model_id, other.model_id)
        trial = canary.canary_evidence(con)
        decision = canary.decide_promotion(con)
    on_trial = trial is not None and trial.model_id == model.model_id
    if as_json:
        print_json(
            {
                "model": model.model_id,
                "against": other.model_id,
                "evaluation": summary,
                "canary": decision if on_trial else None,
            }
        )
        return
    console.print(escaped(f"{model.model_id} against {other.model_id}"))
    console.print(escaped(f"Held-out pairs: {summary.reason}"))
    if summary.accuracy is not None:
        console.print(escaped(f"Preference {summary.preference}: {summary.accuracy}."))
    if on_trial:
        console.print(escaped(f"Canary: {decision.reason}"))


@app.command()
@plain_errors
def promote(model_id: ModelId, reason: Reason, as_json: AsJson = False) -> None:
    """Make a model the active one, whatever its evidence; existing texts stay.

    Example: `ig-assets models promote MODEL --reason "reads better"`
    """
    from ig_assets.core.fine_tuning.evaluation import canary

    services = Services(load_settings())
    change = partial(canary.promote, model_id=_id_of(services, model_id))
    _change(services, change, reason)
    _print_models(services, as_json, None)


@app.command()
@plain_errors
def rollback(reason: Reason, as_json: AsJson = False) -> None:
    """Go back to the model that was active before, at once.

    Example: `ig-assets models rollback --reason "writes about itself"`
    """
    from ig_assets.core.fine_tuning.evaluation import canary

    services = Services(load_settings())
    _change(services, canary.rollback, reason)
    _print_models(services, as_json, None)


def _id_of(services: Services, reference: str) -> str:
    with services.warehouse.transaction() as con:
        return _id_in(con, reference)


def _id_in(con: Connection, reference: str) -> str:
    from ig_assets.core.reports.lineage.names import model_named

    return model_named(con, reference)


def _change(services: Services, change: Callable[..., ModelRow], reason: str) -> None:
    warning_of = partial(model_price_warning, services.settings)
    model = change(
        services.warehouse, services.clock, reason=reason, warning_of=warning_of
    )
    if warning := warning_of(model):
        errors.print(f"[yellow]Warning:[/yellow] {escaped(warning)}")
    _show_in_the_ui(services.settings, model)


def _print_models(services: Services, as_json: bool, separated: AsSeparated) -> None:
    with services.warehouse.transaction() as con:
        rows = [*list_models(con), *list_rankers(con)]
        fed = script_counts(con)
        simulated = simulated_models(con)
        note = trial_note(con, services.clock.now(), services.settings.canary_trial)
    known = [asdict(row) | {"scripts": fed.get(row.model_id, 0)} for row in rows]
    if print_data(known, as_json, separated):
        return
    if not rows:
        console.print("No model yet: the base model registers at the first draft.")
        return
    print_table(
        [
            {
                "model": row.model_id,
                "name": row.name,
                "scripts behind": _behind(
                    fed.get(row.model_id, 0), simulated.get(row.model_id)
                ),
                "status": row.status,
                "since": row.changed_at,
                "reason": row.reason,
            }
            for row in rows
        ],
        ["model", "name", "scripts behind", "status", "since", "reason"],
    )
    if note is not None:
        console.print(escaped(note))


def _behind(scripts: int, simulated: str | None) -> str:
    """Return how many scripts fed a model, and whether an audience was simulated."""
    if simulated is None:
        return f"{scripts:,}"
    part = "" if simulated == "all" else "in part "
    return f"{scripts:,} ({part}decided by a simulated audience)"


def _print_report(report: ModelReport) -> None:
    model, job = report.model, report.job
    console.print(
        escaped(
            f"{model.model_id}: {model.name} of {model.provider}, made from "
            f"{model.base_model}, is {model.status}."
        )
    )
    if job is not None:
        cost = "" if report.cost_usd is None else f", USD {report.cost_usd:.2f}"
        console.print(escaped(f"Job {job.job_id} of {job.month}: {job.status}{cost}."))
    if report.losses:
        (first, *_), (last, *_) = report.losses[0][1:], report.losses[-1][1:]
        console.print(
            f"Training loss: {first:.3f} at first, {last:.3f} at step "
            f"{report.losses[-1][0]:,}."
        )
    print_table(
        [
            {"against": a.against, "pairs": a.pairs, "verdict": a.reason}
            for a in report.evaluations
        ],
        ["against", "pairs", "verdict"],
        "Evaluations",
    )
    print_table(
        [asdict(event) for event in report.events],
        ["changed_at", "status", "reason"],
        "Status",
    )


def _show_in_the_ui(settings: Settings, model: ModelRow) -> None:
    """Report the new active model to Dagster, so that the UI's asset shows the change.

    The change is already made; if Dagster cannot be reached, a warning is printed.
    """
    from ig_assets.headless.active_model import report_active_model

    try:
        report_active_model(settings, model)
    except Exception as error:  # of Dagster's instance, which may be a server's
        errors.print(
            "[yellow]Warning:[/yellow] the change is made, but the UI's asset "
            f"active_model does not show it ({type(error).__name__}); "
            "promotion_sensor repairs that where it is on."
        )
