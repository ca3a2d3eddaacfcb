"""`ig-assets fine-tune`: prepares, submits, cancels and rebuilds fine-tunes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ig_assets.cli.output import (
    FAILED,
    AsJson,
    console,
    errors,
    escaped,
    plain_errors,
    print_json,
    print_table,
)
from ig_assets.cli.unfinished import warn_of_unfinished
from ig_assets.core.fine_tuning.jobs.rows import FINAL
from ig_assets.core.fine_tuning.jobs.states import cancel_job
from ig_assets.core.fine_tuning.pipeline import (
    month_costs,
    prepare_month,
    submit_month,
)
from ig_assets.core.fine_tuning.training_set.rebuild import rebuild_dataset
from ig_assets.errors import IgAssetsError
from ig_assets.settings import load_settings
from ig_assets.wiring import Services

app = typer.Typer(
    help="A closed month's training set: prepare it, then submit it.",
    no_args_is_help=True,
)


class NothingToSubmitError(IgAssetsError):
    """A month has an empty training set, so there is nothing to submit."""


Month = Annotated[str, typer.Option(help="A closed month, YYYY-MM.")]


@app.command()
@plain_errors
def prepare(month: Month, as_json: AsJson = False) -> None:
    """Build a month's training set and write its JSONL files; submits nothing.

    Example: `ig-assets fine-tune prepare --month 2026-01`
    """
    fine_tuning = Services(load_settings()).fine_tuning
    warn_of_unfinished(fine_tuning.warehouse)
    dataset = prepare_month(fine_tuning, month)
    costs = [asdict(cost) for cost in month_costs(fine_tuning, dataset)]
    if as_json:
        print_json(asdict(dataset) | {"expected_costs": costs})
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
    columns = ["trainer", "base_model", "tokens", "cost_usd", "note"]
    print_table(costs, columns, "What each trainer would cost, in the order of use")
    if dataset.size_note:
        console.print(dataset.size_note)


@app.command()
@plain_errors
def submit(month: Month, as_json: AsJson = False) -> None:
    """Submit a month's training set once and register the model when it is ready.

    Example: `ig-assets fine-tune submit --month 2026-01`
    """
    fine_tuning = Services(load_settings()).fine_tuning
    warn_of_unfinished(fine_tuning.warehouse)
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
def cancel(
    job_id: Annotated[str, typer.Argument(help="A job's id, as `submit` says it.")],
    as_json: AsJson = False,
) -> None:
    """Stop a job that trains on this machine; stop a vendor's job at the vendor.

    Example: `ig-assets fine-tune cancel JOB`
    """
    services = Services(load_settings())
    job = cancel_job(services.warehouse, services.clock, job_id, *services.trainers)
    if as_json:
        print_json(asdict(job))
        return
    console.print(f"Job {job.job_id} ({job.provider}): {job.status}.")
    if job.status not in FINAL:
        console.print("Its process stops after the row that it works on.")


@app.command()
@plain_errors
def rebuild(
    manifest: Annotated[
        Path, typer.Argument(help="A manifest.json of a training set, old ones too.")
    ],
    into: Annotated[Path, typer.Option(help="The folder to write the files to.")],
    as_json: AsJson = False,
) -> None:
    """Write a training set again from its manifest, and compare the bytes.

    Example: `ig-assets fine-tune rebuild data/datasets/2026-01/manifest.json --into
    rebuilt`
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
