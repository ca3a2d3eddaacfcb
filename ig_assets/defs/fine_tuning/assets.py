"""Fine-tuning: what was decided becomes a training set, files, a job, a model."""

from collections.abc import Callable, Sequence

import dagster as dg
import numpy as np

from ig_assets.core.corpus.embedding.query_cache import embed_queries
from ig_assets.core.costs.ledger.ledger import Ledger
from ig_assets.core.fine_tuning.dataset_files import write_datasets
from ig_assets.core.fine_tuning.evaluation import (
    HeldOutExample,
    WrittenText,
    evaluate_model,
)
from ig_assets.core.fine_tuning.examples import build_training_examples
from ig_assets.core.fine_tuning.jobs import latest_job, register_model, submit_job
from ig_assets.core.generation.writing.held_out import write_held_out
from ig_assets.core.generation.writing.models import writing_models
from ig_assets.core.generation.writing.write import Sampling
from ig_assets.core.models.few_shot import few_shot_messages
from ig_assets.core.models.registry import ModelRow, active_model
from ig_assets.core.ports import Clock, Embedder, Trainer, Vectors, Writer
from ig_assets.defs import asset_kinds
from ig_assets.defs.corpus.assets import raw_scripts
from ig_assets.defs.experiments.assets import winning_scripts
from ig_assets.defs.failures import OWNERS, plain_failures, run_ref
from ig_assets.defs.metadata import counts, sample_table
from ig_assets.defs.partitions import closed_months, month_of
from ig_assets.defs.stage import stage_asset
from ig_assets.errors import InputError, RefusedError
from ig_assets.settings import Settings
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.versions import content_version
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring import base_model

WriterByName = Callable[[str], Writer]


@stage_asset(
    partitions_def=closed_months,
    deps=[raw_scripts, winning_scripts],
    group="fine_tuning",
    kinds={"duckdb"},
    pool="fine_tuning",
    description=(
        "One row per training example: what is in, why, with which weight, in which "
        "split. The set of month M is everything decided before the first instant "
        "of M+1; groups never straddle splits; only a later forgetting changes it."
    ),
)
def training_examples(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
    embedder: dg.ResourceParam[Embedder],
) -> dg.MaterializeResult:
    """Build the month's set from decisions, as of the month's end."""
    month = month_of(context)
    with plain_failures():
        summary = build_training_examples(
            warehouse,
            clock,
            month,
            settings.seed,
            embedder.model,
            embedder.dimensions,
            run_id=context.run.run_id,
            with_ads=settings.train_on_ads,
        )
        with warehouse.transaction() as con:
            sample = fetch_dicts(
                con,
                """
                SELECT example_id, kind, split, round(weight, 3) AS weight, reason,
                    script_id, variant_id, decision_ref
                FROM training_examples
                WHERE month = ?
                ORDER BY weight DESC, example_id
                LIMIT 20
                """,
                [month],
            )
            version = content_version(
                con,
                "SELECT example_id || ' ' || split || ' ' || weight "
                "FROM training_examples WHERE month = ?",
                [month],
            )
    excluded = {f"excluded: {why}": n for why, n in summary.excluded.items()}
    return dg.MaterializeResult(
        metadata=counts(summary) | excluded | {"sample": sample_table(sample)},
        data_version=dg.DataVersion(version),
    )


@stage_asset(
    partitions_def=closed_months,
    deps=[training_examples],
    group="fine_tuning",
    kinds={"json"},
    pool="fine_tuning",
    description=(
        "One row per file of the month: supervised (SFT) and preference (DPO) JSONL, "
        "byte-identical for the same examples and seed, with a manifest."
    ),
)
def fine_tune_jsonl(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Write and validate the month's files."""
    month = month_of(context)
    with plain_failures():
        dataset = write_datasets(
            warehouse,
            clock,
            month,
            settings.data_dir / "datasets",
            settings.seed,
            base_model(settings).name,
            run_id=context.run.run_id,
        )
    files = [
        {
            "kind": file.kind,
            "split": file.split,
            "lines": file.lines,
            "tokens": file.tokens,
            "sha256": file.sha256[:16],
        }
        for file in dataset.files
    ]
    return dg.MaterializeResult(
        metadata=counts(dataset) | {"files": sample_table(files)},
        data_version=dg.DataVersion(dataset.dataset_hash[:16] or "empty"),
    )


@stage_asset(
    partitions_def=closed_months,
    deps=[fine_tune_jsonl],
    group="fine_tuning",
    pool="trainer_api",
    description=(
        "One row per job: submitted once, then tracked by a sensor to its end. A "
        "provider's refusal is a clear final state, not an exception."
    ),
)
def fine_tune_job(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
    trainer: dg.ResourceParam[Trainer],
) -> dg.MaterializeResult:
    """Submit the month's dataset, unless it was submitted before."""
    month = month_of(context)
    base = base_model(settings).name
    run_id = context.run.run_id
    with plain_failures():
        # Byte-identical for the same rows, so asking again is only reading.
        dataset = write_datasets(
            warehouse,
            clock,
            month,
            settings.data_dir / "datasets",
            settings.seed,
            base,
            run_id=run_id,
        )
        job = submit_job(
            warehouse, clock, trainer, month, base, dataset, settings.seed, run_id
        )
    return dg.MaterializeResult(
        metadata={
            "job_id": job.job_id,
            "provider": job.provider,
            "status": job.status,
            "dataset_hash": job.dataset_hash[:16],
            "base_model": job.base_model,
            "refusal": job.refusal or "none",
        },
        data_version=dg.DataVersion(f"{job.job_id} {job.status}"),
    )


@stage_asset(
    partitions_def=closed_months,
    deps=[fine_tune_job],
    group="fine_tuning",
    pool="fine_tuning",
    description=(
        "One row per model: registered with its base model, dataset hash and "
        "provider, as a candidate."
    ),
)
def fine_tuned_model(
    context: dg.AssetExecutionContext,
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Register the model of the month's job."""
    month = month_of(context)
    with plain_failures():
        model = register_model(warehouse, clock, month, run_id=context.run.run_id)
        if model is None:
            raise _no_model(warehouse, month)
    return dg.MaterializeResult(
        metadata=_model_metadata(model), data_version=dg.DataVersion(model.model_id)
    )


@stage_asset(
    partitions_def=closed_months,
    deps=[fine_tuned_model, training_examples],
    group="fine_tuning",
    kinds={asset_kinds.WRITER},
    pool="writer_api",
    description=(
        "One row per held-out pair: the candidate against the active model. A smoke "
        "gate that a broken model cannot pass; proof is the canary's."
    ),
)
def model_evaluation(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
    ledger: dg.ResourceParam[Ledger],
    embedder: dg.ResourceParam[Embedder],
    writers: dg.ResourceParam[WriterByName],
) -> dg.MaterializeResult:
    """Let both models write for held-out prompts and compare."""
    month = month_of(context)
    run = run_ref(context, month)

    def write(model: ModelRow, example: HeldOutExample) -> WrittenText:
        shown: list[str] = []
        if model.artifact is not None:
            with warehouse.transaction() as con:
                shown = [text for _, text in few_shot_messages(con, model.artifact)]
        sampling = Sampling(settings.temperature, example.seed)
        writer = writers(model.base_model)
        return WrittenText(
            write_held_out(ledger, writer, example.prompt, shown, sampling, run)
        )

    def embed(texts: Sequence[str]) -> Vectors:
        return np.stack(embed_queries(warehouse, ledger, embedder, run, texts))

    with plain_failures():
        ledger.mark_unknown(run)
        base = base_model(settings)
        writing_models(warehouse, clock, base.provider, base.name)
        candidate = register_model(warehouse, clock, month)
        if candidate is None:
            raise _no_model(warehouse, month)
        with warehouse.transaction() as con:
            active = active_model(con)
        summary = evaluate_model(
            warehouse,
            clock,
            month,
            candidate,
            active,
            write,
            embed,
            settings.evaluation_topics,
            settings.seed,
        )
    return dg.MaterializeResult(
        metadata=counts(summary)
        | {"candidate": candidate.model_id, "against": active.model_id},
        data_version=dg.DataVersion(f"{candidate.model_id} {summary.n}"),
    )


# The graph must have no cycle, and the model that writes next month comes of what
# was written this month: the loop closes over this external asset, which
# `promotion_sensor` materialises.
active_model_spec = dg.AssetSpec(
    "active_model",
    group_name="fine_tuning",
    kinds={"python"},
    owners=OWNERS,
    code_version="1",
    description=(
        "The model that generation uses. External: it is moved by a promotion or a "
        "rollback, both with a reason, never by materialising it."
    ),
)


def _no_model(warehouse: Warehouse, month: str) -> Exception:
    with warehouse.transaction() as con:
        job = latest_job(con, month)
    if job is None:
        return InputError(
            f"There is no fine-tune job for {month}; materialise fine_tune_job first."
        )
    if job.status in ("refused", "failed"):
        return RefusedError(
            f"The fine-tune job of {month} ended as {job.status}: "
            f"{job.refusal or 'the trainer gave no reason'}"
        )
    return InputError(
        f"The fine-tune job of {month} is {job.status}; its model is registered by "
        "fine_tune_status_sensor when it ends."
    )


def _model_metadata(model: ModelRow) -> dict[str, str]:
    return {
        "model_id": model.model_id,
        "name": model.name,
        "provider": model.provider,
        "base_model": model.base_model,
        "status": model.status,
    }
