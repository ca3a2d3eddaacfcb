"""Saves and loads checkpoints, so that a training resumes as if never interrupted.

A checkpoint has the adapter, the optimiser, the pairs' reference log-probabilities, and
the number of steps done. Order and learning rates follow from the seed and that number,
and nothing is random after the adapter was created, so that a resumed training gives
the same bits as an uninterrupted one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Reference = tuple[float, float]


@dataclass
class Progress:
    """The number of steps done, and the pairs' reference log-probabilities by row."""

    step: int = 0
    reference: list[Reference] = field(default_factory=list)


def save(
    folder: Path, progress: Progress, weights: Mapping[str, Any], optimiser: Any
) -> None:
    """Replace the checkpoint; after a crash there is either the old or the new one."""
    import torch

    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    state = {
        "step": progress.step,
        "reference": progress.reference,
        "weights": {name: tensor.detach().cpu() for name, tensor in weights.items()},
        "optimiser": optimiser.state_dict(),
    }
    with (part / "state.pt").open("wb") as written:
        torch.save(state, written)
        written.flush()
        os.fsync(written.fileno())
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(part, folder)
    shutil.rmtree(old, ignore_errors=True)


def load(folder: Path, weights: Mapping[str, Any], optimiser: Any) -> Progress:
    """Load a checkpoint into weights and optimiser; return its progress.

    Without a checkpoint nothing is changed, and the progress is 0 steps. Raises
    ValueError if the checkpoint is of another adapter.
    """
    import torch

    old = folder.with_name(f"{folder.name}.old")
    found = next((f for f in (folder, old) if (f / "state.pt").is_file()), None)
    if found is None:
        return Progress()
    state = torch.load(found / "state.pt", weights_only=True)
    _fill(weights, state["weights"])
    optimiser.load_state_dict(state["optimiser"])
    reference = [(float(a), float(b)) for a, b in state["reference"]]
    return Progress(int(state["step"]), reference)


def _fill(weights: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    import torch

    names: Sequence[str] = sorted(weights)
    if names != sorted(stored):
        raise ValueError("the checkpoint is of another adapter")
    with torch.no_grad():
        for name in names:
            weights[name].copy_(stored[name])
