"""The hyperparameters of a training; a job stores them to resume as it began.

Rank, scale and learning rate are those of the LoRA and QLoRA papers for small sets (Hu
et al. 2021, Dettmers et al. 2023); beta is that of the DPO paper (Rafailov et al.
2023).
"""

from __future__ import annotations

from dataclasses import dataclass

TARGETS = (
    "q_proj",
    "k_proj",
    "v_proj",
    "o_proj",
    "gate_proj",
    "up_proj",
    "down_proj",
)
"""All linear layers of a transformer block; the adapter changes these alone."""


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of one training; lengths are in tokens of the base model.

    The supervised rows are trained first, then the pairs, with the resulting model as
    the reference. Learning rates fall linearly to 0 within each of the two stages. A
    step has `rows_per_step` rows; a checkpoint is written every `steps_per_checkpoint`
    steps.
    """

    rank: int = 8
    alpha: int = 16
    epochs: int = 2
    pair_epochs: int = 1
    learning_rate: float = 2e-4
    pair_learning_rate: float = 5e-5
    beta: float = 0.1
    rows_per_step: int = 4
    most_tokens: int = 1024
    most_validation_rows: int = 16
    steps_per_checkpoint: int = 5
    largest_gradient: float = 1.0


@dataclass(frozen=True)
class Machine:
    """Properties of the machine on which the bits of a trained adapter depend.

    They are chosen when the job is submitted. `dtype` is the type of the base's
    weights; the adapter's are float32.
    """

    threads: int
    device: str
    dtype: str
