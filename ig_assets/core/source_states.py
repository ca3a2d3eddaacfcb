"""The state in which the tables last took in a source: the library, a month's calendar.

Kept with the tables, written in the transaction that takes the source in: it holds
whoever read it (the daemon, the command line, the headless loop, a person), and new or
restored tables know what they have not taken in.
"""

from __future__ import annotations

from dataclasses import dataclass

from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection

LIBRARY = "library"


@dataclass(frozen=True)
class SourceState:
    """A source's state, e.g. a fingerprint, and the run that took it in.

    Both are None where these tables never took the source in; `run_id` alone where no
    Dagster run did.
    """

    state: str | None = None
    run_id: str | None = None


def calendar_source(month: str) -> str:
    """The name of a month's content calendar, `YYYY-MM`, as a source."""
    return f"calendar {month}"


def record_source_state(
    con: Connection, source: str, state: str, run_id: str | None
) -> None:
    """Write what is taken in by the caller's transaction."""
    row = {"source": source, "state": state, "run_id": run_id}
    merge_rows(con, "source_states", [row])


def source_state(con: Connection, source: str) -> SourceState:
    """What the tables took in last."""
    rows = con.execute(
        "SELECT state, run_id FROM source_states WHERE source = ?", [source]
    ).fetchall()
    return SourceState(*rows[0]) if rows else SourceState()
