"""The time of one fit of a given number of groups, drawn from the archive's."""

from __future__ import annotations

import time

import numpy as np
from ranking.archive import Archive

from ig_assets.core.models.ranker.outcomes import Outcomes
from ig_assets.core.models.ranker.ranker import train

GROUPS = 3000


def seconds_of_a_fit(archive: Archive, seed: int = 1) -> float:
    """CPU seconds, the least of three, scales and all variances estimated."""
    drawn = np.random.default_rng(seed).integers(0, archive.groups, GROUPS)
    parts = [np.flatnonzero(archive.outcomes.group == g) for g in drawn]
    rows = np.concatenate(parts)
    group = np.repeat(np.arange(GROUPS), [len(p) for p in parts])
    outcomes = Outcomes(
        group, archive.outcomes.y[rows], archive.outcomes.variance[rows]
    )
    features = {name: block[rows] for name, block in archive.features.items()}
    took = []
    for _ in range(3):
        started = time.process_time()
        train(features, outcomes)
        took.append(time.process_time() - started)
    return min(took)
