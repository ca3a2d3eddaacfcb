"""Converts our entries to Pinecone's form: ids, vectors, metadata, filters, limits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt

from ig_assets.core.ports import Filters, IndexEntry

UPSERT_RECORDS = 1000
UPSERT_BYTES = 2_000_000
METADATA_BYTES = 40_000
ID_CHARACTERS = 512

DECIMALS = 8  # of a unit vector's numbers: float32 knows no more, JSON is half as long
NUMBER_BYTES = DECIMALS + 4  # "-0." and a comma
RECORD_BYTES = 64  # names and brackets

Record = dict[str, Any]


def encoded(name: str) -> str:
    """Return an id or namespace in ASCII, as Pinecone requires; most stay unchanged."""
    if name.isascii() and name.isprintable() and not name.startswith("~"):
        return name
    return "~" + quote(name)


def decoded(name: str) -> str:
    """Undo `encoded`."""
    return unquote(name[1:]) if name.startswith("~") else name


def unit(vector: npt.ArrayLike) -> list[float] | None:
    """Return the vector scaled to length 1; None if it is zero or not finite."""
    row = np.asarray(vector, dtype=np.float64).reshape(-1)
    length = float(np.linalg.norm(row))
    if not np.isfinite(length) or length == 0.0:
        return None
    return [float(x) for x in np.round(row / length, DECIMALS)]


def record_of(entry: IndexEntry, dimensions: int) -> Record | None:
    """Return the record of an entry; None if Pinecone would not accept it."""
    values = unit(entry.vector)
    entry_id = encoded(entry.entry_id)
    metadata = dict(entry.metadata)
    if values is None or len(values) != dimensions:
        return None
    if not 0 < len(entry_id) <= ID_CHARACTERS or _bytes(metadata) > METADATA_BYTES:
        return None
    return {"id": entry_id, "values": values, "metadata": metadata}


def batch_size(records: Sequence[Record]) -> int:
    """Return how many of these records fit into one request, whichever are chosen."""
    largest = max(
        RECORD_BYTES
        + len(record["id"])
        + NUMBER_BYTES * len(record["values"])
        + _bytes(record["metadata"])
        for record in records
    )
    return max(1, min(UPSERT_RECORDS, UPSERT_BYTES // largest))


def filter_of(filters: Filters) -> dict[str, Any] | None:
    """Return the filters in Pinecone's language; all conditions must hold."""
    equal = {
        "status": filters.status,
        "language": filters.language,
        "origin": filters.origin,
        "month": filters.month,
    }
    asked: dict[str, Any] = {
        name: {"$eq": value} for name, value in equal.items() if value is not None
    }
    if filters.min_rate is not None:
        asked["rate"] = {"$gte": filters.min_rate}
    return asked or None


def _bytes(metadata: dict[str, Any]) -> int:
    return len(json.dumps(metadata, ensure_ascii=False).encode("utf-8"))
