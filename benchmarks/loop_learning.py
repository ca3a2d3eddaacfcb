"""Does the loop learn what its audience likes? 24 simulated months per run.

    python benchmarks/loop_learning.py                       (500 placebo runs)
    python benchmarks/loop_learning.py --placebos 20 --runs 2

Everything is SIMULATED: see `ranking/loop_worlds.py` and docs/simulated-audience.md.
The learner chooses two of six hooks per topic, beside one at random, once it is
proven. The placebo is the same, but the figures of each topic are dealt anew among its
posts; it chooses without waiting for a proof, so that there is a lift to claim. The
drifting audience turns its preferences into others and back within the months.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterable

import numpy as np
from peeking.tables import percent, table
from ranking.loop_worlds import Pool, Turned, World, turn

E_CLAIM = 20.0


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20, help="of learner and drift")
    parser.add_argument("--placebos", type=int, default=500)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--topics", type=int, default=12, help="per month")
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    given = parser.parse_args()
    pool, started = Pool.written(), time.process_time()

    seeds = range(given.seed, given.seed + given.runs)
    size = {"months": given.months, "topics": given.topics}
    if given.runs:
        learners = [turn(World(seed, **size), pool) for seed in seeds]
        _print_lifts("Learner", learners, given.months)
        drift = float(given.months)
        drifting = [
            turn(World(seed, **size, drift_months=drift), pool) for seed in seeds
        ]
        _print_lifts("Drifting audience", drifting, given.months)
    seeds = range(given.seed, given.seed + given.placebos)
    placebos = [
        turn(World(seed, **size, waits=False, shuffled=True), pool) for seed in seeds
    ]
    if placebos:
        _print_placebos(placebos)
    print(f"{time.process_time() - started:.0f} CPU seconds")


def _print_lifts(name: str, runs: list[Turned], months: int) -> None:
    proven = [run.proven_after for run in runs if run.proven_after is not None]
    lost = [run.lost_after for run in runs if run.lost_after is not None]
    lifts = [run.lift for run in runs if run.lifts]
    means = [lift.mean for lift in lifts if lift.mean is not None]
    found = sum(lift.decides(E_CLAIM) == 1 for lift in lifts)
    worse = sum(lift.decides(E_CLAIM) == -1 for lift in lifts)
    table(
        f"{name}: {len(runs)} runs of {months} months",
        ["", "value"],
        [
            ["proven (e >= 20 by its bets)", percent(len(proven), len(runs))],
            ["median month of the proof", _median(proven, ".0f")],
            ["proof taken back (e >= 1000 against it)", percent(len(lost), len(runs))],
            ["median month of that", _median(lost, ".0f")],
            ["median months in which it chose", _median(map(_chose, runs), ".0f")],
            ["median lift of its hooks over one at random", _lift(means)],
            ["lift claimed better (e >= 20 over months)", percent(found, len(runs))],
            ["lift claimed worse", percent(worse, len(runs))],
            ["median e-value of the lift", _median(map(_e, runs), ".3g")],
            ["median calibration slope", _median((r.slope() for r in runs), ".2f")],
            ["the same, last six months", _median((r.slope(6) for r in runs), ".2f")],
        ],
    )


def _print_placebos(runs: list[Turned]) -> None:
    proven = sum(run.proven_after is not None for run in runs)
    claims = [run.lift.decides(E_CLAIM) for run in runs]
    means = [run.lift.mean for run in runs if run.lift.mean is not None]
    n = len(runs)
    table(
        f"Placebo (labels shuffled): {n} runs",
        ["false claim", "runs", "share", "at most 5 %?"],
        [
            ["proven by its bets", proven, percent(proven, n), _within(proven, n)],
            ["its hooks are better", claims.count(1), percent(claims.count(1), n), ""],
            ["its hooks are worse", claims.count(-1), percent(claims.count(-1), n), ""],
            [
                "either",
                n - claims.count(0),
                percent(n - claims.count(0), n),
                _within(n - claims.count(0), n),
            ],
            ["(median lift)", "", _lift(means), ""],
        ],
    )


def _within(count: int, of: int) -> str:
    """Whether so many of so many are no sign of a rate above 5 %."""
    return "yes" if count <= 0.05 * of + 1.64 * math.sqrt(0.05 * 0.95 * of) else "NO"


def _chose(run: Turned) -> float:
    return float(sum(run.proven_in[:-1]))


def _e(run: Turned) -> float:
    return math.exp(min(run.lift.log_e_of_leader, 700.0))


def _median(values: Iterable[float], form: str) -> str:
    known = [value for value in values if not math.isnan(value)]
    return f"{np.median(known):{form}}" if known else "-"


def _lift(means: list[float]) -> str:
    return f"{math.expm1(float(np.median(means))):+.1%}" if means else "-"


if __name__ == "__main__":
    main()
