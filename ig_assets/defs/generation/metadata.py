"""Metadata of a generation step, for display in Dagster."""

from typing import Any

from ig_assets.core.generation.pipeline import StepResult
from ig_assets.defs.metadata import sample_table


def step_metadata(step: StepResult) -> dict[str, Any]:
    """Return a step's numbers and labels, and its samples as tables."""
    tables = {name: sample_table(rows) for name, rows in step.samples.items()}
    return step.facts | tables
