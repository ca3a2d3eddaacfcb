"""Judges a candidate by its figures on held-out pairs; in doubt it is refused.

A candidate that is broken, inert or worse is refused with the reason. A few texts
cannot show that it is better; only the audience can (`canary.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ig_assets.core.fine_tuning.evaluation.judged_pairs import Judged
from ig_assets.core.fine_tuning.evaluation.preference_accuracy import (
    PreferenceAccuracy,
    finished_likelihoods,
    preference_accuracy,
)
from ig_assets.core.fine_tuning.evaluation.text_figures import (
    TextFigures,
    mean_similarity,
)

MARGIN = 0.05
# Standard deviation of the difference in score of two texts that one model writes for
# one prompt. An assumption, from few observed pairs (0.02 to 0.21 apart).
PAIR_SD = 0.15
ONE_SIDED_95 = 1.645

FEWEST_PAIRS = 30
"""Number of held-out pairs below which the preference is `insufficient`."""
INSUFFICIENT = "insufficient"
BETTER, WORSE, UNDECIDED = "better", "worse", "undecided"

LEAST_USABLE = 0.9
MOST_REPEATED = 0.3
LEAST_NOVELTY = 0.5
MOST_SIMILAR = 0.5
MOST_SELF_BLEU = 0.6
CLEARLY = 0.1
"""Difference by which a figure must be worse than the active model's for a refusal."""


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate may become the canary, the reason, and its preference.

    `preference` is better, worse, undecided or insufficient.
    """

    passed: bool
    reason: str
    preference: str


def verdict(
    scores: Sequence[float],
    against: Sequence[float],
    details: Sequence[Mapping[str, Any]],
    margin: float = MARGIN,
) -> Verdict:
    """Judge a candidate by the scores and figures of its texts, one entry per pair.

    `against` are the active model's scores. The candidate's mean score may be lower by
    `margin` plus the difference that two texts of one model have by chance (one-sided
    95 % of PAIR_SD / sqrt(n)): a few pairs cannot distinguish that from a worse model.
    Pairs of an earlier version have no text figures and are judged by their scores
    alone.
    """
    n = len(scores)
    mine, theirs = float(np.mean(scores)), float(np.mean(against))
    allowed = margin + ONE_SIDED_95 * PAIR_SD / math.sqrt(n)
    judged = Judged.of([d["judged"] for d in details if "judged" in d])
    accuracy = preference_accuracy(details)
    shown: object | None = None
    if finished_likelihoods(details) != (0, 0):
        preference, shown = _by_likelihood(accuracy), accuracy
    else:
        preference = _preference(scores, against, judged)
        if judged.consistent >= FEWEST_PAIRS:
            shown = judged
    fault = _fault(details)
    if fault is None and preference == WORSE and shown is not None:
        fault = f"{WORSE}: {shown}"
    if fault is not None:
        return Verdict(False, fault, preference)
    passed = mine - theirs >= -allowed
    compared = "not worse than" if passed else "worse than"
    few = (
        f"; preference is {INSUFFICIENT} under {FEWEST_PAIRS} pairs"
        if preference == INSUFFICIENT
        else f"; preference: {preference}" + ("" if shown is None else f", {shown}")
    )
    pairs = "pair" if n == 1 else "pairs"
    reason = (
        f"{compared} the active model on {n} held-out {pairs}: {mine:.3f} against "
        f"{theirs:.3f}, with {allowed:.2f} allowed for so few (a smoke gate, not a "
        f"proof){few}"
    )
    return Verdict(passed, reason, preference)


def _by_likelihood(accuracy: PreferenceAccuracy | None) -> str:
    """Return better, worse, undecided or insufficient, by the paired difference."""
    if accuracy is None or accuracy.likelihood_pairs < FEWEST_PAIRS:
        return INSUFFICIENT
    if accuracy.difference_low > 0:
        return BETTER
    return WORSE if accuracy.difference_high < 0 else UNDECIDED


def _preference(
    scores: Sequence[float], against: Sequence[float], judged: Judged
) -> str:
    """Return better, worse, undecided or insufficient, by a two-sided 95 % interval.

    It is the interval of the judge's share of wins or, if too few pairs were judged
    consistently, of the mean difference of the scores.
    """
    if judged.consistent >= FEWEST_PAIRS:
        low, high = judged.interval
        return BETTER if low > 0.5 else WORSE if high < 0.5 else UNDECIDED
    differences = np.array(scores) - np.array(against)
    n = len(differences)
    if n < FEWEST_PAIRS:
        return INSUFFICIENT
    error = float(np.std(differences, ddof=1)) / math.sqrt(n)
    mean = float(np.mean(differences))
    if abs(mean) <= 1.96 * error:
        return UNDECIDED
    return BETTER if mean > 0 else WORSE


def _fault(details: Sequence[Mapping[str, Any]]) -> str | None:
    """Return why a candidate is refused regardless of its scores, or None."""
    judged = [detail for detail in details if "candidate" in detail]
    if not judged:
        return None
    mine = [_figures(detail["candidate"]) for detail in judged]
    theirs = [_figures(detail["active"]) for detail in judged]
    n, unusable = len(judged), sum(not text.usable for text in mine)
    if unusable == n:
        return f"broken: none of its {n} answers can be used"
    as_many = sum(not text.usable for text in theirs)
    if unusable > as_many and unusable > n * (1 - LEAST_USABLE):
        return f"broken: {unusable} of its {n} answers cannot be used"
    if all(detail["same"] for detail in judged):
        return (
            f"inert: it wrote the very words of the active model for all {n} prompts, "
            "so it changes nothing"
        )
    usable, others = [t for t in mine if t.usable], [t for t in theirs if t.usable]
    repeated, usual = _mean(usable, "repeated"), _mean(others, "repeated")
    if repeated > max(MOST_REPEATED, usual + CLEARLY):
        return f"broken: {repeated:.0%} of its runs of three words are repetitions"
    novelty, usual = _mean(usable, "novelty"), _mean(others, "novelty")
    if novelty < min(LEAST_NOVELTY, usual - CLEARLY):
        return (
            f"worse: it repeats its training texts (novelty {novelty:.2f} against "
            f"{usual:.2f})"
        )
    similar, usual = mean_similarity(usable), mean_similarity(others)
    if similar > max(MOST_SIMILAR, usual + CLEARLY):
        return (
            f"worse: its texts for different topics are alike (similarity "
            f"{similar:.2f} against {usual:.2f})"
        )
    return _same_phrases(judged)


def _same_phrases(details: Sequence[Mapping[str, Any]]) -> str | None:
    """Return a reason to refuse texts that share too many phrases, or None.

    Of the stored self-BLEU figures, the one over the most texts is used.
    """
    measured = [detail["self_bleu"] for detail in details if "self_bleu" in detail]
    if not measured:
        return None
    most = max(measured, key=lambda figure: int(figure["texts"]))
    mine, usual = most["candidate"], most["active"]
    if mine <= max(MOST_SELF_BLEU, usual + CLEARLY):
        return None
    return (
        f"worse: its texts for different topics say the same phrases (self-BLEU "
        f"{mine:.2f} against {usual:.2f}, first {most['words']} words)"
    )


def _figures(stored: Mapping[str, Any]) -> TextFigures:
    return TextFigures(**{**stored, "sketch": tuple(stored["sketch"])})


def _mean(texts: Sequence[TextFigures], name: str) -> float:
    values = [float(getattr(text, name)) for text in texts]
    return float(np.mean(values)) if values else 0.0
