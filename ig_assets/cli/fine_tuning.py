"""`ig-assets fine-tune prepare|submit`."""

from __future__ import annotations

from typing import Annotated

import typer

from ig_assets.cli.output import (
    AsJson,
    console,
    errors,
    escaped,
    plain_errors,
    print_json,
    print_table,
)
from ig_assets.core.fine_tuning.pipeline import prepare_month, submit_month
from ig_assets.errors import IgAssetsError
from ig_assets.settings import load_settings
from ig_assets.wiring import Services

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
