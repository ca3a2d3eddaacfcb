"""False winners when exports grow and arms come late, and tests that are running.

Each simulated test is imported six times, with more counts each time, and decided
after each import by the product itself; a late arm is in the last three exports only.
A winner is false where the top arms are tied: counted are tests that had one after any
export. The archive of real tests is imported at once, and in three parts. Run:

    python benchmarks/growing_exports.py --before DIR
    python benchmarks/growing_exports.py --before DIR --upworthy dev.csv.gz

DIR is a checkout of an earlier build, which takes in the same files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from peeking.exports import SCENARIOS
from peeking.other_build import exact, on_build
from peeking.tables import table


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=int, default=2000, help="a scenario")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--before", type=Path, help="a checkout of an earlier build")
    parser.add_argument("--upworthy", type=Path, help="the archive's file")
    given = parser.parse_args()
    builds: dict[str, Path | None] = {"this build": None}
    if given.before is not None:
        builds["before"] = given.before
    if given.upworthy is not None:
        _archive(given.upworthy.resolve(), builds)
        return
    rows = []
    for scenario, (effects, _) in SCENARIOS.items():
        best = max(effects)
        is_tied = sum(effect == best for effect in effects) > 1
        row = [scenario]
        for build in builds.values():
            found = on_build(
                build, "peeking.exports", scenario, given.tests, given.seed
            )
            row.append(exact(found["ever"], given.tests) if is_tied else "-")
            row.append(exact(found["right"], given.tests) if not is_tied else "-")
        rows.append(row)
    head = [f"{kind}, {name}" for name in builds for kind in ("false", "right")]
    table(f"{given.tests:,} tests a row, six exports", ["arms", *head], rows)


def _archive(file: Path, builds: dict[str, Path | None]) -> None:
    once = {
        name: on_build(build, "peeking.exports", "archive", file, "1", "over")[-1]
        for name, build in builds.items()
    }
    parts = {
        "at 10, 50 and 100 %, said to be running": ("this build", "running"),
        "at 10, 50 and 100 %, not said": ("this build", "over"),
        "at 10, 50 and 100 %, before": ("before", "over"),
    }
    ours = once["this build"]
    winners = {name for name, (_, arm) in ours.items() if arm is not None}
    rows = [["at once, this build", len(winners), "", "", ""]]
    if "before" in once:
        before = once["before"]
        same = sum(before.get(name) == decision for name, decision in ours.items())
        rows.append(
            [
                "at once, before",
                sum(arm is not None for _, arm in before.values()),
                f"{same:,} of {len(before):,} decisions equal",
                "",
                "",
            ]
        )
    for title, (name, flag) in parts.items():
        if name not in builds:
            continue
        shares = "0.1,0.5,1"
        found = on_build(
            builds[name], "peeking.exports", "archive", file, shares, flag
        )[-1]
        won = {test for test, (_, arm) in found.items() if arm is not None}
        both = won & winners
        other = sum(found[test][1] != ours[test][1] for test in both)
        rows.append(
            [title, len(won), f"{len(both) - other} the same", len(won - winners)]
            + [len(winners - won) + other]
        )
    columns = ["import", "winners", "beside at once", "more", "lacking or other"]
    table(f"{len(ours):,} tests of the archive", columns, rows)


if __name__ == "__main__":
    main()
