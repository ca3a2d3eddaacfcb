"""`ig-assets loop` with the CPU seconds that writing edges takes, printed at the end.

Every edge is written by two functions, which are timed here by the time of their own
thread. The last line of standard error is JSON: seconds, edges given, seconds of all.
"""

from __future__ import annotations

import atexit
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from ig_assets.cli.entry import main
from ig_assets.core.lineage import edges

spent = {"edges_s": 0.0, "edges": 0, "calls": 0}


def timed(write: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with its time added up."""

    def run(con: Any, given: Any, *rest: Any) -> Any:
        listed = given if hasattr(given, "items") else list(given)
        begun = time.thread_time()
        try:
            return write(con, listed, *rest)
        finally:
            spent["edges_s"] += time.thread_time() - begun
            spent["edges"] += len(listed)
            spent["calls"] += 1

    return run


def report() -> None:
    """Print what was spent."""
    print(json.dumps(spent | {"all_s": time.process_time()}), file=sys.stderr)


edges.record_edges = timed(edges.record_edges)  # type: ignore[assignment]
edges.supersede_winners = timed(edges.supersede_winners)  # type: ignore[assignment]
atexit.register(report)
sys.argv = ["ig-assets", "loop", "--months", sys.argv[1], "--json"]
main()
