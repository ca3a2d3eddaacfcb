"""A home with awkward rows, and what it holds."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ig_assets.warehouse.forgetting.receipts import receipts_folder
from ig_assets.warehouse.migrations import MIGRATIONS
from ig_assets.warehouse.moving import tables
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.warehouse.conftest import NOW

LATER = NOW + timedelta(hours=1)
NEWEST = MIGRATIONS[-1][0]


def fill(home: Warehouse, scripts: int = 30) -> None:
    """Rows with every kind of value that tables hold, awkward ones among them."""
    with home.transaction() as con:
        words = ["", "ä ≠ 🙂", "'; DROP TABLE x; --", "a\tb\nc\\d", "NULL", '{"a",b}']
        merge_rows(
            con,
            "scripts",
            [
                {
                    "script_id": f"s{n}",
                    "revision_hash": "r",
                    "text": None if n % 7 == 0 else words[n % len(words)],
                    "simulated": n % 2 == 0,
                    "first_seen_at": NOW + timedelta(microseconds=n),
                }
                for n in range(scripts)
            ],
        )
        vectors: list[list[float]] = [[0.1, -0.0, 1e-40], [], [3.0]]
        merge_rows(
            con,
            "embeddings",
            [
                {"content_hash": f"c{n}", "model": "m", "dimensions": 3, "vector": v}
                for n, v in enumerate(vectors)
            ],
        )
        con.execute("INSERT INTO edges (child_id) VALUES ('twice'), ('twice')")
        con.execute(
            "INSERT INTO engagement (post_id, value, age_hours) VALUES "
            "('p', 'inf', 1e308), ('q', 'nan', NULL)"
        )


def content(home: Warehouse) -> dict[str, list[str]]:
    with home.transaction() as con:
        present = tables.tables_of(con, "home")
        return {
            table: sorted(
                repr(row) for row in fetch_dicts(con, f"SELECT * FROM home.ig.{table}")
            )
            for table in present
        }


def receipts_of(home: Warehouse, folder: Path) -> Path:
    return folder / "forgotten" if home.path is None else receipts_folder(home.path)


class Interrupted(Exception):
    """The process was killed here."""
