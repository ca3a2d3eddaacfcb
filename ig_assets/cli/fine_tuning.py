"""`ig-assets fine-tune prepare|submit|rebuild` and `ig-assets models`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ig_assets.cli.output import (
    FAILED,
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
from ig_assets.core.fine_tuning.canary import promote, rollback
from ig_assets.core.fine_tuning.pipeline import prepare_month, submit_month
from ig_assets.core.fine_tuning.rebuild import rebuild_dataset
from ig_assets.core.fine_tuning.trial import trial_note
from ig_assets.core.models.registry import ModelRow, list_models, list_rankers
from ig_assets.errors import IgAssetsError
from ig_assets.settings import Settings, load_settings
from ig_assets.wiring import Services, model_price_warning

app = typer.Typer(
    help="A closed month's training set: prepare it, then submit it.",
    no_args_is_help=True,
)


class NothingToSubmitError(IgAssetsError):
    """A month has no training set."""


Month = Annotated[str, typer.Option(help="A closed month, YYYY-MM.")]


@app.command()
@plain_errors
def prepare(month: Month, as_json: AsJson = False) -> None:
    """Build a month's training set and write its JSONL files; submits nothing.

    Example: `ig-assets fine-tune prepare --month 2026-01`
    """
    dataset = prepare_month(Services(load_settings()).fine_tuning, month)
    if as_json:
        print_json(dataset)
        return
    if dataset.is_empty:
        console.print(escaped(dataset.why_empty))
        return
    print_table(
        [
            {
                "kind": file.kind,
                "split": file.split,
                "lines": file.lines,
                "tokens": file.tokens,
                "file": str(file.path),
            }
            for file in dataset.files
        ],
        ["kind", "split", "lines", "tokens", "file"],
        f"Training set of {month}, {dataset.dataset_hash[:12]}",
    )
    if dataset.size_note:
        console.print(dataset.size_note)


@app.command()
@plain_errors
def submit(month: Month, as_json: AsJson = False) -> None:
    """Submit a month's training set once and register the model when it is ready.

    Example: `ig-assets fine-tune submit --month 2026-01`
    """
    fine_tuning = Services(load_settings()).fine_tuning
    dataset = prepare_month(fine_tuning, month)
    if dataset.is_empty:
        raise NothingToSubmitError(
            f"{dataset.why_empty} There is nothing to train on; import history or run "
            "the loop first."
        )
    if dataset.size_note:
        errors.print(f"[yellow]Warning:[/yellow] {dataset.size_note}")
    job, model = submit_month(fine_tuning, dataset)
    if as_json:
        print_json({"job": job, "model": model})
        return
    console.print(f"Job {job.job_id} ({job.provider}): {job.status}.")
    if job.refusal:
        console.print(job.refusal)
    if model is not None:
        console.print(f"Model {model.model_id} ({model.name}) is {model.status}.")
        if model.status == "candidate":
            console.print(
                "Materialise model_evaluation to compare it before its trial."
            )


@app.command()
@plain_errors
def rebuild(
    manifest: Annotated[
        Path, typer.Argument(help="A manifest.json of a training set, old ones too.")
    ],
    into: Annotated[Path, typer.Option(help="The folder to write the files to.")],
    as_json: AsJson = False,
) -> None:
    """Write a training set again from its manifest: the same bytes, or why not.

    Example: `ig-assets fine-tune rebuild data/datasets/2026-01/manifest.json
    --into rebuilt`
    """
    found = rebuild_dataset(Services(load_settings()).warehouse, manifest, into)
    if as_json:
        print_json(asdict(found) | {"is_same": found.is_same})
    else:
        rows = [asdict(file) for file in found.files]
        title = f"Training set of {found.month}, {found.dataset_hash[:12]}"
        if rows:
            columns = ["name", "lines", "lines_of_manifest", "is_same"]
            print_table(rows, columns, title)
        if found.gone:
            gone = [asdict(one) for one in found.gone]
            print_table(gone, ["example_id", "file", "why"], "Gone")
        if found.is_same:
            console.print("Every file has the bytes that the manifest names.")
    if not found.is_same:
        raise typer.Exit(FAILED)


def _show_in_the_ui(settings: Settings, model: ModelRow) -> None:
    """Let the asset `active_model` show the change, which is made in any case."""
    from ig_assets.headless.active_model import report_active_model

    try:
        report_active_model(settings, model)
    except Exception as error:  # of Dagster's instance, which may be a server's
        errors.print(
            "[yellow]Warning:[/yellow] the change is made, but the UI's asset "
            f"active_model does not show it ({type(error).__name__}); "
            "promotion_sensor repairs that where it is on."
        )


@plain_errors
def models(
    promote_id: Annotated[
        str | None, typer.Option("--promote", help="Make this model the active one.")
    ] = None,
    roll_back: Annotated[
        bool, typer.Option("--rollback", help="Go back to the model before.")
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Why; needed with --promote and --rollback.")
    ] = "",
    as_json: AsJson = False,
    separated: AsSeparated = None,
) -> None:
    """List the models with their status, or change the active one by hand.

    Example: `ig-assets models --rollback --reason "writes about itself"`
    """
    services = Services(load_settings())
    if (promote_id or roll_back) and not reason.strip():
        raise typer.BadParameter("say why with --reason", param_hint="--reason")
    if reason.strip() and not (promote_id or roll_back):
        raise typer.BadParameter(
            "it needs --promote or --rollback", param_hint="--reason"
        )
    if promote_id and roll_back:
        raise typer.BadParameter("either --promote or --rollback")
    if promote_id or roll_back:
        warning_of = partial(model_price_warning, services.settings)
        change = partial(promote, model_id=promote_id) if promote_id else rollback
        model = change(
            services.warehouse, services.clock, reason=reason, warning_of=warning_of
        )
        if warning := warning_of(model):
            errors.print(f"[yellow]Warning:[/yellow] {escaped(warning)}")
        _show_in_the_ui(services.settings, model)
    with services.warehouse.transaction() as con:
        rows = [*list_models(con), *list_rankers(con)]
        note = trial_note(con, services.clock.now(), services.settings.canary_trial)
    if print_data(
        [asdict(row) for row in rows],
        as_json,
        separated,
        ModelRow.__annotations__,
    ):
        return
    if not rows:
        console.print("No model yet: the base model registers at the first draft.")
        return
    print_table(
        [
            {
                "model": row.model_id,
                "name": row.name,
                "status": row.status,
                "since": row.changed_at,
                "reason": row.reason,
            }
            for row in rows
        ],
        ["model", "name", "status", "since", "reason"],
    )
    if note is not None:
        console.print(escaped(note))
