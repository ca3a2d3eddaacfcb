"""How long a month's files take, and how much memory: rows in a warehouse → JSONL.

    python benchmarks/training_files.py --size 1000000

Made up: supervised examples and pairs of 60 words, four out of five for training. A
process of its own stores them, in the order of their ids as the product does. What is
measured is `write_datasets`: lines checked, tokens counted, hashes, manifests, and
an edge for every example. `splits.py` measures what comes before, the grouping.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ig_assets.core.fine_tuning.training_set.dataset_files import write_datasets
from ig_assets.warehouse.warehouse import Warehouse

MONTH = "2026-03"
NOW = datetime(2026, 4, 1, 3)

_ROWS = """
INSERT INTO training_examples (
    month, example_id, kind, split, group_id, weight, reason, prompt, completion,
    rejected, revision_hash, decision_ref, simulated
)
SELECT '2026-03', md5('x' || i), CASE WHEN i % 2 = 0 THEN 'sft' ELSE 'dpo' END,
    CASE WHEN i % 5 = 0 THEN 'validation' ELSE 'train' END, 'g' || (i // 2),
    0.5, 'winner: +32 % over b, e=81', 'Topic: topic ' || i || chr(10) ||
    'Language: en' || chr(10) || chr(10) || 'Write one new script about "topic ' || i
    || '".', {words}, CASE WHEN i % 2 = 1 THEN 'worse ' || {words} END, md5('r' || i),
    'e' || (i // 2), TRUE
FROM range(?) AS r(i)
ORDER BY 2
"""
_WORDS = (
    "array_to_string(list_transform(range(60), "
    "j -> 'w' || ((i * 7919 + j * 104729) % 5000)), ' ')"
)


class FixedClock:
    """One instant."""

    def now(self) -> datetime:
        """The instant."""
        return NOW


def peak_mb() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def home(place: Path) -> Warehouse:
    """The warehouse in a folder."""
    return Warehouse(f"duckdb:///{place / 'w.duckdb'}", lambda: NOW)


def main(arguments: Sequence[str]) -> int:
    """Print one line for the set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=20_000)
    parser.add_argument("--plant", type=Path, help="only store the examples there")
    given = parser.parse_args(arguments)
    if given.plant:
        warehouse = home(given.plant)
        with warehouse.transaction() as con:
            con.execute(_ROWS.format(words=_WORDS), [given.size])
        warehouse.close()
        return 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        plant = [sys.executable, __file__, "--size", str(given.size), "--plant", folder]
        subprocess.run(plant, check=True)
        warehouse = home(place)
        before, started, used = peak_mb(), time.perf_counter(), time.process_time()
        found = write_datasets(warehouse, FixedClock(), MONTH, place, 7, "base")
        seconds = time.perf_counter() - started
        cpu_seconds = time.process_time() - used
        warehouse.close()
        size = sum(file.path.stat().st_size for file in found.files) / 1e6
    print(
        f"{found.lines:,} lines, {found.tokens:,} tokens, {size:,.0f} MB: "
        f"{seconds:.1f} s ({cpu_seconds:.1f} CPU seconds), peak memory "
        f"{peak_mb():,.0f} MB ({before:,.0f} MB before)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
