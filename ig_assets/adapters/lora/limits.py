"""Checks before a training whether the machine has enough memory and disk.

Memory: the base's weights, the adapter with its gradients and AdamW's two moments (16
bytes per weight), the logits of one answer with their gradients, and the activations of
one row; plus a constant for loading the packages, measured with transformers 5.24 and
torch 2.13. Disk: two checkpoints (12 bytes per weight) and the adapter.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from ig_assets.adapters.lora.fit.recipe import Machine, Recipe
from ig_assets.adapters.lora.gguf_header import BaseFacts
from ig_assets.errors import SettingsError, TransientVendorError

PACKAGES = ("torch", "transformers", "peft", "gguf")
_LOADING_BYTES = 1 << 30
_ANSWER_TOKENS = 400
_SPARE_DISK_BYTES = 200 << 20


def missing_packages() -> Sequence[str]:
    """Return the packages of the extra `train` that are not installed."""
    return [name for name in PACKAGES if find_spec(name) is None]


def require_packages() -> None:
    """Raise SettingsError where the extra `train` is not installed."""
    if missing := missing_packages():
        raise SettingsError(
            "IG_TRAINER=lora needs the extra train, which is not installed (missing: "
            f"{', '.join(missing)}); `pip install \"ig-assets[train]\"` brings it."
        )


def choose_machine(facts: BaseFacts, recipe: Recipe, free_bytes: int) -> Machine:
    """Return the device, the threads, and the widest number type that fits into memory.

    Raises TransientVendorError if not even bfloat16 fits: the job waits.
    """
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    for dtype, width in (("float32", 4), ("bfloat16", 2)):
        if memory_bytes(facts, recipe, width) <= free_bytes:
            return Machine(threads or os.cpu_count() or 1, _device(), dtype)
    needed = memory_bytes(facts, recipe, 2)
    raise TransientVendorError(
        f"lora needs {needed / 1e9:.1f} GB of free memory to train this base model, "
        f"and {free_bytes / 1e9:.1f} GB are free; free some, or set IG_LOCAL_MODEL to "
        "a smaller model.",
        outcome_unknown=False,
    )


def memory_bytes(facts: BaseFacts, recipe: Recipe, bytes_per_weight: int) -> int:
    """Return the peak memory of a training in bytes."""
    logits = 4 * 4 * _ANSWER_TOKENS * facts.vocabulary
    activations = 4 * 34 * facts.blocks * facts.width * recipe.most_tokens
    adapter = 16 * facts.adapter_parameters(recipe.rank)
    base = bytes_per_weight * facts.parameters
    return base + adapter + logits + activations + _LOADING_BYTES


def require_disk(facts: BaseFacts, recipe: Recipe, folder: Path) -> None:
    """Raise TransientVendorError where the disk is too full for the checkpoints."""
    weights = facts.adapter_parameters(recipe.rank)
    needed = (2 * 12 + 4) * weights + _SPARE_DISK_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise TransientVendorError(
            f"lora needs {needed / 1e9:.1f} GB of free disk for its checkpoints, and "
            f"{free / 1e9:.1f} GB are free below {folder}; free some.",
            outcome_unknown=False,
        )


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
