"""Claims across topics: the t e-process, looked at after every pair."""

from __future__ import annotations

import math

import numpy as np
from peeking.tables import percent, table
from scipy.stats import t as student

from ig_assets.core.experiments.stats.anytime_t_test import t_log_e
from ig_assets.core.experiments.stats.e_values import TAU

PAIRS = 200
LUCK_SD = 0.2
TEXT_SD = 0.27
SAMPLING_SD = 0.11  # of a pair at a 5 % rate and about 3,000 views an arm
LOG_E = math.log(20.0)


def _differences(
    rng: np.random.Generator, n: int, lift: float, texts: bool, uneven: bool
) -> np.ndarray:
    """Pairs of posts (n, PAIRS): luck and sampling twice, texts that differ or not."""
    sampling = SAMPLING_SD
    if uneven:
        sampling = SAMPLING_SD * rng.uniform(0.5, 4.0, (n, PAIRS))
    spread = np.sqrt(2 * LUCK_SD**2 + 2 * TEXT_SD**2 * texts + sampling**2)
    return lift + spread * rng.normal(0, 1, (n, PAIRS))


def _naive_t(d: np.ndarray) -> np.ndarray:
    """Whether a t-test at 5 % after every pair from the third on is significant."""
    n = np.arange(1, d.shape[1] + 1)
    mean, square = d.cumsum(axis=1) / n, (d**2).cumsum(axis=1) / n
    with np.errstate(all="ignore"):
        t = mean / np.sqrt((square - mean**2) / (n - 1))
    limit = student.ppf(0.975, np.maximum(n - 1, 1))
    return (np.abs(t) > limit)[:, 2:]


def _known_spread(d: np.ndarray) -> np.ndarray:
    """The normal mixture that takes luck and sampling for the whole spread."""
    n = np.arange(1, d.shape[1] + 1)
    variance = (2 * LUCK_SD**2 + SAMPLING_SD**2) / n
    mean, wide = d.cumsum(axis=1) / n, variance + TAU**2
    log_e = 0.5 * np.log(variance / wide) + mean**2 * TAU**2 / (2 * variance * wide)
    return log_e >= LOG_E


def report(experiments: int, seed: int) -> None:
    """Print false claims under no difference, and how many topics a lift needs."""
    rng = np.random.default_rng(seed)
    rows = []
    cases = {
        "same texts": (False, False),
        "same texts, uneven reach": (False, True),
        "texts differ, sd 0.27": (True, False),
        "texts differ, uneven reach": (True, True),
    }
    for name, (texts, uneven) in cases.items():
        d = _differences(rng, experiments, 0.0, texts, uneven)
        rows.append(
            [name]
            + [
                percent(found.any(axis=1).sum(), experiments)
                for found in (t_log_e(d) >= LOG_E, _known_spread(d), _naive_t(d))
            ]
        )
    table(
        f"Across topics, no difference: claims within {PAIRS} pairs, a look after each",
        ["pairs", "ours, e >= 20", "spread taken as known", "naive t, p < 0.05"],
        rows,
    )
    rows = []
    for lift in (0.1, 0.2, 0.3):
        for name, (texts, uneven) in list(cases.items())[::2]:
            d = _differences(rng, experiments, math.log1p(lift), texts, uneven)
            reached = t_log_e(d) >= LOG_E
            on = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, PAIRS + 1)
            median = int(np.median(on))
            told = f"> {PAIRS}" if median > PAIRS else str(median)
            shares = [percent((on <= n).sum(), experiments) for n in (10, 30, 100)]
            rows.append([f"{100 * lift:.0f} %, {name}", told, *shares])
    table(
        "Across topics, a true lift: topics until e >= 20",
        ["lift", "median", "within 10", "within 30", "within 100"],
        rows,
    )
