"""Records which state of a source the tables have processed last.

A source is the library or a month's calendar. Its state is written in the transaction
that processes it. It therefore does not matter who read the source (the daemon, the
command line, the headless loop, a person), and new or restored tables know which state
they have not processed yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection

LIBRARY = "library"


@dataclass(frozen=True)
class SourceState:
    """A source's state, such as a fingerprint, and the run that processed it.

    Both are None if these tables never processed the source. `run_id` alone is None if
    no Dagster run did so.
    """

    state: str | None = None
    run_id: str | None = None


def calendar_source(month: str) -> str:
    """Return the source name of a month's content calendar; `month` is `YYYY-MM`."""
    return f"calendar {month}"


def record_source_state(
    con: Connection, source: str, state: str, run_id: str | None
) -> None:
    """Record the state of a source that the caller's transaction processes."""
    row = {"source": source, "state": state, "run_id": run_id}
    merge_rows(con, "source_states", [row])


def source_state(con: Connection, source: str) -> SourceState:
    """Return the state of the source that the tables have processed last."""
    rows = con.execute(
        "SELECT state, run_id FROM source_states WHERE source = ?", [source]
    ).fetchall()
    return SourceState(*rows[0]) if rows else SourceState()
