"""States which columns of earlier assets an asset's columns come from."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

Sources = Mapping[str, tuple[str, ...]]

# asset: {column: ("asset.column", …)}. Of columns that are made here nothing is said.
COLUMN_SOURCES: Mapping[str, Sources] = {
    "script_embeddings": {
        "content_hash": ("raw_scripts.revision_hash",),
        "vector": ("raw_scripts.text",),
    },
    "script_index": {
        "script_id": ("raw_scripts.script_id",),
        "revision_hash": (
            "raw_scripts.revision_hash",
            "script_embeddings.content_hash",
        ),
        "embedding_model": ("script_embeddings.model",),
    },
    "script_drafts": {
        "month": ("topics.month",),
        "topic_id": ("topics.topic_id",),
        "text": ("topics.topic", "topics.brief", "script_index.script_id"),
        "model_id": ("active_model.model_id",),
    },
    "script_variants": {
        name: (f"script_drafts.{name}",)
        for name in ("variant_id", "month", "topic_id", "arm", "model_id", "text")
    },
    "posts": {
        "variant_id": ("script_variants.variant_id",),
        "arm": ("script_variants.arm",),
        "hook_style": ("script_variants.hook_style",),
        "published_revision_hash": ("script_variants.revision_hash",),
    },
    "engagement_metrics": {"post_id": ("posts.post_id",)},
    "experiment_results": {
        "experiment_id": ("posts.experiment_id",),
        "arm_a": ("posts.arm",),
        "arm_b": ("posts.arm",),
        **{
            name: ("engagement_metrics.value",)
            for name in ("events_a", "trials_a", "events_b", "trials_b", "log_e")
        },
    },
    "winning_scripts": {
        "experiment_id": ("experiment_results.experiment_id",),
        "winner_arm": ("experiment_results.arm_a", "experiment_results.arm_b"),
        "lift": ("experiment_results.log_rate_ratio",),
    },
    "training_examples": {
        "script_id": ("raw_scripts.script_id",),
        "completion": ("raw_scripts.text",),
        "rejected": ("raw_scripts.text",),
        "revision_hash": (
            "raw_scripts.revision_hash",
            "winning_scripts.winner_revision_hash",
        ),
        "decision_ref": ("winning_scripts.experiment_id",),
        "weight": ("winning_scripts.shrunken_lift",),
    },
    "fine_tune_jsonl": {
        "month": ("training_examples.month",),
        "dataset_hash": (
            "training_examples.prompt",
            "training_examples.completion",
            "training_examples.rejected",
        ),
    },
    "fine_tune_job": {
        "month": ("fine_tune_jsonl.month",),
        "dataset_hash": ("fine_tune_jsonl.dataset_hash",),
    },
    "fine_tuned_model": {
        "job_id": ("fine_tune_job.job_id",),
        "name": ("fine_tune_job.model_name",),
        "base_model": ("fine_tune_job.base_model",),
        "artifact": ("fine_tune_job.artifact",),
    },
    "model_evaluation": {
        "model_id": ("fine_tuned_model.model_id",),
        "example_id": ("training_examples.example_id",),
    },
    "hook_ranker": {
        "experiment_id": ("experiment_results.experiment_id",),
        "arm": ("experiment_results.arm_a", "experiment_results.arm_b"),
        "events": ("experiment_results.events_a", "experiment_results.events_b"),
        "trials": ("experiment_results.trials_a", "experiment_results.trials_b"),
    },
    "lineage_report": {
        "child_id": ("fine_tuned_model.model_id", "training_examples.example_id"),
        "parent_id": ("fine_tuned_model.job_id", "training_examples.revision_hash"),
    },
}


def column_lineage(asset: str) -> dg.TableColumnLineage | None:
    """Return the sources of an asset's columns; None if it reads no asset's columns."""
    sources = COLUMN_SOURCES.get(asset)
    if sources is None:
        return None
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(dg.AssetKey(name), of)
                for name, _, of in (source.partition(".") for source in found)
            ]
            for column, found in sources.items()
        }
    )
