"""One run of one contestant in a process of its own; the runner reads its result.

    python -m contest.child '{"name": "ours", "action": "sync", …}'

Seconds are those of the run, with its stores opened from disk and without imports;
memory is the peak of the process.
"""

from __future__ import annotations

import importlib.metadata
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contest.entrant import ENTRIES, Entry, Place
from contest.vectors import text_vector

SAME = 0.999


def main() -> None:
    """Do what the order says and write the result where it says."""
    order = json.loads(sys.argv[1])
    entry = ENTRIES[order["name"]]
    place = Place(
        library=Path(order["library"]),
        state=Path(order["state"]),
        base_url=order["base_url"],
        dimensions=order["dimensions"],
    )
    place.state.mkdir(parents=True, exist_ok=True)
    result = ACTIONS[order["action"]](entry, place, order)
    Path(order["result"]).write_text(json.dumps(result), encoding="utf-8")


def _hello(entry: Entry, place: Place, order: dict[str, Any]) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        entry.make_contestant(place)
    except ImportError as error:
        return {"absent": f"not installed: {error.name}"}
    seconds = time.perf_counter() - started
    return {"import_s": seconds, "versions": {p: _version(p) for p in entry.packages}}


def _sync(entry: Entry, place: Place, order: dict[str, Any]) -> dict[str, Any]:
    contestant = entry.make_contestant(place)
    error = None
    started, cpu_started = time.perf_counter(), time.process_time()
    try:
        contestant.sync()
    except Exception as caught:  # a contestant that breaks is a result
        error = f"{type(caught).__name__}: {str(caught)[:200]}"
    seconds = time.perf_counter() - started
    cpu_s = time.process_time() - cpu_started
    return {
        "seconds": seconds,
        "cpu_s": cpu_s,
        "peak_mb": _peak_mb(),
        "error": error,
    }


def _lose(entry: Entry, place: Place, order: dict[str, Any]) -> dict[str, Any]:
    entry.make_store(place).lose(order["names"])
    return {}


def _judge(entry: Entry, place: Place, order: dict[str, Any]) -> dict[str, Any]:
    """Compare the store with the truth: {name: [rate, words, other words that do]}.

    `right` scripts have exactly one row, with the vector of their words and their
    rate; `missing` have none, `stale` none with their words, `old_metrics` another
    rate, `doubled` more than one row; `orphans` are rows of no script.
    """
    truth = json.loads(Path(order["truth"]).read_text(encoding="utf-8"))
    dimensions = place.dimensions
    held: dict[str, list[tuple[bool, bool]]] = {name: [] for name in truth}
    orphans = 0
    for row in entry.make_store(place).rows():
        if row.name not in truth:
            orphans += 1
            continue
        rate, *texts = truth[row.name]
        words = any(_same(row.vector, text_vector(t, dimensions)) for t in texts)
        held[row.name].append((words, abs((row.rate or 0.0) - rate) < 1e-6))
    rows = list(held.values())
    return {
        "right": sum(r == [(True, True)] for r in rows),
        "missing": sum(not r for r in rows),
        "stale": sum(bool(r) and not any(words for words, _ in r) for r in rows),
        "old_metrics": sum(bool(r) and not any(rate for _, rate in r) for r in rows),
        "doubled": sum(len(r) > 1 for r in rows),
        "orphans": orphans,
    }


def _same(stored: Any, vector: Any) -> bool:
    import numpy as np

    row = np.asarray(stored, dtype=np.float64)
    length = float(np.linalg.norm(row))
    return len(row) == len(vector) and float(row @ vector) > SAME * length > 0.0


def _peak_mb() -> float:
    """Of this process only: getrusage on Linux remembers the parent's as well."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024.0
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "?"


Action = Callable[[Entry, Place, dict[str, Any]], dict[str, Any]]
ACTIONS: dict[str, Action] = {
    "hello": _hello,
    "sync": _sync,
    "lose": _lose,
    "judge": _judge,
}

if __name__ == "__main__":
    main()
