"""Rows for checks to look at, and what a check says."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import dagster as dg

EXPERIMENT = {
    "experiment_id": "e1",
    "month": "2026-01",
    "numerator": "likes",
    "denominator": "reach",
    "status": "running",
}
POST = {
    "post_id": "p1",
    "experiment_id": "e1",
    "variant_id": "v1",
    "arm": "a",
    "platform": "simulated_audience",
    "status": "published",
    "published_at": datetime(2026, 1, 2, 9),
}
READING = {
    "post_id": "p1",
    "metric": "likes",
    "as_of": datetime(2026, 1, 5),
    "observed_at": datetime(2026, 1, 5),
    "value": None,
}
EVIDENCE = {
    "experiment_id": "e1",
    "arm_a": "a",
    "arm_b": "b",
    "data_through": datetime(2026, 1, 19),
}


def verdict(result: dg.ExecuteInProcessResult, check: str) -> dg.AssetCheckEvaluation:
    """The evaluation of a check in a run."""
    found = {e.check_name: e for e in result.get_asset_check_evaluations()}
    return found[check]


def figures(metadata: Any) -> dict[str, Any]:
    """Metadata as plain numbers."""
    return {
        name: entry.value
        for name, entry in metadata.items()
        if isinstance(entry.value, (int, float))
    }


def records(evaluation: dg.AssetCheckEvaluation, table: str) -> list[Any]:
    """The rows of a table in a check's metadata."""
    metadata: Any = evaluation.metadata
    return list(metadata[table].value.records)
