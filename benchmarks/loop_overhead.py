"""CPU time of Dagster and the tables in a two-month loop, beside another build.

`ig-assets loop` turns two months by the real command, in a process of its own, with a
STAND-IN for OpenAI in this process: no model works, so what the command takes is
Dagster, the tables, the pictures and the index. The builds alternate, so that a
drifting machine hits both; CPU seconds of the command, of all its threads. At the end
the tables of both are compared: what was published, decided and learnt from. Run:

    git worktree add ../before COMMIT
    python benchmarks/loop_overhead.py --before ../before [--rounds 3] [--months 2]
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

BUILD = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BUILD))

from ig_assets_tests.headless.loop_fixtures import command, new_loop  # noqa: E402
from ig_assets_tests.stand_ins.openai_server import OpenAIStandIn  # noqa: E402

# What the loop made; without ids of runs and the times of the machine.
MADE = {
    "variants": "SELECT variant_id, text, rejection FROM variants",
    "posts": "SELECT post_id, variant_id, slot, published_at, status FROM posts",
    "engagement": "SELECT post_id, metric, as_of, value FROM engagement",
    "decisions": "SELECT experiment_id, decided_at, decision, winner_arm, lift, reason "
    "FROM decisions",
    "evidence": "SELECT experiment_id, arm_a, arm_b, data_through, log_e, z "
    "FROM evidence",
    "examples": "SELECT month, example_id, kind, split, weight FROM training_examples",
    "models": "SELECT model_id, name, base_model FROM models",
}


def turned(checkout: Path, months: int) -> tuple[float, int, dict[str, list[Any]]]:
    """CPU seconds of a loop with the code of a checkout, its runs, and what it made."""
    with tempfile.TemporaryDirectory() as folder, OpenAIStandIn() as stand_in:
        loop = new_loop(Path(folder), stand_in)
        began = os.times()
        subprocess.run(
            command("loop", "--months", str(months), "--json"),
            env=loop.env | {"PYTHONPATH": str(checkout)},
            cwd=loop.data_dir,
            check=True,
            capture_output=True,
        )
        ended = os.times()
        user = ended.children_user - began.children_user
        system = ended.children_system - began.children_system
        with duckdb.connect(loop.data_dir / "warehouse.duckdb", read_only=True) as con:
            con.execute("SET search_path = 'ig'")
            made = {
                name: sorted(map(str, con.execute(sql).fetchall()))
                for name, sql in MADE.items()
            }
        return user + system, _runs(loop.dagster_home), made


def _runs(dagster_home: Path) -> int:
    with closing(sqlite3.connect(dagster_home / "history" / "runs.db")) as con:
        ((count,),) = con.execute("SELECT count(*) FROM runs").fetchall()
    return int(count)


def main() -> None:
    """Print the seconds of both builds, their ratio, and whether they made the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, required=True, help="a checkout")
    parser.add_argument("--months", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    builds = {"before": given.before.resolve(), "this build": BUILD}
    seconds: dict[str, list[float]] = {name: [] for name in builds}
    runs: dict[str, int] = {}
    made: dict[str, dict[str, list[Any]]] = {}
    for _ in range(given.rounds):
        for name, checkout in builds.items():
            took, runs[name], made[name] = turned(checkout, given.months)
            seconds[name].append(took)
    for name, found in seconds.items():
        print(
            f"{name:11} {statistics.median(found):6.1f} CPU s "
            f"(median of {given.rounds}), {runs[name]} Dagster runs"
        )
    pairs = zip(*seconds.values(), strict=True)
    ratio = statistics.median(before / after for before, after in pairs)
    print(f"ratio       {ratio:6.2f} (pair by pair, median)")
    for name in MADE:
        before, after = made["before"][name], made["this build"][name]
        same = "the same" if before == after else "OTHERS"
        print(f"{name:11} {len(before):6} and {len(after)} rows, {same}")
    if made["before"] != made["this build"]:
        sys.exit("The two builds did not make the same.")


if __name__ == "__main__":
    main()
