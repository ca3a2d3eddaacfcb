"""The small SQLite file in which a stand-in for a platform keeps what it published."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_store(file: Path, schema: str) -> Iterator[sqlite3.Connection]:
    """Open the file in a transaction; `schema` is SQL that creates a missing table."""
    file.parent.mkdir(parents=True, exist_ok=True)
    con = sqlite3.connect(file, timeout=60.0)
    try:
        con.execute("PRAGMA journal_mode=WAL")
        con.execute(schema)
        with con:
            yield con
    finally:
        con.close()
