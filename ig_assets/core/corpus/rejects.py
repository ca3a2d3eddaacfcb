"""Stores rejected sources: one row per change, `resolved` once the source is fixed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.core.identity import next_instant
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection

HISTORY = "history:"
"""Prefix of the source_uri of an imported file's row; the library's are paths."""

RESOLVED = "resolved"


def current_rejects(con: Connection) -> list[Reject]:
    """Return the files and imported rows that are rejected now, by source_uri."""
    rows = con.execute(
        "SELECT source_uri, reason, detail FROM current_rejects AS r "
        "ORDER BY source_uri"
    ).fetchall()
    return [Reject(*row) for row in rows]


def write_rejects(con: Connection, rejects: Iterable[Reject], now: datetime) -> None:
    """Add a row for each reject that differs from its source's latest row."""
    latest = {
        source_uri: (seen_at, reason, detail)
        for source_uri, seen_at, reason, detail in con.execute(
            "SELECT source_uri, seen_at, reason, detail FROM latest_rejects"
        ).fetchall()
    }
    rows = []
    for reject in rejects:
        seen_at, *known = latest.get(reject.source_uri, (None,))
        if known == [reject.reason, reject.detail]:
            continue
        rows.append(
            {
                "source_uri": reject.source_uri,
                "seen_at": next_instant(now, seen_at),
                "reason": reject.reason,
                "detail": reject.detail,
            }
        )
    merge_rows(con, "script_rejects", rows)


def resolve_rejects(
    con: Connection, still_rejected: Iterable[Reject], now: datetime
) -> None:
    """Mark the library's rejects that are not among `still_rejected` as resolved."""
    still = {reject.source_uri for reject in still_rejected}
    resolved = [
        Reject(reject.source_uri, RESOLVED, "The file was fixed or removed.")
        for reject in current_rejects(con)
        if not reject.source_uri.startswith(HISTORY) and reject.source_uri not in still
    ]
    write_rejects(con, resolved, now)
