"""Stores polishing attempts, one row per attempt, rejected ones included.

An attempt is stored in the transaction that settles its call, before it is measured. A
run that dies between the two thus does not pay again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ig_assets.core.generation.writing.schema import beats_json
from ig_assets.core.generation.writing.write import WriterAnswer
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection

_SHARED = (
    "hook body call_to_action on_screen_text text model request_hash prompt_hash "
    "rejection"
)


def text_columns(written: WriterAnswer) -> dict[str, object]:
    """Return the columns that `polish_attempts` and `variants` have in common."""
    return {name: getattr(written, name) for name in _SHARED.split()} | {
        "beats": beats_json(written.beats),
        "shots": beats_json(written.shots),
        "settings": json.dumps(written.settings, sort_keys=True),
    }


def record_attempt(
    con: Connection,
    variant_id: str,
    attempt: int,
    written: WriterAnswer,
    model_id: str,
    now: datetime,
) -> None:
    """Store an attempt."""
    row = text_columns(written) | {
        "variant_id": variant_id,
        "attempt": attempt,
        "model_id": model_id,
        "created_at": now,
    }
    merge_rows(con, "polish_attempts", [row])


def earlier_attempts(
    con: Connection, variant_ids: Sequence[str]
) -> dict[str, dict[int, WriterAnswer]]:
    """Return the stored attempts as {variant_id: {attempt number: answer}}."""
    rows = fetch_dicts(
        con,
        """
        SELECT *
        FROM polish_attempts
        WHERE variant_id IN (SELECT unnest(?::TEXT[]))
        """,
        [list(variant_ids)],
    )
    found: dict[str, dict[int, WriterAnswer]] = {}
    for row in rows:
        found.setdefault(row["variant_id"], {})[row["attempt"]] = as_written(row)
    return found


def as_written(row: dict[str, Any]) -> WriterAnswer:
    """Return the writer's answer that a row of `drafts` or `polish_attempts` stores."""
    return WriterAnswer(
        row["hook"],
        row["body"],
        row["call_to_action"],
        row["text"],
        row["model"],
        row["request_hash"] or "",
        json.loads(row["settings"] or "{}"),
        row["rejection"],
        None if row["beats"] is None else tuple(json.loads(row["beats"])),
        row["on_screen_text"],
        row["prompt_hash"],
        None if row["shots"] is None else tuple(json.loads(row["shots"])),
    )
