"""One client in a process of its own; its last line is what was seen, as JSON.

    python -m writing.child '{"client": "ours", "base_url": …, "calls": 200, …}'

Some calls come first and are not counted: imports, connections, the warehouse.
"""

from __future__ import annotations

import importlib.metadata
import json
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from writing.clients import CLIENTS, PACKAGES


def main() -> None:
    """Ask as the order says."""
    order = json.loads(sys.argv[1])
    try:
        ask = CLIENTS[order["client"]](order["base_url"], Path(order["folder"]))
    except ImportError as error:
        print(json.dumps({"absent": f"not installed: {error.name}"}))
        return
    in_flight, calls, warm = order["in_flight"], order["calls"], order["warm"]
    failed: list[str] = []

    def timed(number: int) -> float:
        started = time.perf_counter()
        try:
            ask(number)
        except Exception as error:  # a client that gives up is a result
            failed.append(type(error).__name__)
        return (time.perf_counter() - started) * 1000.0

    with ThreadPoolExecutor(in_flight) as pool:
        list(pool.map(timed, range(warm)))
        failed.clear()
        cpu, started = time.process_time(), time.perf_counter()
        latencies = list(pool.map(timed, range(warm, warm + calls)))
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    told: dict[str, Any] = {
        "seconds": seconds,
        "cpu_ms": cpu * 1000.0 / calls,
        "latency_ms": statistics.median(latencies),
        "failed": len(failed),
        "errors": sorted(set(failed)),
        "versions": {name: _version(name) for name in PACKAGES},
    }
    print(json.dumps(told))


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
