"""Brings the corpus to what the library and the decisions say, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from ig_assets.core.corpus.library.diff import (
    carry_out_verdicts,
    decide_verdicts,
    write_renames,
)
from ig_assets.core.corpus.library.known_files import (
    LibraryState,
    library_state,
    state_mark,
    write_claims,
)
from ig_assets.core.corpus.library.performance import write_performance
from ig_assets.core.corpus.library.scan import LibraryReading, read_library
from ig_assets.core.corpus.library.staging import stage_reading
from ig_assets.core.corpus.library.winners import promote_winners, unpromoted_winners
from ig_assets.core.corpus.queries import CURRENT_SCRIPTS, current_scripts
from ig_assets.core.corpus.rejects import resolve_rejects, write_rejects
from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.core.ports import Clock, LibraryStore
from ig_assets.errors import WarehouseBusyError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection, Warehouse

__all__ = [
    "CURRENT_SCRIPTS",
    "CorpusChange",
    "current_scripts",
    "plan_corpus",
    "sync_corpus",
    "unpromoted_winners",
]

Looked = TypeVar("Looked")
SAMPLE_ROWS = 20

_SAMPLE = f"""
    SELECT w.script_id, w.verdict AS change, coalesce(s.topic, '') AS topic,
        coalesce(s.hook_style, '') AS hook_style, coalesce(s.language, '') AS language
    FROM library_verdicts AS w
    LEFT JOIN scripts AS s
        ON s.script_id = w.script_id
        AND s.revision_hash = w.revision_hash
    WHERE w.verdict NOT IN ('unchanged', 'forgotten')
    ORDER BY w.script_id
    LIMIT {SAMPLE_ROWS}
"""


@dataclass(frozen=True)
class CorpusChange:
    """What a sync did, in scripts; `renamed` are among `new`.

    `changed` are new words or a new description (topic, author, path, …) of a
    script; `rejected` counts the files and rows that cannot be used now and `rejects`
    names them; `parsed` are the files whose bytes were not known. `sample` has at
    most 20 rows of ids and labels, never a text.
    """

    new: int
    changed: int
    unchanged: int
    retired: int
    revived: int
    renamed: int
    rejected: int
    promoted: int
    parsed: int
    sample: tuple[Mapping[str, str], ...]
    rejects: tuple[Reject, ...]


@dataclass(frozen=True)
class _Outcome:
    """What came of the library: scripts by verdict, renames, rejects, a sample."""

    counts: Mapping[str, int]
    renamed: int
    rejects: tuple[Reject, ...]
    sample: list[dict[str, str]]


class _RolledBack(Exception):
    """Ends a transaction whose changes were only looked at."""


def sync_corpus(
    warehouse: Warehouse, library: LibraryStore, clock: Clock, run_id: str | None = None
) -> CorpusChange:
    """Make the rows say what the library and the decisions say.

    One transaction; with the same input a second run changes no row. A file or row
    that became unusable keeps its script as it was. Raises what the library's `files`
    and `contents` raise, before anything is written.
    """
    state, reading = _look(warehouse, library)
    with warehouse.transaction() as con:
        return _apply(con, state, reading, clock.now(), run_id)


def plan_corpus(
    warehouse: Warehouse,
    library: LibraryStore,
    clock: Clock,
    look: Callable[[Connection], Looked],
) -> tuple[CorpusChange, Looked]:
    """What `sync_corpus` would do, and what `look` sees when it is done.

    The same sync in a transaction that is rolled back; `look` must only read, and not
    open a transaction of its own.
    """
    state, reading = _look(warehouse, library)
    planned: list[tuple[CorpusChange, Looked]] = []
    try:
        with warehouse.transaction() as con:
            change = _apply(con, state, reading, clock.now(), None)
            planned.append((change, look(con)))
            raise _RolledBack
    except _RolledBack:
        return planned[0]


def _look(
    warehouse: Warehouse, library: LibraryStore
) -> tuple[LibraryState, LibraryReading]:
    """Read the library while no transaction is open: a store may take its time."""
    with warehouse.transaction() as con:
        state = library_state(con)
    return state, read_library(library, state.known)


def _apply(
    con: Connection,
    state: LibraryState,
    reading: LibraryReading,
    now: datetime,
    run_id: str | None,
) -> CorpusChange:
    if state_mark(con) != state.mark:
        raise WarehouseBusyError(
            "Another sync of the corpus ended while this one read the library; "
            "nothing was written, try again."
        )
    outcome = (
        _Outcome({"unchanged": state.scripts}, 0, (), [])
        if _is_as_it_was(state, reading)
        else _follow_library(con, state, reading, now, run_id)
    )
    write_rejects(con, outcome.rejects, now)
    resolve_rejects(con, outcome.rejects, now)
    promoted = promote_winners(con, now, run_id)
    labels = ("script_id", "topic", "hook_style", "language")
    sample = outcome.sample + [
        {"change": "promoted", **{c: row[c] for c in labels}} for row in promoted
    ]
    counts = outcome.counts
    return CorpusChange(
        new=counts.get("new", 0),
        changed=counts.get("revised", 0) + counts.get("described", 0),
        unchanged=counts.get("unchanged", 0),
        retired=counts.get("retired", 0),
        revived=counts.get("revived", 0),
        renamed=outcome.renamed,
        rejected=len(outcome.rejects),
        promoted=len(promoted),
        parsed=len(reading.read),
        sample=tuple(sample[:SAMPLE_ROWS]),
        rejects=outcome.rejects,
    )


def _is_as_it_was(state: LibraryState, reading: LibraryReading) -> bool:
    """Whether every file and every row stands as it did: then nothing is compared."""
    return (
        not (reading.read or reading.hidden or reading.rejects or state.unclaimed)
        and reading.unchanged == state.paths
    )


def _follow_library(
    con: Connection,
    state: LibraryState,
    reading: LibraryReading,
    now: datetime,
    run_id: str | None,
) -> _Outcome:
    taken = stage_reading(con, reading, state)
    counts, forgotten = decide_verdicts(con)
    carry_out_verdicts(con, now)
    renamed = write_renames(con, now, run_id)
    write_performance(con, reading)
    write_claims(con)
    sample = fetch_dicts(con, _SAMPLE)
    rejects = _one_a_source(reading, taken + forgotten)
    return _Outcome(counts, renamed, rejects, sample)


def _one_a_source(reading: LibraryReading, later: list[Reject]) -> tuple[Reject, ...]:
    """The first reject of each source, by source_uri."""
    rejects = dict(reading.rejects)
    for reject in later:
        rejects.setdefault(reject.source_uri, reject)
    return tuple(rejects[uri] for uri in sorted(rejects))
