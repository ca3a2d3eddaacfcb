"""How long the code location takes to load, and its memory, beside a bare Dagster one.

Each load is a process of its own, as Dagster loads it; ours and the bare location (one
asset, no resources) alternate, so that a drifting machine hits both. Run:

    python benchmarks/load_time.py [RUNS]
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

OURS = "from ig_assets.definitions import defs; d = defs()"
# The peer: the least that Dagster can load.
BARE = (
    "import dagster as dg\n"
    "@dg.asset\n"
    "def one() -> None: ...\n"
    "d = dg.Definitions(assets=[one])"
)
# ru_maxrss is in kilobytes on Linux, in bytes on macOS.
MEASURE = """
import json, resource, sys, time
started = time.perf_counter()
{code}
d.get_repository_def()
seconds = time.perf_counter() - started
scale = 1e6 if sys.platform == "darwin" else 1e3
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
heavy = sorted(
    {{"openai", "pandas", "faiss", "onnxruntime", "scipy", "matplotlib", "tokenizers"}}
    & set(sys.modules)
)
print(json.dumps([seconds, memory, heavy]))
"""


def measure(code: str) -> tuple[float, float, list[str]]:
    """Seconds to load and build the repository, peak memory in MB, heavy imports."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEASURE.format(code=code)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, memory, heavy = json.loads(done.stdout.splitlines()[-1])
    return seconds, memory, heavy


def main() -> None:
    """Print medians and their ratio."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    measure(OURS), measure(BARE)  # warm the file cache
    ours, bare = [], []
    for _ in range(runs):
        ours.append(measure(OURS))
        bare.append(measure(BARE))
    for name, rows in (("ig_assets", ours), ("bare Dagster", bare)):
        seconds = [row[0] for row in rows]
        memory = statistics.median(row[1] for row in rows)
        print(
            f"{name:13} {statistics.median(seconds):.2f} s median of {runs} "
            f"({min(seconds):.2f} to {max(seconds):.2f}), {memory:.0f} MB"
        )
    ratios = [a[0] / b[0] for a, b in zip(ours, bare, strict=True)]
    print(f"ratio         {statistics.median(ratios):.2f} (pair by pair, median)")
    print(f"heavy imports {', '.join(ours[0][2]) or 'none'}")


if __name__ == "__main__":
    main()
