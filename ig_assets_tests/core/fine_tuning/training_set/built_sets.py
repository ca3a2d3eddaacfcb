"""Training sets that are built, and what is in them."""

from __future__ import annotations

from pathlib import Path

from ig_assets.core.fine_tuning.training_set.dataset_files import (
    DatasetSummary,
    write_datasets,
)
from ig_assets.core.fine_tuning.training_set.examples import (
    ExamplesSummary,
    build_training_examples,
)
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    DIMENSIONS,
    MODEL,
    MONTH,
    FineTuningFactory,
)


def build(env: FineTuningFactory, month: str = MONTH, seed: int = 7) -> ExamplesSummary:
    return build_training_examples(
        env.warehouse, env.clock, month, seed, MODEL, DIMENSIONS, "run"
    )


def rows(env: FineTuningFactory, month: str = MONTH) -> list[dict[str, object]]:
    return env.read(
        "SELECT * FROM training_examples WHERE month = ? ORDER BY example_id", month
    )


def decided(env: FineTuningFactory, month: str = MONTH) -> set[object]:
    return {row["decision_ref"] for row in rows(env, month)}


def write(env: FineTuningFactory, folder: Path | None = None) -> DatasetSummary:
    return write_datasets(
        env.warehouse,
        env.clock,
        MONTH,
        folder or env.folder / "sets",
        seed=7,
        base_model="m",
        run_id="run",
    )


def filled(env: FineTuningFactory, names: str = "123456") -> DatasetSummary:
    for name in names:
        env.experiment(f"e{name}")
    build(env)
    return write(env)
