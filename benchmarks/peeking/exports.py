"""Imports exports of tests one after the other and prints who won after each.

    python -m peeking.exports SCENARIO TESTS SEED      (JSON on standard output)
    python -m peeking.exports archive FILE SHARES FLAG

It uses nothing but the product's import and its results stage, so that it runs on an
earlier build as well.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ig_assets.core.corpus.history_import.importer import import_history
from ig_assets.core.corpus.history_import.planning.plan import ImportOptions
from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.warehouse.warehouse import Warehouse

EXPORTS = 6
LATE = 3
"""The export in which a late arm appears first (counted from 0: the fourth)."""
VIEWS = (300, 1500)
RATE = 0.05
SCENARIOS: Mapping[str, tuple[tuple[float, ...], int | None]] = {
    "2 equal arms": ((0.0, 0.0), None),
    "3 arms, top two tied": ((0.0, 0.0, -0.4), None),
    "tied arm comes late": ((0.0, -0.4, 0.0), 2),
    "third arm comes late, top two tied": ((0.0, 0.0, -0.4), 2),
    "3 equal arms, one late": ((0.0, 0.0, 0.0), 2),
    "late arm, +20 % true": ((0.1823, 0.0, 0.0), 2),
}
"""The arms' true log rates over the base, and which arm comes late."""
COLUMNS = ("clickability_test_id", "arm", "headline", "impressions", "clicks")


class Clock:
    """A clock that moves a day per export."""

    def __init__(self) -> None:
        self.present = datetime(2026, 1, 1)

    def now(self) -> datetime:
        return self.present


class History:
    """A new warehouse that takes in one export after the other."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.folder = folder
        url = f"duckdb:///{folder / 'w.duckdb'}"
        self.warehouse = Warehouse(url, self.clock.now)

    def take_in(
        self, rows: Iterable[tuple[Any, ...]], is_running: bool = False
    ) -> dict[str, tuple[str, str | None]]:
        """Import and decide; of each test by name: its decision and winner."""
        self.clock.present += timedelta(days=1)
        file = self.folder / f"export-{self.clock.present:%m%d}.csv"
        with file.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.writer(lines)
            writer.writerow(COLUMNS)
            writer.writerows(rows)
        options = ImportOptions(source="simulated")
        import_history(self.warehouse, self.clock, file, options)
        self._flag(is_running)
        update_results(self.warehouse, self.clock)
        with self.warehouse.transaction() as con:
            found = con.execute(
                "SELECT e.intent_key, d.decision, d.winner_arm "
                "FROM latest_decisions AS d JOIN experiments AS e "
                "ON e.experiment_id = d.experiment_id"
            ).fetchall()
        return {name: (decision, arm) for name, decision, arm in found}

    def _flag(self, is_running: bool) -> None:
        """What the import's column says of a test that is running."""
        with self.warehouse.transaction() as con:
            columns = {row[0] for row in con.execute("DESCRIBE experiments").fetchall()}
            if "is_running" in columns:
                con.execute("UPDATE experiments SET is_running = ?", [is_running])


def simulate(scenario: str, tests: int, seed: int) -> dict[str, Any]:
    """How many tests had a winner after any export, and after the last one.

    Before a late arm that is as good as the best has come, the other may win rightly:
    these exports do not count.
    """
    effects, late = SCENARIOS[scenario]
    rng = np.random.default_rng(seed)
    arms = len(effects)
    views = rng.integers(*VIEWS, (EXPORTS, tests, 1)) + np.zeros((1, 1, arms), int)
    likes = rng.binomial(views, RATE * np.exp(np.array(effects)))
    ever: dict[str, set[str]] = {}
    with tempfile.TemporaryDirectory(prefix="exports_") as folder:
        history = History(Path(folder))
        for number in range(EXPORTS):
            there = [a for a in range(arms) if a != late or number >= LATE]
            first = {a: LATE if a == late else 0 for a in there}
            rows = [
                (
                    f"t{test}",
                    f"arm {a}",
                    f"headline {test} {a}",
                    int(views[first[a] : number + 1, test, a].sum()),
                    int(likes[first[a] : number + 1, test, a].sum()),
                )
                for test in range(tests)
                for a in there
            ]
            last = history.take_in(rows)
            is_complete = late is None or effects[late] < max(effects) or number >= LATE
            for name, (_, winner) in last.items():
                if winner is not None and is_complete:
                    ever.setdefault(name, set()).add(winner)
        history.warehouse.close()
    after = sum(winner is not None for _, winner in last.values())
    right = sum(winner == "arm 0" for _, winner in last.values())
    return {"tests": tests, "ever": len(ever), "after": after, "right": right}


def archive(file: Path, shares: list[float], flag: bool) -> list[dict[str, Any]]:
    """The archive's decisions after imports of growing shares of its traffic.

    With `flag` every import but the last says that the tests are running.
    """
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        packages = list(csv.DictReader(lines))
    rng = np.random.default_rng(1)
    seen = np.array([int(float(row["impressions"])) for row in packages])
    clicks = np.array([int(float(row["clicks"])) for row in packages])
    position: dict[str, int] = {}
    names = []
    for row in packages:
        test = row["clickability_test_id"]
        position[test] = position.get(test, 0) + 1
        names.append((test, f"arm {position[test]}", row["headline"].strip()))
    found, taken, hit = [], np.zeros_like(seen), np.zeros_like(seen)
    with tempfile.TemporaryDirectory(prefix="archive_") as folder:
        history = History(Path(folder))
        for share in shares:
            more = np.round(seen * share).astype(int) - taken
            left = seen - taken
            hits = rng.hypergeometric(clicks - hit, left - clicks + hit, more)
            taken, hit = taken + more, hit + hits
            rows = [
                (*name, int(n), int(k))
                for name, n, k in zip(names, taken, hit, strict=True)
            ]
            is_running = flag and share < 1
            found.append(history.take_in(rows, is_running))
        history.warehouse.close()
    return found


if __name__ == "__main__":
    if sys.argv[1] == "archive":
        parts = [float(part) for part in sys.argv[3].split(",")]
        print(json.dumps(archive(Path(sys.argv[2]), parts, sys.argv[4] == "running")))
    else:
        print(json.dumps(simulate(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
