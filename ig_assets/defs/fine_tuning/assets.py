"""Assets of fine-tuning: training set, files, job, model, evaluation."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg

from ig_assets.core.fine_tuning.evaluation.evaluation import EvaluationSummary
from ig_assets.core.fine_tuning.evaluation.loss_plot import loss_picture
from ig_assets.core.fine_tuning.evaluation.model_report import losses_of
from ig_assets.core.fine_tuning.pipeline import (
    FineTuning,
    build_examples,
    evaluate_month,
    month_costs,
    register_month,
    submit_files,
    write_files,
)
from ig_assets.core.fine_tuning.training_set.dataset_files import DatasetFile
from ig_assets.core.fine_tuning.training_set.examples import example_sample
from ig_assets.core.generation.pipeline import GenerationContext
from ig_assets.core.models.registry import ModelRow
from ig_assets.defs import asset_kinds
from ig_assets.defs.corpus.assets import raw_scripts
from ig_assets.defs.experiments.assets import winning_scripts
from ig_assets.defs.failures import plain_failures, run_ref
from ig_assets.defs.metadata import counts, lineage_commands, picture, sample_table
from ig_assets.defs.page.about import (
    BY_THE_SECOND_OF_A_MONTH,
    WITHIN_A_MONTH,
)
from ig_assets.defs.partitions import closed_months, month_of
from ig_assets.defs.stage import stage_asset
from ig_assets.warehouse.versions import content_version

_EXAMPLES = """
SELECT example_id || ' ' || split || ' ' || weight
FROM training_examples
WHERE month = ?
"""


@stage_asset(
    partitions_def=closed_months,
    deps=[raw_scripts, winning_scripts],
    group="fine_tuning",
    table="training_examples",
    rows_of_partition="month = $1",
    has_personal_data=True,
    is_of_the_audience=True,
    freshness_policy=BY_THE_SECOND_OF_A_MONTH,
    kinds={"duckdb"},
    pool="fine_tuning",
    description=(
        "One row per training example: what is in, why, with which weight, in which "
        "split. The set of month M is everything decided before the first instant "
        "of M+1; groups never straddle splits; only a later forgetting changes it."
    ),
)
def training_examples(
    context: dg.AssetExecutionContext, fine_tuning: dg.ResourceParam[FineTuning]
) -> dg.MaterializeResult:
    """Build the month's set from the decisions as of the month's end."""
    month = month_of(context)
    with plain_failures():
        summary = build_examples(fine_tuning, month, context.run.run_id)
        with fine_tuning.warehouse.transaction() as con:
            sample = example_sample(con, month)
            version = content_version(con, _EXAMPLES, [month])
    excluded = {f"excluded: {why}": n for why, n in summary.excluded.items()}
    return dg.MaterializeResult(
        metadata=counts(summary) | excluded | {"sample": sample_table(sample)},
        data_version=dg.DataVersion(version),
    )


@stage_asset(
    partitions_def=closed_months,
    deps=[training_examples],
    group="fine_tuning",
    table="datasets",
    rows_of_partition="month = $1",
    has_personal_data=True,
    is_of_the_audience=True,
    freshness_policy=BY_THE_SECOND_OF_A_MONTH,
    kinds={"json"},
    pool="fine_tuning",
    description=(
        "One row per file of the month: supervised (SFT) and preference (DPO) JSONL, "
        "byte-identical for the same examples and seed, with a manifest."
    ),
)
def fine_tune_jsonl(
    context: dg.AssetExecutionContext, fine_tuning: dg.ResourceParam[FineTuning]
) -> dg.MaterializeResult:
    """Write and validate the month's files."""
    with plain_failures():
        dataset = write_files(fine_tuning, month_of(context), context.run.run_id)
        costs = month_costs(fine_tuning, dataset)
    return dg.MaterializeResult(
        metadata=counts(dataset)
        | {
            "files": _file_table(dataset.files, fine_tuning.folder.parent),
            "size": dataset.size_note or "as trainers ask for",
            "expected_costs": sample_table([asdict(cost) for cost in costs]),
            "lineage": lineage_commands(dataset.month),
        },
        data_version=dg.DataVersion(dataset.dataset_hash[:16] or "empty"),
    )


@stage_asset(
    partitions_def=closed_months,
    deps=[fine_tune_jsonl],
    group="fine_tuning",
    table="fine_tune_jobs",
    rows_of_partition="month = $1",
    is_of_the_audience=True,
    freshness_policy=BY_THE_SECOND_OF_A_MONTH,
    pool="trainer_api",
    description=(
        "One row per job: submitted once, then tracked by a sensor to its end. A "
        "provider's refusal is a clear final state, not an exception."
    ),
)
def fine_tune_job(
    context: dg.AssetExecutionContext, fine_tuning: dg.ResourceParam[FineTuning]
) -> dg.MaterializeResult:
    """Submit the month's dataset, unless it was submitted before."""
    with plain_failures():
        dataset = write_files(fine_tuning, month_of(context), context.run.run_id)
        job = submit_files(fine_tuning, dataset, context.run.run_id)
    return dg.MaterializeResult(
        metadata={
            "job_id": job.job_id,
            "provider": job.provider,
            "status": job.status,
            "dataset_hash": job.dataset_hash[:16],
            "base_model": job.base_model,
            "refusal": job.refusal or "none",
            "notice": _notice(fine_tuning) or "none",
        },
        data_version=dg.DataVersion(f"{job.job_id} {job.status}"),
    )


@stage_asset(
    partitions_def=closed_months,
    deps=[fine_tune_job],
    group="fine_tuning",
    table="models",
    rows_of_partition=(
        "job_id IN (SELECT job_id FROM fine_tune_jobs WHERE month = $1)"
    ),
    is_of_the_audience=True,
    freshness_policy=WITHIN_A_MONTH,
    pool="fine_tuning",
    description=(
        "One row per model: registered with its base model, dataset hash and "
        "provider, as a candidate."
    ),
)
def fine_tuned_model(
    context: dg.AssetExecutionContext, fine_tuning: dg.ResourceParam[FineTuning]
) -> dg.MaterializeResult:
    """Register the model of the month's job."""
    with plain_failures():
        model = register_month(fine_tuning, month_of(context), context.run.run_id)
    losses = losses_of(model.artifact)
    curve = {"losses": picture(loss_picture(losses), "loss by step")} if losses else {}
    return dg.MaterializeResult(
        metadata=_model_metadata(model)
        | curve
        | {"lineage": lineage_commands(model.model_id)},
        data_version=dg.DataVersion(model.model_id),
    )


@stage_asset(
    partitions_def=closed_months,
    deps=[fine_tuned_model, training_examples],
    group="fine_tuning",
    table="evaluations",
    rows_of_partition="month = $1",
    pays_for="writer",
    is_of_the_audience=True,
    freshness_policy=WITHIN_A_MONTH,
    kinds={asset_kinds.WRITER},
    pool="writer_api",
    description=(
        "One row per held-out pair: the candidate against the active model. A smoke "
        "gate that a broken model cannot pass; proof is the canary's."
    ),
)
def model_evaluation(
    context: dg.AssetExecutionContext,
    fine_tuning: dg.ResourceParam[FineTuning],
    generation: dg.ResourceParam[GenerationContext],
) -> dg.MaterializeResult:
    """Let the candidate and the active model answer held-out prompts; compare them."""
    month = month_of(context)
    with plain_failures():
        found = evaluate_month(fine_tuning, generation, month, run_ref(context, month))
    candidate, active, summary = found.candidate, found.active, found.summary
    return dg.MaterializeResult(
        metadata=counts(summary)
        | accuracy_metadata(summary)
        | {"candidate": candidate.name, "against": active.name}
        | {"candidate_id": candidate.model_id, "against_id": active.model_id},
        data_version=dg.DataVersion(f"{candidate.model_id} {summary.n}"),
    )


def accuracy_metadata(summary: EvaluationSummary) -> dict[str, Any]:
    """Return the preference accuracy's figures; {} without log-probabilities."""
    return {} if summary.accuracy is None else counts(summary.accuracy)


def _file_table(files: Sequence[DatasetFile], data_dir: Path) -> dg.TableMetadataValue:
    """Return a table of the files, with paths within the data folder (IG_DATA_DIR)."""
    columns = ("kind", "split", "lines", "tokens")
    return sample_table(
        [
            {name: getattr(file, name) for name in columns}
            | {
                "file": file.path.relative_to(data_dir).as_posix(),
                "sha256": file.sha256[:16],
            }
            for file in files
        ]
    )


def _notice(fine_tuning: FineTuning) -> str:
    """Return the trainers' notices for a person."""
    return " ".join(filter(None, (t.notice for t in fine_tuning.trainers)))


def _model_metadata(model: ModelRow) -> dict[str, Any]:
    return {
        "model_id": model.model_id,
        "name": model.name,
        "provider": model.provider,
        "base_model": model.base_model,
        "status": model.status,
    }
