"""What was rejected, as rows: written when it changes, resolved when put right."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ig_assets.core.corpus.queries import CURRENT_REJECTS
from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection

HISTORY = "history:"
RESOLVED = "resolved"


def current_rejects(con: Connection) -> list[Reject]:
    """What stands rejected now, of files and of imports, by name."""
    rows = con.execute(
        f"SELECT source_uri, reason, detail FROM ({CURRENT_REJECTS}) AS r "
        "ORDER BY source_uri"
    ).fetchall()
    return [Reject(*row) for row in rows]


def write_rejects(con: Connection, rejects: Iterable[Reject], now: datetime) -> None:
    """Add what is not the source's latest row already."""
    latest = {
        source_uri: (seen_at, reason, detail)
        for source_uri, reason, detail, seen_at in con.execute(
            "SELECT source_uri, arg_max(reason, seen_at), arg_max(detail, seen_at), "
            "max(seen_at) FROM script_rejects GROUP BY source_uri"
        ).fetchall()
    }
    rows = []
    for reject in rejects:
        seen_at, *said = latest.get(reject.source_uri, (None,))
        if said == [reject.reason, reject.detail]:
            continue
        # The clock may stand still or go back; the order of the rows may not.
        after = now if seen_at is None else seen_at + timedelta(microseconds=1)
        rows.append(
            {
                "source_uri": reject.source_uri,
                "seen_at": max(now, after),
                "reason": reject.reason,
                "detail": reject.detail,
            }
        )
    merge_rows(con, "script_rejects", rows)


def resolve_rejects(
    con: Connection, still_rejected: Iterable[Reject], now: datetime
) -> None:
    """Mark the library's rejects that are no longer among `still_rejected`."""
    still = {reject.source_uri for reject in still_rejected}
    known = con.execute(
        f"SELECT source_uri FROM ({CURRENT_REJECTS}) AS r ORDER BY source_uri"
    ).fetchall()
    resolved = [
        Reject(source_uri, RESOLVED, "The file was put right or removed.")
        for (source_uri,) in known
        if not source_uri.startswith(HISTORY) and source_uri not in still
    ]
    write_rejects(con, resolved, now)
