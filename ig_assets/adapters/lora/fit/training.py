"""Trains an adapter: supervised rows, then pairs; resumes where it was stopped."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ig_assets.adapters.lora.base_model import adapter_weights
from ig_assets.adapters.lora.fit import checkpoint
from ig_assets.adapters.lora.fit.batches import Step, TokenRow, plan_steps
from ig_assets.adapters.lora.fit.losses import (
    log_probabilities,
    pair_loss,
    supervised_loss,
)
from ig_assets.adapters.lora.fit.recipe import Recipe


class Diverged(Exception):
    """The training loss became NaN or infinite."""


class Cancelled(Exception):
    """A person stopped the training."""


@dataclass(frozen=True)
class TrainingSet:
    """Tokenised rows: supervised and pairs, for training and held out."""

    supervised: Sequence[TokenRow]
    pairs: Sequence[TokenRow]
    held_out: Sequence[TokenRow]
    held_out_pairs: Sequence[TokenRow]


class Report(Protocol):
    """Called after each step; raises Cancelled to stop."""

    def __call__(
        self, step: int, training: float, validation: float | None, saved: bool
    ) -> None:
        """Report a step; `saved` is true if its checkpoint is on the disk."""
        ...


@dataclass(frozen=True)
class Trained:
    """The weights of a finished adapter, as float32 arrays by peft's names.

    `accuracy` is the share of held-out pairs whose winner is more likely per token, as
    (base model, trained model), or None without such pairs.
    """

    weights: dict[str, Any]
    steps: int
    accuracy: tuple[float, float] | None


class Training:
    """One training.

    `run` continues from the checkpoint in `folder`, if there is one.
    """

    def __init__(
        self,
        model: Any,
        rows: TrainingSet,
        recipe: Recipe,
        seed: int,
        folder: Path,
        device: str = "cpu",
    ) -> None:
        import torch

        self._model, self._rows, self._recipe = model, rows, recipe
        self._folder, self._device = folder, device
        self._steps = plan_steps(len(rows.supervised), len(rows.pairs), recipe, seed)
        self._weights = adapter_weights(model)
        self._optimiser = torch.optim.AdamW(
            list(self._weights.values()), lr=0.0, weight_decay=0.0
        )
        self._progress = checkpoint.load(folder, self._weights, self._optimiser)

    @property
    def steps(self) -> int:
        """The total number of steps."""
        return len(self._steps)

    @property
    def done(self) -> int:
        """The number of steps done."""
        return self._progress.step

    def run(self, report: Report, stop: Callable[[], bool]) -> Trained:
        """Take the remaining steps; return the trained adapter.

        Raises Diverged, and Cancelled once `stop` returns true.
        """
        self._model.train()
        for step in self._steps[self._progress.step :]:
            if step.stage == "dpo" and not self._progress.reference:
                self._measure_reference(stop)
            training = self._take(step, stop)
            self._progress.step += 1
            number = self._progress.step
            is_last = number == len(self._steps)
            saved = is_last or number % self._recipe.steps_per_checkpoint == 0
            if saved:
                self._save()
            held_out = self._held_out_loss() if step.ends_epoch else None
            report(number, training, held_out, saved)
        arrays = {
            name: tensor.detach().float().cpu().numpy()
            for name, tensor in self._weights.items()
        }
        return Trained(arrays, len(self._steps), self._accuracy())

    def _save(self) -> None:
        checkpoint.save(self._folder, self._progress, self._weights, self._optimiser)

    def _take(self, step: Step, stop: Callable[[], bool]) -> float:
        """Update the weights by the gradient of one step; return its weighted loss."""
        import torch

        self._optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for number in step.rows:
            if stop():
                raise Cancelled
            loss = self._loss(step.stage, number) / len(step.rows)
            loss.backward()
            total += float(loss.detach())
        if not math.isfinite(total):
            raise Diverged
        torch.nn.utils.clip_grad_norm_(
            list(self._weights.values()), self._recipe.largest_gradient
        )
        for group in self._optimiser.param_groups:
            group["lr"] = step.learning_rate
        self._optimiser.step()
        return total

    def _loss(self, stage: str, number: int) -> Any:
        if stage == "sft":
            row = self._rows.supervised[number]
            return supervised_loss(self._model, row, self._device) * row.weight
        row = self._rows.pairs[number]
        reference = self._progress.reference[number]
        beta = self._recipe.beta
        return pair_loss(self._model, row, reference, beta, self._device) * row.weight

    def _measure_reference(self, stop: Callable[[], bool]) -> None:
        """Compute the pairs' log-probabilities after the supervised steps."""
        for row in self._rows.pairs:
            if stop():
                self._progress.reference.clear()
                raise Cancelled
            found = log_probabilities(self._model, row, self._device)
            self._progress.reference.append(found)
        self._save()

    def _held_out_loss(self) -> float | None:
        import torch

        if not self._rows.held_out:
            return None
        with torch.no_grad():
            losses = [
                float(supervised_loss(self._model, row, self._device))
                for row in self._rows.held_out
            ]
        return sum(losses) / len(losses)

    def _accuracy(self) -> tuple[float, float] | None:
        if not self._rows.held_out_pairs:
            return None
        trained = self._wins()
        with self._model.disable_adapter():
            base = self._wins()
        return base, trained

    def _wins(self) -> float:
        won = 0
        for row in self._rows.held_out_pairs:
            assert row.rejected is not None, "a pair has a losing answer"
            chosen, lost = log_probabilities(self._model, row, self._device)
            won += chosen / row.chosen.answer > lost / row.rejected.answer
        return won / len(self._rows.held_out_pairs)
