"""Who picks a false winner, who finds a true one, and how fast: ours beside others.

Simulated experiments with 30 daily looks, judged by our rule, by a z-test and by a
"95 % chance to win" that are looked at daily, and by published engines where the
peers' interpreter has them. Then claims across topics, then the time. Run:

    python benchmarks/experiments.py                          (4,000 experiments)
    python benchmarks/experiments.py --quick                  (400, small timing)
    python benchmarks/experiments.py --peers-python .venv-bench/bin/python
    python benchmarks/experiments.py --upworthy dev.csv.gz    (real tests alone)
    python benchmarks/experiments.py --before DIR             (time of two builds alone)

A winner is an arm that beats every other; it is *false* where it is not truly the best
(with all arms equal or the top two tied, any is). `any pair` counts every two arms
that were called different. The single z of ours is looked at on day 14, evidence on all
30 days. Views come evenly or with a half-life of two days, 2,000 to 10,000 an arm, the
rate is 5 %. `organic` arms are single posts whose luck has sd 0.2; our rule is told
so, the others have no place for it. Times are CPU seconds of one process.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from peeking import months, upworthy
from peeking.audience import DAYS, Draw, Scenario, draw
from peeking.other_build import on_build
from peeking.peers import ask, installed
from peeking.rules import Calls, applied_rule, chance_to_win, naive_z, ours
from peeking.tables import percent, table
from peeking.timed import TIMED, seconds

LIFT = float(np.log(1.2))
NULL = (
    Scenario("2 equal", 2, (0.0, 0.0)),
    Scenario("3 equal", 3, (0.0, 0.0, 0.0)),
    Scenario("3, top two tied", 3, (0.0, 0.0, -0.5)),
    Scenario("3 equal", 3, (0.0, 0.0, 0.0), half_life=2.0),
    Scenario("3, top two tied", 3, (0.0, 0.0, -0.5), half_life=2.0),
    Scenario("organic, 2 equal", 2, (0.0, 0.0), sigma=0.2, half_life=2.0),
    Scenario("organic, 3 equal", 3, (0.0, 0.0, 0.0), sigma=0.2, half_life=2.0),
    Scenario("organic, top two tied", 3, (0, 0, -0.5), sigma=0.2, half_life=2.0),
)
POWER = (
    Scenario("2 arms, +20 %", 2, (LIFT, 0.0)),
    Scenario("3 arms, +20 %", 3, (LIFT, 0.0, 0.0)),
    Scenario("2 arms, +20 %", 2, (LIFT, 0.0), half_life=2.0),
    Scenario("3 arms, +20 %", 3, (LIFT, 0.0, 0.0), half_life=2.0),
    Scenario("2 arms, drawn", 2, None, half_life=2.0),
    Scenario("3 arms, drawn", 3, None, half_life=2.0),
    Scenario("organic, 2 arms, drawn", 2, None, sigma=0.2, half_life=2.0),
    Scenario("organic, 3 arms, drawn", 3, None, sigma=0.2, half_life=2.0),
)
RULES = {"ours": ours, "naive z": naive_z, "chance to win": chance_to_win}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--experiments", type=int, default=4000, help="a scenario")
    parser.add_argument("--timed", type=int, default=100_000, help="experiments")
    parser.add_argument("--engine-experiments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--upworthy", type=Path, help="the archive's file")
    parser.add_argument("--before", type=Path, help="time a checkout beside this one")
    given = parser.parse_args()
    if given.quick:
        given.experiments, given.timed = given.experiments // 10, given.timed // 10
        given.engine_experiments //= 10
    return given


def main() -> None:
    """Print every table."""
    given = arguments()
    if given.upworthy is not None:
        upworthy.report(given.upworthy, given.seed)
        return
    if given.before is not None:
        _time_both(given)
        return
    engines = installed(given.peers_python)
    print(
        f"{given.experiments:,} experiments a scenario, {DAYS} daily looks, seed "
        f"{given.seed}; engines: {', '.join(engines) or 'none installed'}\n"
    )
    _false_winners(given, engines)
    _power(given, engines)
    months.report(given.experiments, given.seed)
    _time(given, engines)


def _judged(
    given: argparse.Namespace, engines: list[str], drawn: Draw
) -> dict[str, Calls]:
    judged = {name: rule(drawn) for name, rule in RULES.items()}
    for engine in engines:
        asked = ask(given.peers_python, engine, drawn, given.engine_experiments)
        judged[engine] = asked.calls
    return judged


def _false_winners(given: argparse.Namespace, engines: list[str]) -> None:
    rows, pairs = [], []
    for number, scenario in enumerate(NULL):
        drawn = draw(scenario, given.experiments, given.seed + number)
        judged = _judged(given, engines, drawn)
        head = [scenario.name, scenario.told]
        n = [len(calls.winner) for calls in judged.values()]
        false = [int((calls.winner >= 0).sum()) for calls in judged.values()]
        rows.append(head + [percent(f, k) for f, k in zip(false, n, strict=True)])
        if scenario.effects == (0.0,) * scenario.arms:
            any_pair = [int(calls.any_pair.sum()) for calls in judged.values()]
            pairs.append(
                head + [percent(f, k) for f, k in zip(any_pair, n, strict=True)]
            )
    columns = ["arms", "views", *RULES, *_named(engines, given)]
    table("False winners, no difference at the top (aim: at most 5 %)", columns, rows)
    table("Any two equal arms called different", columns, pairs)


def _power(given: argparse.Namespace, engines: list[str]) -> None:
    rows, e_rows = [], []
    for number, scenario in enumerate(POWER):
        drawn = draw(scenario, given.experiments, given.seed + 100 + number)
        best = drawn.best()
        head = [scenario.name, scenario.told]
        judged = _judged(given, engines, drawn)
        cells = []
        for calls in judged.values():
            truth = best[: len(calls.winner)]
            right = int((calls.winner == truth).sum())
            wrong = int(((calls.winner >= 0) & (calls.winner != truth)).sum())
            n = len(truth)
            cells.append(f"{100 * right / n:.1f} / {100 * wrong / n:.1f}")
        rows.append(head + cells)
        e_rows.append(head + _ways(drawn, judged["ours"], best))
    columns = ["arms", "views", *RULES, *_named(engines, given)]
    table("A true difference: % right / % wrong winners", columns, rows)
    columns = ["arms", "views", "by e >= 40", "by day 14", "provisional", "of it right"]
    table("How ours got there", columns, e_rows)


def _ways(drawn: Draw, calls: Calls, best: np.ndarray) -> list[str]:
    """Shares of winners by e-values alone and not, and of provisional winners."""
    n = len(best)
    won = calls.winner >= 0
    by_e = won & applied_rule(drawn).by_e
    provisional = calls.provisional >= 0
    right = provisional & (calls.provisional == best)
    return [
        percent(by_e.sum(), n),
        percent((won & ~by_e).sum(), n),
        percent(provisional.sum(), n),
        percent(right.sum(), provisional.sum()),
    ]


def _named(engines: list[str], given: argparse.Namespace) -> list[str]:
    n = min(given.engine_experiments, given.experiments)
    return [f"{engine} (n = {n})" for engine in engines]


def _time(given: argparse.Namespace, engines: list[str]) -> None:
    drawn = draw(TIMED, given.timed, given.seed + 1000)
    took = seconds(given.timed, given.seed + 1000)
    cpu, wall = took["cpu"], took["wall"]
    each = cpu / given.timed
    rows = [["ours", given.timed, f"{cpu:.2f}", f"{1e6 * each:.1f} us", ""]]
    n = max(5, given.engine_experiments // 4)
    for engine in engines:
        asked = ask(given.peers_python, engine, drawn, n)
        total = asked.seconds * n
        rows.append(
            [
                asked.name,
                n,
                f"{total:.2f}",
                f"{1e6 * asked.seconds:,.0f} us",
                f"{asked.seconds / each:,.0f} x",
            ]
        )
    table(
        f"3 arms, {DAYS} looks (ours took {wall:.2f} s of wall time)",
        ["engine", "experiments", "CPU s", "an experiment", "ours is faster by"],
        rows,
    )


def _time_both(given: argparse.Namespace) -> None:
    """This build and the one before on the same draw, in turns, each thrice."""
    rows = []
    for name, build in (("before", given.before), ("this build", None)) * 3:
        took = on_build(build, "peeking.timed", given.timed, given.seed + 1000)
        rows.append([name, f"{took['cpu']:.2f}", f"{took['wall']:.2f}"])
    title = f"{given.timed:,} experiments, {DAYS} looks, 3 arms"
    table(title, ["build", "CPU s", "wall s"], rows)


if __name__ == "__main__":
    main()
