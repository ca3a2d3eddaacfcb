"""A small warehouse with decided experiments, written row by row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ig_assets.core.identity import text_hash
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.warehouses import migrated_warehouse

MONTH = "2026-03"
CUTOFF = datetime(2026, 4, 1)
MODEL, DIMENSIONS = "tiny", 3


class FixedClock:
    """Gives the instant that a test sets."""

    def __init__(self, now: datetime = datetime(2026, 4, 1, 3)) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at


class FineTuningFactory:
    """A warehouse file with the rows that other stages would have written."""

    def __init__(self, folder: Path) -> None:
        self.clock = FixedClock()
        self.folder = folder
        self._home = migrated_warehouse(folder / "w.duckdb", self.clock.now)
        self._waiting: list[tuple[str, dict[str, Any]]] = []

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse, with all rows that were given to `write` so far."""
        if self._waiting:
            alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
            for table, row in self._waiting:
                alike.setdefault((table, *row), []).append(row)
            with self._home.transaction() as con:
                for (table, *_), rows in alike.items():
                    merge_rows(con, table, rows)
            self._waiting.clear()
        return self._home

    def write(self, table: str, *rows: dict[str, Any]) -> None:
        """Rows to be written before the warehouse is used next (one commit)."""
        self._waiting += [(table, row) for row in rows]

    def read(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        with self.warehouse.transaction() as con:
            return fetch_dicts(con, sql, parameters)

    def experiment(
        self,
        name: str,
        topic: str | None = None,
        decision: str = "winner",
        decided_at: datetime = datetime(2026, 3, 20),
        shrunken_lift: float | None = 0.2,
        arms: Sequence[str] = ("a", "b"),
        simulated: bool = True,
        **variant: Any,
    ) -> None:
        """A topic with posted arms; arm a leads every other by 32 %, e = 81."""
        self.write(
            "topics",
            {
                "month": MONTH,
                "topic_id": f"t-{name}",
                "topic": topic or f"topic {name}",
                "brief": "short",
                "audience": "cooks",
                "language": "en",
            },
        )
        self.write(
            "experiments",
            {
                "experiment_id": name,
                "month": MONTH,
                "topic_id": f"t-{name}",
                "simulated": simulated,
                "started_at": decided_at - timedelta(days=14),
            },
        )
        for arm in arms:
            self.variant(name, arm, **variant)
        for arm in arms[1:]:
            self.write(
                "evidence",
                {
                    "experiment_id": name,
                    "arm_a": "a",
                    "arm_b": arm,
                    "data_through": decided_at,
                    "log_rate_ratio": 0.2776,
                    "variance": 0.01,
                    "log_e": 4.394,
                },
            )
        self.write(
            "standings",
            {
                "experiment_id": name,
                "data_through": decided_at,
                "leader_arm": "a",
                "log_e": 4.394,
                "rule": "e",
            },
        )
        self.write(
            "decisions",
            {
                "experiment_id": name,
                "decided_at": decided_at,
                "decision": decision,
                "winner_variant_id": f"{name}-a",
                "winner_arm": "a",
                "lift": 0.32,
                "shrunken_lift": shrunken_lift,
                "data_through": decided_at,
            },
        )

    def variant(self, name: str, arm: str, **columns: Any) -> None:
        text = f"hook {name} {arm}\n\nbody of {name} {arm}"
        row = {
            "variant_id": f"{name}-{arm}",
            "month": MONTH,
            "topic_id": f"t-{name}",
            "arm": arm,
            "hook_style": "question",
            "hook": f"hook {name} {arm}",
            "text": text,
            "revision_hash": text_hash(text),
            "is_canary": False,
            "is_control": False,
        }
        self.write("variants", row | columns)
        self.write(
            "posts",
            {
                "post_id": f"p-{name}-{arm}",
                "experiment_id": name,
                "variant_id": f"{name}-{arm}",
                "arm": arm,
                "status": "published",
                "published_revision_hash": text_hash(text),
            },
        )

    def imported(self, name: str, decided_at: datetime = datetime(2026, 2, 1)) -> None:
        """A decided experiment of history: scripts in place of variants."""
        when = decided_at - timedelta(days=30)
        hashes = {}
        for arm in ("a", "b"):
            text = f"old hook {name} {arm}\n\nold body {name} {arm}"
            hashes[arm] = text_hash(text)
            self.write(
                "scripts",
                {
                    "script_id": f"s-{name}-{arm}",
                    "revision_hash": hashes[arm],
                    "origin": "history",
                    "topic": f"old topic {name}",
                    "hook_style": "story",
                    "hook": f"old hook {name} {arm}",
                    "text": text,
                    "language": "en",
                },
            )
            self.status(f"s-{name}-{arm}", "active", when)
            self.write(
                "posts",
                {
                    "post_id": f"p-{name}-{arm}",
                    "experiment_id": name,
                    "script_id": f"s-{name}-{arm}",
                    "arm": arm,
                    "status": "published",
                    "published_revision_hash": hashes[arm],
                },
            )
        self.write(
            "experiments", {"experiment_id": name, "month": None, "started_at": when}
        )
        self.write(
            "decisions",
            {
                "experiment_id": name,
                "decided_at": decided_at,
                "decision": "winner",
                "winner_arm": "a",
                "winner_script_id": f"s-{name}-a",
                "winner_revision_hash": hashes["a"],
                "lift": 0.5,
                "shrunken_lift": 0.4,
            },
        )

    def status(self, script_id: str, status: str, at: datetime) -> None:
        self.write(
            "script_status",
            {"script_id": script_id, "changed_at": at, "status": status},
        )

    def forget(self, script_id: str) -> None:
        self.write(
            "forgotten",
            {"script_id": script_id, "forgotten_at": self.clock.now()},
        )

    def embed(self, text_or_hash: str, vector: Sequence[float]) -> None:
        self.write(
            "embeddings",
            {
                "content_hash": text_or_hash,
                "model": MODEL,
                "dimensions": DIMENSIONS,
                "vector": list(vector),
            },
        )
