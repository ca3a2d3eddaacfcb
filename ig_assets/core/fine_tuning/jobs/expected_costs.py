"""Estimates what each trainer would charge for a training set, before sending it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ig_assets.core.fine_tuning.training_set.dataset_files import DatasetSummary
from ig_assets.core.fine_tuning.training_set.vendor_lines import vendor_files
from ig_assets.core.ports import AsksForEstimate, Trainer, TrainingRequest
from ig_assets.errors import RefusedError


@dataclass(frozen=True)
class ExpectedCost:
    """One trainer's estimate: tokens over all epochs, and USD.

    `cost_usd` is 0 if training is free and None if no price is known; `note` explains
    the figure or why there is none.
    """

    trainer: str
    base_model: str
    tokens: int | None
    cost_usd: float | None
    note: str


def expected_costs(
    trainers: Sequence[Trainer], dataset: DatasetSummary, seed: int
) -> list[ExpectedCost]:
    """Return one estimate per trainer, in their order; nothing is sent or paid."""
    if dataset.is_empty:
        return []
    with vendor_files(dataset) as files:
        return [
            _expected(
                trainer,
                TrainingRequest(
                    intent_key="",
                    month=dataset.month,
                    base_model=trainer.base_model,
                    dataset_hash=dataset.dataset_hash,
                    files=files,
                    example_ids=dataset.train_example_ids,
                    seed=seed,
                ),
            )
            for trainer in trainers
        ]


def _expected(trainer: Trainer, request: TrainingRequest) -> ExpectedCost:
    name, base = trainer.provider, trainer.base_model
    if isinstance(trainer, AsksForEstimate) and trainer.asks_for_estimate:
        note = f"{name} estimates it when the set is submitted, before the job"
        return ExpectedCost(name, base, None, None, note)
    try:
        estimate = trainer.estimate(request)
    except RefusedError as error:
        return ExpectedCost(name, base, None, None, str(error))
    if estimate is None:
        return ExpectedCost(name, base, None, 0.0, "free")
    if estimate.cost_usd is None:
        note = f"no price is known for {base}; set IG_TRAINING_PRICES"
        return ExpectedCost(name, base, estimate.tokens, None, note)
    return ExpectedCost(name, base, estimate.tokens, estimate.cost_usd, "estimated")
