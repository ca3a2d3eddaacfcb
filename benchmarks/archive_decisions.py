"""Compares the decisions on the Upworthy archive between two versions, test by test.

Run with the older version's checkout on PYTHONPATH and `--write old.json`, then with
the newer one's and `--against old.json`. An arm's label may differ between versions;
the winner is compared by its words, image and counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ig_assets.core.corpus.history_import.importer import import_history
from ig_assets.core.corpus.history_import.planning.plan import ImportOptions
from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Warehouse

ROOT = Path(__file__).resolve().parent.parent
ARCHIVE = ROOT.parent / "shared" / "data" / "upworthy" / "dev.csv.gz"
SHOWN = 10

_DECISIONS = """
SELECT e.intent_key AS test, d.decision, round(d.lift, 9) AS lift,
       d.winner_revision_hash AS words, p.detail AS image,
       max(g.value) FILTER (WHERE g.metric = 'clicks') AS clicks,
       max(g.value) FILTER (WHERE g.metric = 'impressions') AS impressions
FROM latest_decisions AS d
JOIN experiments AS e
  ON e.experiment_id = d.experiment_id
LEFT JOIN posts AS p
  ON p.experiment_id = d.experiment_id
 AND p.arm = d.winner_arm
LEFT JOIN engagement AS g
  ON g.post_id = p.post_id
GROUP BY ALL
ORDER BY test
"""


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC).replace(tzinfo=None)


def decisions(archive: Path) -> dict[str, list[Any]]:
    """Import the archive once and decide it: what was decided, by the test's name."""
    with tempfile.TemporaryDirectory(prefix="archive_") as folder:
        clock = _Clock()
        warehouse = Warehouse(f"duckdb:///{Path(folder) / 'w.duckdb'}", clock.now)
        started = time.process_time()
        report = import_history(
            warehouse, clock, archive, ImportOptions(by_name=True, source="archive")
        )
        update_results(warehouse, clock)
        seconds = time.process_time() - started
        with warehouse.transaction() as con:
            rows = fetch_dicts(con, _DECISIONS)
    print(
        f"{report.imported:,} of {report.rows_read:,} rows, {report.experiments:,} "
        f"tests, {seconds:.1f} s (CPU)"
    )
    return {row.pop("test"): list(row.values()) for row in rows}


def main() -> None:
    """Print the decisions' kinds, and those that differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, default=ARCHIVE)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--against", type=Path)
    options = parser.parse_args()
    found = decisions(options.archive)
    print(Counter(decision for decision, *_ in found.values()))
    if options.write:
        options.write.write_text(json.dumps(found), encoding="utf-8")
    if options.against:
        before = json.loads(options.against.read_text(encoding="utf-8"))
        tests = sorted({*before, *found})
        differing = [t for t in tests if before.get(t) != found.get(t)]
        print(f"{len(tests) - len(differing):,} of {len(tests):,} tests the same")
        for test in differing[:SHOWN]:
            print(test, before.get(test), found.get(test))
        raise SystemExit(1 if differing else 0)


if __name__ == "__main__":
    main()
