"""Tells how often a model finds the winner of a held-out pair likelier than the loser.

The likelihood of a text is its mean log-probability per token, so that a short text is
not the likelier one for its length. A model's accuracy has the interval of Wilson (see
`judged_pairs.py`). Two models are compared on the same pairs: the difference of their
accuracies has the interval of Agresti and Min (2005, "Simple improved confidence
intervals for comparing matched proportions", Statistics in Medicine 24), which is
Wald's after half a pair was added to each of the four outcomes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ig_assets.core.fine_tuning.evaluation.judged_pairs import Z_95, wilson_interval


@dataclass(frozen=True)
class PairLikelihood:
    """The mean log-probability (nats per token) of a pair's winner and of its loser."""

    winner: float
    loser: float


@dataclass(frozen=True)
class PreferenceAccuracy:
    """Shares (0 to 1) of `likelihood_pairs` whose winner a model finds the likelier.

    `accuracy` is the candidate's, with a 95 % interval, `accuracy_of_active` that of
    the active model. `accuracy_difference` is the first minus the second, in -1 to 1,
    with a 95 % interval of paired shares.
    """

    likelihood_pairs: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    accuracy_of_active: float
    accuracy_difference: float
    difference_low: float
    difference_high: float

    def __str__(self) -> str:
        return (
            f"by log-probability it finds the held-out winner likelier in "
            f"{self.accuracy:.0%} of {self.likelihood_pairs} pairs (95 % interval "
            f"{self.accuracy_low:.0%} to {self.accuracy_high:.0%}), the active model "
            f"in {self.accuracy_of_active:.0%}: {100 * self.accuracy_difference:+.0f} "
            f"points ({100 * self.difference_low:+.0f} to "
            f"{100 * self.difference_high:+.0f})"
        )


def preference_accuracy(
    details: Sequence[Mapping[str, Any]],
) -> PreferenceAccuracy | None:
    """Return the accuracies from the stored `detail` of each pair, or None.

    A detail holds `likelihood`, with a `PairLikelihood` for the candidate and one for
    the active model, or None where the pair's texts have no likelihood. None is
    returned if no pair has them. A winner that is exactly as likely as the loser is not
    found the likelier.
    """
    measured = [d["likelihood"] for d in details if d.get("likelihood")]
    if not measured:
        return None
    mine, others = (
        [pair[who]["winner"] > pair[who]["loser"] for pair in measured]
        for who in ("candidate", "active")
    )
    n, right, theirs = len(measured), sum(mine), sum(others)
    only_mine = sum(a and not b for a, b in zip(mine, others, strict=True))
    only_theirs = theirs - (right - only_mine)
    low, high = wilson_interval(right, n)
    least, most = _paired_interval(only_mine, only_theirs, n)
    return PreferenceAccuracy(
        n, right / n, low, high, theirs / n, (right - theirs) / n, least, most
    )


def finished_likelihoods(details: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return (pairs whose likelihoods were asked for, pairs that were planned to be).

    (0, 0) if the models give no likelihoods.
    """
    asked = [detail for detail in details if "likelihood" in detail]
    return len(asked), max((int(detail["planned"]) for detail in asked), default=0)


def _paired_interval(only_mine: int, only_theirs: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval (low, high) of a difference of paired shares of n."""
    total = n + 2.0
    apart, difference = only_mine + only_theirs + 1.0, (only_mine - only_theirs) / total
    error = math.sqrt(apart - total * difference**2) / total
    return max(-1.0, difference - Z_95 * error), min(1.0, difference + Z_95 * error)
