"""Does the ranker learn what wins? Real headline tests, held out by cluster.

Tests outside the weeks of broken randomisation; a group is what one test showed beside
one image. Ten folds; groups that share nearly equal headlines are in one fold. Run:

    python benchmarks/learning.py --file dev.csv.gz
    python benchmarks/learning.py --file dev.csv.gz --vectors FILE   (keeps encodings)
    python benchmarks/learning.py --file dev.csv.gz --quick          (no curve)

Another file needs the same columns: clickability_test_id, headline, clicks,
impressions, test_week, eyecatcher_id, srm_window. Intervals are 95 % bootstraps over
clusters. Accuracy is over pairs with |z| >= 1.96, in which the better arm is known
nearly surely. Times are CPU seconds of one process with one thread.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from peeking.tables import table
from ranking.archive import Archive, read_archive
from ranking.timed import GROUPS, seconds_of_a_fit
from ranking.validation import (
    Z_SIGNIFICANT,
    Pairs,
    Predicted,
    all_pairs,
    best_of,
    calibration,
    folds,
    held_out,
    interval,
    right,
)

from ig_assets.core.models.ranker.hand_features import NAMES
from ig_assets.core.models.ranker.outcomes import Floats, Outcomes
from ig_assets.core.models.ranker.proof import prove

CACHE = Path.home() / ".cache" / "ig_assets" / "models"
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
SIZES = (25, 50, 100, 300)
REPEATS = 3


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--file", type=Path, required=True, help="headline tests")
    parser.add_argument("--vectors", type=Path, help="an .npz file for the encodings")
    parser.add_argument("--model-cache", type=Path, default=CACHE)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--orders", type=int, default=10, help="further e-values")
    parser.add_argument("--quick", action="store_true", help="without curve and orders")
    return parser.parse_args()


def main() -> None:
    """Print every table."""
    given = arguments()
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        # Set before numpy loads, or its threads are not bound by it.
        again = [sys.executable, *sys.argv]
        sys.exit(subprocess.run(again, env=os.environ | ONE_THREAD).returncode)
    archive = read_archive(given.file, given.model_cache, given.vectors)
    pairs = all_pairs(archive)
    significant = np.abs(pairs.z) >= Z_SIGNIFICANT
    print(
        f"\n{archive.groups:,} groups with {len(archive.clicks):,} arms in "
        f"{archive.cluster.max() + 1:,} clusters; {len(pairs.z):,} pairs, of them "
        f"{significant.sum():,} significant; seed {given.seed}\n"
    )
    fold = folds(archive, given.seed)
    kinds = _kinds(archive)
    predicted = {
        name: held_out(archive, pairs, features, fold)
        for name, features in kinds.items()
    }
    _accuracy(archive, pairs, predicted, significant, given.seed)
    _calibration(archive, pairs, predicted, given.seed)
    _time(archive)
    _best(archive, kinds, fold, given.seed)
    _evidence(archive, given.seed, 0 if given.quick else given.orders)
    if not given.quick:
        _curve(archive, pairs, significant, fold, given.seed)


def _kinds(archive: Archive) -> dict[str, dict[str, Floats]]:
    hand = archive.features["hand"]
    length = [NAMES.index("log_characters")]
    return {
        "ranker": archive.features,
        "layer alone": {"enc": archive.features["enc"]},
        "hand features": {"hand": hand},
        "length": {"hand": hand[:, length]},
    }


def _accuracy(
    archive: Archive,
    pairs: Pairs,
    predicted: dict[str, Predicted],
    significant: np.ndarray,
    seed: int,
) -> None:
    cluster = archive.cluster[archive.outcomes.group[pairs.first]][significant]
    ones = np.ones(len(cluster))
    ours = right(predicted["ranker"], pairs)[significant]
    rows = []
    for name, found in predicted.items():
        theirs = right(found, pairs)[significant]
        share = _percent(*interval(theirs, ones, cluster, seed))
        ahead = ""
        if name != "ranker":
            ahead = _percent(*interval(ours - theirs, ones, cluster, seed))
        rows.append([name, share, ahead])
    table(
        "Significant pairs beside one image, held out: the better headline is found",
        ["", "accuracy, %", "ranker ahead by, points"],
        rows,
    )


def _calibration(
    archive: Archive, pairs: Pairs, predicted: dict[str, Predicted], seed: int
) -> None:
    rows = []
    for name, found in predicted.items():
        (slope, low, high), cover = calibration(archive, pairs, found, seed)
        rows.append([name, f"{slope:.2f} ({low:.2f} to {high:.2f})", f"{cover:.1%}"])
    table(
        "Calibration over all pairs",
        ["", "slope", "cover of 90 % intervals"],
        rows,
    )


def _time(archive: Archive) -> None:
    rows = [[GROUPS, f"{seconds_of_a_fit(archive):.2f}"]]
    table("A fit from features, groups drawn again", ["groups", "CPU s"], rows)


def _best(
    archive: Archive, kinds: dict[str, dict[str, Floats]], fold: np.ndarray, seed: int
) -> None:
    """The held-out score of every arm against the first of its group."""
    starts = np.searchsorted(archive.outcomes.group, np.arange(archive.groups))
    every = np.arange(len(archive.clicks))
    against = Pairs(every, starts[archive.outcomes.group], np.zeros(len(every)))
    names = ["ranker", "hand features", "length"]
    scores = [held_out(archive, against, kinds[name], fold).mean for name in names]
    drawn = np.random.default_rng(seed).normal(size=len(every))
    found = best_of(archive, [*scores, drawn], 4, seed)
    table(
        "The best of four by its words alone: rate over the mean of the four",
        ["chosen by", "lift, %"],
        [
            [name, _percent(*lift)]
            for name, lift in zip([*names, "chance"], found, strict=True)
        ],
    )


def _evidence(archive: Archive, seed: int, orders: int) -> None:
    proof = prove(archive.features, archive.outcomes, archive.cluster)
    rows = [
        ["in time order", archive.groups, proof.proven_after, f"{proof.log_e[-1]:.0f}"]
    ]
    rng = np.random.default_rng(seed)
    for name, shuffled in (("in a random order", False), ("shuffled rates", True)):
        after = []
        for _ in range(orders):
            part = _reordered(archive, rng, 300, shuffled)
            proof = prove(
                part.features, part.outcomes, part.cluster, stop_when_proven=True
            )
            after.append(proof.proven_after or np.inf)
        if orders:
            proven = int(np.isfinite(after).sum())
            low, middle, high = np.quantile(after, [0, 0.5, 1], method="lower")
            rows.append(
                [
                    f"{name}, {orders} times",
                    300,
                    f"{proven} of {orders} proven; least, median, most: "
                    f"{low:.0f}, {middle:.0f}, {high:.0f}",
                    "",
                ]
            )
    table(
        "Evidence by bets on groups that the fit has not seen",
        ["groups", "of them", "e >= 20 after", "ln e in the end"],
        rows,
    )


def _reordered(
    archive: Archive, rng: np.random.Generator, groups: int, shuffled: bool
) -> Archive:
    """Some groups in another order; `shuffled` deals the rates anew in each group."""
    order = rng.permutation(archive.groups)[:groups]
    parts = [np.flatnonzero(archive.outcomes.group == g) for g in order]
    rows = np.concatenate(parts)
    dealt = np.concatenate([rng.permutation(p) if shuffled else p for p in parts])
    number = np.repeat(np.arange(len(order)), [len(p) for p in parts])
    return Archive(
        features={name: block[rows] for name, block in archive.features.items()},
        outcomes=Outcomes(
            number, archive.outcomes.y[dealt], archive.outcomes.variance[dealt]
        ),
        clicks=archive.clicks[dealt],
        impressions=archive.impressions[dealt],
        cluster=archive.cluster[order],
    )


def _curve(
    archive: Archive,
    pairs: Pairs,
    significant: np.ndarray,
    fold: np.ndarray,
    seed: int,
) -> None:
    cluster = archive.cluster[archive.outcomes.group[pairs.first]][significant]
    ones = np.ones(len(cluster))
    rows = []
    for size in SIZES:
        shares = []
        for repeat in range(REPEATS):

            def some(number: int, groups: np.ndarray) -> np.ndarray:
                rng = np.random.default_rng([seed, size, repeat, number])
                return np.sort(rng.permutation(groups)[:size])

            found = held_out(archive, pairs, archive.features, fold, some)
            shares.append(right(found, pairs)[significant])
        rows.append(
            [size, _percent(*interval(np.mean(shares, axis=0), ones, cluster, seed))]
        )
    table(
        f"Learning curve ({REPEATS} draws of groups a fold)",
        ["groups to learn from", "accuracy, %"],
        rows,
    )


def _percent(value: float, low: float, high: float) -> str:
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    main()
