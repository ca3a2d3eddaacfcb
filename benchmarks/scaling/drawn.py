"""Syncs drawn scripts into the warehouse of IG_WAREHOUSE_URL; no file is on the disk.

    python -m scaling.drawn SCRIPTS

The product's own sync reads a store that makes each file when it is asked for it. It
runs twice: a first sync, and one without change. Prints a JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator

from contest.scripts import make_script

from ig_assets.adapters.simulated.clocks import SystemClock
from ig_assets.core.corpus.library.sync import sync_corpus
from ig_assets.core.ports import LibraryFile
from ig_assets.warehouse.warehouse import Warehouse

SEED = 1


class DrawnLibrary:
    """A store of `size` scripts that makes each file when it is asked for it."""

    location = "drawn scripts"

    def __init__(self, size: int) -> None:
        self._size = size

    def files(self, suffixes: tuple[str, ...]) -> list[LibraryFile]:
        """Return all files; their versions never change."""
        return [
            LibraryFile(f"script-{n:07d}.md", str(n), 600, "1", version=f"v{n}")
            for n in range(self._size)
        ]

    def contents(
        self, files: Iterable[LibraryFile]
    ) -> Iterator[tuple[LibraryFile, bytes]]:
        """Yield (file, its bytes) for each file."""
        for file in files:
            text = make_script(int(file.address), SEED).markdown()
            yield file, text.encode("utf-8")


def main() -> None:
    """Sync twice, count, print."""
    library, clock = DrawnLibrary(int(sys.argv[1])), SystemClock()
    warehouse = Warehouse(os.environ["IG_WAREHOUSE_URL"], clock.now)
    found: dict[str, float] = {}
    for title in ("first sync", "no change"):
        wall, cpu = time.perf_counter(), time.process_time()
        sync_corpus(warehouse, library, clock)
        found[f"{title}, wall s"] = time.perf_counter() - wall
        found[f"{title}, CPU s"] = time.process_time() - cpu
    with warehouse.transaction() as con:
        counted = con.execute("SELECT count(*) FROM current_scripts").fetchone()
        found["rows"] = counted[0] if counted else 0
    warehouse.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
