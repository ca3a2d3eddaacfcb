"""What a step of generation did, as Dagster displays it."""

from typing import Any

from ig_assets.core.generation.pipeline import StepResult
from ig_assets.defs.metadata import sample_table


def step_metadata(step: StepResult) -> dict[str, Any]:
    """Numbers and labels, with the samples as tables."""
    tables = {name: sample_table(rows) for name, rows in step.samples.items()}
    return step.facts | tables
