"""Published engines, called as their manuals say, once an experiment.

Runs in the peers' interpreter: `python -m peeking.engine ville counts.npz` prints one
JSON line. Only the engine's own calls are timed; what its input needs is made before.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
from collections.abc import Iterator

import numpy as np


def ville_pair(events: np.ndarray, trials: np.ndarray, rng: np.random.Generator):
    """`AsymptoticABTest` on the visitors of two arms (2, days) in order of arrival.

    Returns 1, -1 or 0 a day (the sequence excludes zero), and the CPU seconds.
    """
    import ville

    outcomes, treated = [], []
    new_events = np.diff(events, axis=1, prepend=0).astype(int)
    new_trials = np.diff(trials, axis=1, prepend=0).astype(int)
    for day in range(events.shape[1]):
        liked = [
            np.arange(new_trials[arm, day]) < new_events[arm, day] for arm in (0, 1)
        ]
        order = rng.permutation(liked[0].size + liked[1].size)
        outcomes.append(np.concatenate(liked)[order].astype(float))
        arm = np.repeat([1.0, 0.0], [liked[0].size, liked[1].size])
        treated.append(arm[order])
    ends = np.cumsum([len(day) for day in outcomes]) - 1
    y, a = np.concatenate(outcomes), np.concatenate(treated)
    started = time.process_time()
    test = ville.AsymptoticABTest(alpha=0.05).fit(y, a)
    low, high = test.lower_[ends], test.upper_[ends]
    seconds = time.process_time() - started
    return (low > 0).astype(int) - (high < 0).astype(int), seconds


def spotify_pairs(events: np.ndarray, trials: np.ndarray):
    """Group-sequential `ZTest` of all pairs by day, the final size known beforehand.

    Returns 1, -1 or 0 a pair and day in the order of `triu_indices`, and seconds.
    """
    import pandas as pd
    from spotify_confidence import ZTest

    arms, days = events.shape
    frame = pd.DataFrame(
        {
            "arm": np.repeat([str(a) for a in range(arms)], days),
            "day": np.tile(np.arange(1, days + 1), arms),
            "likes": events.ravel(),
            "views": trials.ravel(),
            "final": float(trials[:, -1].sum()),
        }
    )
    pairs = [(str(a), str(b)) for a, b in zip(*np.triu_indices(arms, k=1))]
    started = time.process_time()
    test = ZTest(
        frame,
        numerator_column="likes",
        numerator_sum_squares_column="likes",
        denominator_column="views",
        categorical_group_columns="arm",
        ordinal_group_column="day",
    )
    called = []
    for a, b in pairs:
        found = test.difference(
            level_1=b,
            level_2=a,
            groupby="day",
            final_expected_sample_size_column="final",
        ).sort_values("day")
        # The difference is level_2 - level_1, a over b.
        sign = np.sign(found["difference"].to_numpy())
        called.append(sign * found["is_significant"].to_numpy())
    seconds = time.process_time() - started
    return np.array(called, dtype=int), seconds


def calls(name: str, events: np.ndarray, trials: np.ndarray) -> Iterator[tuple]:
    """Winner (-1: none), whether any pair was called different, and CPU seconds."""
    rng = np.random.default_rng(1)
    arms, days = events.shape[1:]
    a, b = np.triu_indices(arms, k=1)
    with np.errstate(all="ignore"):
        leaders = (events / trials).argmax(axis=1)
    for i in range(len(events)):
        if name == "ville":
            found = [
                ville_pair(events[i, [x, y]], trials[i, [x, y]], rng)
                for x, y in zip(a, b)
            ]
            signs = np.array([sign for sign, _ in found])
            seconds = sum(second for _, second in found)
        else:
            signs, seconds = spotify_pairs(events[i], trials[i])
        leader = leaders[i]
        beats = ((a[:, None] == leader) & (signs == 1)) | (
            (b[:, None] == leader) & (signs == -1)
        )
        won = beats.sum(axis=0) == arms - 1
        winner = int(leader[won.argmax()]) if won.any() else -1
        yield winner, bool((signs != 0).any()), seconds


def main() -> None:
    """One engine over the experiments of one file."""
    name, path = sys.argv[1:]
    counts = np.load(path)
    events, trials = counts["events"], counts["trials"]
    list(calls(name, events[:2], trials[:2]))  # imports and caches are not timed
    found = list(calls(name, events, trials))
    print(
        json.dumps(
            {
                "version": importlib.metadata.version(name),
                "winner": [winner for winner, _, _ in found],
                "any_pair": [pair for _, pair, _ in found],
                "seconds": float(np.mean([second for _, _, second in found])),
            }
        )
    )


if __name__ == "__main__":
    main()
