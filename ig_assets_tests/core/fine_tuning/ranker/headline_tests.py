"""Imported headline tests in which a word matters, and an encoder that counts words."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

import numpy as np

from ig_assets.core.corpus.history_import.importer import import_history
from ig_assets.core.corpus.history_import.planning.plan import ImportOptions
from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.ports import Vectors
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.warehouses import migrated_warehouse

NOW = datetime(2026, 4, 1)
BETTER = "mistake"
"""Headlines with this word have three clicks where others have two."""


class WordEncoder:
    """Fulfils `HookEncoder`: how often words of each of 256 checksums occur."""

    model = "words-256"
    dimensions = 256

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, hooks: Sequence[str]) -> Vectors:
        self.encoded += hooks
        vectors = np.zeros((len(hooks), self.dimensions), dtype=np.float32)
        for row, hook in zip(vectors, hooks, strict=True):
            for word in hook.lower().split():
                row[zlib.crc32(word.encode()) % self.dimensions] += 1
        return vectors


class Clock:
    def now(self) -> datetime:
        return NOW


class HeadlineTests:
    """A data folder with imported tests, decided by the results stage."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.encoder = Clock(), WordEncoder()
        self.folder = folder
        self.warehouse: Warehouse = migrated_warehouse(
            folder / "warehouse.duckdb", self.clock.now
        )

    def add(
        self,
        tests: int,
        *,
        source: str = "old",
        simulated: bool | None = None,
        images: Sequence[str] = ("",),
    ) -> None:
        """Import tests of three headlines, 4,000 impressions each, on their days.

        Each headline is shown beside each of the images.
        """
        rng = np.random.default_rng(7)
        path = self.folder / f"{source}.csv"
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            names = ("test_id", "headline", "impressions", "clicks", "date", "image_id")
            rows.writerow(names)
            for test, image in product(range(tests), images):
                day = datetime(2025, 1, 1) + timedelta(days=test)
                for kind in ("simple", BETTER, "story"):
                    rate = 0.03 if kind == BETTER else 0.02
                    clicks = rng.binomial(4000, rate)
                    headline = f"The {kind} of dish number{test} {source}"
                    name = f"{source}{test}"
                    rows.writerow([name, headline, 4000, clicks, day, image])
        options = ImportOptions(source=source, randomised=True, simulated=simulated)
        import_history(self.warehouse, self.clock, path, options)
        update_results(self.warehouse, self.clock)

    def forget(self, word: str) -> int:
        """Mark the scripts whose hook has the word as forgotten; how many these are."""
        with self.warehouse.transaction() as con:
            found = con.execute(
                "SELECT DISTINCT script_id FROM scripts WHERE contains(hook, ?)", [word]
            ).fetchall()
            for (script_id,) in found:
                con.execute(
                    "INSERT INTO forgotten (script_id, forgotten_at) VALUES (?, ?)",
                    [script_id, NOW],
                )
        return len(found)
