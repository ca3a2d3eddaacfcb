"""How long the reader of tables takes, beside pandas and DuckDB with rejects stored.

Each reader runs in a process of its own and gives all cells to Python in batches; the
readers take turns, so that a drifting machine hits all of them. Run:

    python benchmarks/tabular.py [ROWS] [ROUNDS]
"""

from __future__ import annotations

import csv
import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SEED = 2026
WORDS = "salt pan onion knife heat turn the your wait then lid oil cut dry".split()
HEADER = ("Post ID", "Description", "Publish time", "Views", "Reach", "Likes", "Saves")

READERS = {
    "ours": """
from pathlib import Path
from ig_assets.core.tabular import open_table
for batch in open_table(Path(file), file).batches():
    rows += len(batch.rows)
    rejected += len(batch.problems)
""",
    "DuckDB, rejects stored": """
import duckdb
con = duckdb.connect()
con.execute("SET enable_progress_bar = false")
found = con.execute(
    "FROM read_csv(?, store_rejects = true, strict_mode = true)", [file]
)
while part := found.fetchmany(10_000):
    rows += len(part)
[(rejected,)] = con.execute("SELECT count(*) FROM reject_errors").fetchall()
""",
    "DuckDB, into a table": """
import duckdb
con = duckdb.connect()
con.execute("SET enable_progress_bar = false")
con.execute(
    "CREATE TABLE t AS FROM read_csv(?, store_rejects = true, strict_mode = true)",
    [file],
)
[(rows,)] = con.execute("SELECT count(*) FROM t").fetchall()
[(rejected,)] = con.execute("SELECT count(*) FROM reject_errors").fetchall()
""",
    "pandas": """
import pandas as pd
for part in pd.read_csv(file, dtype=str, keep_default_na=False, chunksize=100_000,
                        on_bad_lines="skip"):
    rows += len(part.values.tolist())
""",
}
# ru_maxrss is in kilobytes on Linux, in bytes on macOS.
MEASURE = """
import json, resource, sys, time
file, rows, rejected = sys.argv[1], 0, 0
started, cpu = time.perf_counter(), time.process_time()
{code}
scale = 1e6 if sys.platform == "darwin" else 1e3
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
print(json.dumps([time.perf_counter() - started, time.process_time() - cpu, memory,
                  rows, rejected]))
"""


def write_export(file: Path, rows: int, spoilt: bool) -> None:
    """A scheduler's export; `spoilt` has an open quote in every 100,000th row."""
    draw = random.Random(SEED)
    with file.open("w", encoding="utf-8", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(HEADER)
        for n in range(rows):
            words = " ".join(draw.choices(WORDS, k=9))
            if n % 3 == 0:
                words += ", ok"
            if n % 10 == 0:
                words += "\nSave it."
            counts = (n % 99_999, n % 5_555, n % 333, n % 7)
            row = (18 * 10**15 + n, words, f"2026-03-{n % 28 + 1:02d} 18:00", *counts)
            if spoilt and n % 100_000 == 50_000:
                out.write(f'{row[0]},"The pan is too cold,{row[2]},1,1,1,1\r\n')
            else:
                lines.writerow(row)


def measure(code: str, file: Path) -> list[float]:
    """Seconds, CPU seconds, peak memory in MB, rows and rejected rows."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEASURE.format(code=code), str(file)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return []
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print medians, and the ratios to DuckDB with rejects stored."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    for spoilt in (False, True):
        with tempfile.TemporaryDirectory(prefix="tabular_") as folder:
            file = Path(folder) / "export.csv"
            write_export(file, rows, spoilt)
            _compare(file, rows, rounds, spoilt)


def _compare(file: Path, rows: int, rounds: int, spoilt: bool) -> None:
    size = file.stat().st_size / 1e6
    kind = "with open quotes" if spoilt else "without a fault"
    print(f"\n{rows:,} rows {kind}, {size:,.0f} MB, median of {rounds}")
    taken: dict[str, list[list[float]]] = {name: [] for name in READERS}
    for _ in range(rounds):
        for name, code in READERS.items():
            if found := measure(code, file):
                taken[name].append(found)
    peer = taken["DuckDB, rejects stored"]
    base = statistics.median(run[0] for run in peer) if peer else None
    print(
        f"{'reader':24}{'s':>8}{'ratio':>8}{'CPU s':>8}{'MB':>8}{'rows':>11}  rejects"
    )
    for name, runs in taken.items():
        if not runs:
            print(f"{name:24}  cannot read it")
            continue
        seconds, cpu, memory, found, rejected = map(
            statistics.median, zip(*runs, strict=True)
        )
        ratio = f"{seconds / base:8.2f}" if base else f"{'':8}"
        print(
            f"{name:24}{seconds:8.2f}{ratio}{cpu:8.2f}{memory:8.0f}{found:11,.0f}"
            f"  {rejected:,.0f}"
        )


if __name__ == "__main__":
    main()
