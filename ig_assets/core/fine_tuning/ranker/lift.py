"""Measures the benefit of a ranker's choice: its hooks against random ones.

Both hooks are posts of one topic, written by one model; the random one was drawn among
all hooks before the ranker chose. If the choice has no benefit, their mean difference
is 0. As for all claims across topics, a month is one observation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ig_assets.core.experiments.reports.meta_analysis import (
    E_CLAIM,
    claim_row,
    compared_rows,
    mean_differences,
    pooled,
)
from ig_assets.core.experiments.stats.anytime_t_test import SequentialMean
from ig_assets.warehouse.warehouse import Connection

_CHOSEN = """,
arms AS (
    SELECT p.experiment_id, p.arm, c.role
    FROM posts AS p
    JOIN hook_choices AS c
      ON c.variant_id = p.variant_id
    JOIN experiments AS e
      ON e.experiment_id = p.experiment_id
    WHERE p.duplicate_of IS NULL
      AND p.status IS DISTINCT FROM 'failed'
      AND c.model_id IS NOT NULL
      AND coalesce(e.simulated, FALSE) = ?
)
""" + mean_differences("x.role = 'best' AND y.role = 'random'")


@dataclass(frozen=True)
class ChoiceLift:
    """The lead of hooks that the ranker chose over random ones.

    `mean` is the mean log rate ratio with its evidence, from months that have ended;
    `waiting` is the number of comparisons, one per experiment, from other months.
    """

    mean: SequentialMean
    waiting: int


def choice_lift(con: Connection, *, simulated: bool) -> ChoiceLift:
    """Return the log rate ratio of chosen over random hooks in ended experiments."""
    return ChoiceLift(*pooled(compared_rows(con, _CHOSEN, [simulated])))


def lift_row(found: ChoiceLift) -> dict[str, Any]:
    """Return the evidence as a row of `meta_analysis.claim_rows`."""
    claims = {1: "better", -1: "worse", 0: "undecided"}
    claim = claims[found.mean.decides(E_CLAIM)]
    question = "hooks that the ranker chose over one at random"
    return claim_row(question, found.mean, E_CLAIM, claim, found.waiting)
