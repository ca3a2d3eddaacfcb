"""What a transaction of the warehouse costs, beside an earlier build.

    python benchmarks/warehouse.py
    python benchmarks/warehouse.py --before ../ig-assets-before --rounds 5

`--before` is a checkout of the other build (for the one door: ca7b748). Each build runs
in a process of its own, the builds in turn, on a migrated file of its own. Measured per
transaction: `cpu`, the process's own time, all of its threads, until the file is
detached; `wall`, what the caller waits for. *insert* writes one row, *read* fetches
1,000. *alone*: each waits until the file is detached; *burst*: 100, one at once after
the other; *shared*: alone while a second process writes a row every 20 ms, of which
`waits` is the longest time until its transaction began. The
table that is written to starts empty: a checkpoint, which both builds make, writes its
last 122,880 rows anew. The table has the medians over
the rounds; × is the earlier build's figure divided by this one's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

Seen = dict[str, Any]
WORK = ("insert", "read")
CASES = ("alone", "burst", "shared")

CHILD = """
import json, sys, time
from datetime import datetime
try:
    from ig_assets.warehouse.warehouse import Warehouse
except ImportError:
    from ig_assets.warehouse.connection import Warehouse

order = json.loads(sys.argv[1])
home = Warehouse(order["url"], lambda: datetime(2026, 5, 1))
rest = getattr(home, "close", lambda: None)

def insert(con, n):
    row = [order["name"] + str(n), "e"]
    con.execute("INSERT INTO posts (post_id, experiment_id) VALUES (?, ?)", row)

def read(con, n):
    con.execute("SELECT * FROM engagement LIMIT 1000").fetchall()

if order["case"] == "second":
    waits = []
    with home.transaction() as con:
        insert(con, 0)
    print("ready", flush=True)
    end = time.monotonic() + order["seconds"]
    while time.monotonic() < end:
        started = time.perf_counter()
        with home.transaction() as con:
            waits.append((time.perf_counter() - started) * 1e3)
            insert(con, len(waits))
        time.sleep(0.02)
    print(json.dumps(waits))
    sys.exit()

with home.transaction() as con:
    if order["case"] != "shared":
        con.execute("DELETE FROM posts")
    if order["case"] == "fill":
        con.execute(
            "INSERT INTO engagement (post_id, metric, value) "
            "SELECT 'p' || i, 'reach', i FROM range(1000) AS t(i)"
        )
if order["case"] == "fill":
    rest()
    sys.exit()

work = {"insert": insert, "read": read}[order["work"]]
for n in range(3):  # DuckDB loads pandas at the first parameter
    with home.transaction() as con:
        work(con, -n)
rest()
print("ready", flush=True)
sys.stdin.readline()
# Beside a second process the file is detached when that asks for it, and is not waited
# for here; alone, the pause is longer than the file lingers, and sleeping takes no CPU.
burst, pause_s = order["case"] == "burst", 0.15
walls, cpu = [], time.process_time()
for n in range(order["transactions"]):
    started = time.perf_counter()
    with home.transaction() as con:
        work(con, n)
    walls.append((time.perf_counter() - started) * 1e3)
    if not burst:
        time.sleep(pause_s)
rest()
cpu = (time.process_time() - cpu) * 1e3 / len(walls)
wall = sum(walls) / len(walls) if burst else sorted(walls)[len(walls) // 2]
print(json.dumps({"cpu": cpu, "wall": wall}))
"""


def run(build: Path, folder: Path, case: str, **order: Any) -> subprocess.Popen[str]:
    """One process of a build at the file in its folder."""
    order |= {"url": f"duckdb:///{folder / 'w.duckdb'}", "case": case}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, json.dumps(order)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(build)},
    )


def answer(process: subprocess.Popen[str]) -> Any:
    """The last line that a process prints."""
    output, _ = process.communicate("go\n", timeout=900)
    if process.returncode:
        raise SystemExit(f"a process of the benchmark failed: {process.args}")
    return json.loads(output.splitlines()[-1])


def wait_until_ready(process: subprocess.Popen[str]) -> None:
    """Until a process has loaded what its first transactions load."""
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise SystemExit(f"a process of the benchmark failed: {process.args}")


def measure(build: Path, folder: Path, case: str, work: str, count: int) -> Seen:
    """One case of a build: cpu and wall in ms per transaction."""
    first = run(build, folder, case, work=work, name=work, transactions=count)
    wait_until_ready(first)
    second = None
    if case == "shared":
        seconds = 0.25 * count
        second = run(build, folder, "second", name="second", seconds=seconds)
        wait_until_ready(second)
    seen: Seen = answer(first)
    if second is not None:
        waits = answer(second)
        seen["waits"] = max(waits)
        seen["p95_wait"] = sorted(waits)[int(len(waits) * 0.95)]
        seen["median_wait"] = statistics.median(waits)
    return seen


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", type=Path, help="a checkout of an earlier build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--alone", type=int, default=15, help="transactions a round")
    parser.add_argument("--json", type=Path, help="write everything that was measured")
    return parser.parse_args()


def main() -> None:
    """Run it and print it."""
    options = arguments()
    builds = {"now": Path(__file__).resolve().parent.parent}
    if options.before:
        builds["before"] = options.before.resolve()
    found: dict[str, dict[str, list[Seen]]] = {}
    with tempfile.TemporaryDirectory(prefix="warehouse_") as scratch:
        for name, build in builds.items():
            folder = Path(scratch) / name
            folder.mkdir()
            if run(build, folder, "fill").wait():
                raise SystemExit(f"the build {build} cannot be measured")
        for _ in range(options.rounds):
            for case in CASES:
                for work in WORK:
                    for name, build in builds.items():
                        count = 100 if case == "burst" else options.alone
                        seen = measure(build, Path(scratch) / name, case, work, count)
                        found.setdefault(f"{case} {work}", {}).setdefault(
                            name, []
                        ).append(seen)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, {options.rounds} rounds, load average {load}")
    print(f"{'ms per transaction':16} {'':8} {'before':>9} {'now':>9} {'×':>7}")
    for case, by_build in found.items():
        for figure in ("cpu", "wall", "waits", "p95_wait", "median_wait"):
            if figure in by_build["now"][0]:
                print_row(case, figure, by_build)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


def print_row(case: str, figure: str, by_build: dict[str, list[Seen]]) -> None:
    """The medians over the rounds; of the longest wait the longest of all rounds."""
    over = max if figure == "waits" else statistics.median
    now = over([seen[figure] for seen in by_build["now"]])
    row = f"{case:16} {figure:12}"
    if "before" in by_build:
        before = over([seen[figure] for seen in by_build["before"]])
        print(f"{row} {before:9.2f} {now:9.2f} {before / now:7.1f}")
    else:
        print(f"{row} {'':9} {now:9.2f}")


if __name__ == "__main__":
    main()
