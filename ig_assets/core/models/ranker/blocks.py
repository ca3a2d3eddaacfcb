"""Scales the blocks of features, so that each theta is an explained variance.

Hand counts have different units, so each is divided by its standard deviation within
groups. Then each block is divided by one number, so that the mean squared distance of
an arm from its group's mean is 1. Theta is then the variance of the log rate that the
block explains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ig_assets.core.models.ranker.outcomes import (
    Floats,
    Ints,
    centred,
    without_single_arms,
)

HAND = "hand"
"""The block of hand features, whose columns have different units."""


@dataclass(frozen=True)
class Scale:
    """The mean and divisor of one block, each of shape (columns)."""

    mean: Floats
    divisor: Floats

    def apply(self, block: Floats) -> Floats:
        """Return the scaled block (texts, columns).

        Raises ValueError for another number of columns.
        """
        if block.shape[1] != self.mean.size:
            raise ValueError(f"{block.shape[1]} columns instead of {self.mean.size}.")
        return np.asarray((block - self.mean) / self.divisor)


def scales(blocks: Mapping[str, Floats], group: Ints) -> dict[str, Scale]:
    """Return {name: scale} of blocks (arms, columns), from arms that share their group.

    A column that never varies within a group gets an infinite divisor, so it becomes 0.
    """
    rivals = without_single_arms(group)
    found = {}
    for name, block in blocks.items():
        known = np.asarray(block[rivals], dtype=np.float64)
        within = centred(known, group[rivals])
        mean = known.mean(axis=0) if len(known) else np.zeros(block.shape[1])
        divisor = np.ones(block.shape[1])
        if name == HAND:
            divisor = np.sqrt((within**2).mean(axis=0)) if len(within) else divisor
            # Differences of equal numbers are seldom exactly 0.
            divisor = np.where(divisor > 1e-9, divisor, np.inf)
        spread = ((within / divisor) ** 2).sum(axis=1)
        norm = float(np.sqrt(spread.mean())) if len(spread) else 0.0
        found[name] = Scale(mean, divisor * (norm or np.inf))
    return found
