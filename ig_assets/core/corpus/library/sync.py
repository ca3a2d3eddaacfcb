"""Brings the corpus up to date with the library and the decisions.

All changes are written in one transaction. The steps: list the library; read from the
warehouse what the last sync recorded of each file; scan the library with no transaction
open; stage the scan; compute and apply the changes; update the records of the files;
write the rejects; withdraw and promote winners. If the files' versions and the tables
have the digests that the last sync stored, only the last two steps are made, and no
file is listed singly (not with `rehash`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import TypedDict, TypeVar, cast

from ig_assets.core.corpus.checkpoints import (
    Checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from ig_assets.core.corpus.library.diff import (
    apply_changes,
    stage_changes,
    write_renames,
    write_words,
)
from ig_assets.core.corpus.library.known_files import (
    KnownFiles,
    known_files_version,
    read_known_files,
    tables_digest,
)
from ig_assets.core.corpus.library.known_files_update import update_known_files
from ig_assets.core.corpus.library.left_out import (
    Fault,
    LeftOutTotal,
    delete_left_out,
    faults,
    left_out_totals,
    write_left_out,
)
from ig_assets.core.corpus.library.performance import (
    stage_readings,
    write_files_again,
    write_performance,
)
from ig_assets.core.corpus.library.scan import (
    LibraryScan,
    Listing,
    library_state,
    list_library,
    scan_library,
)
from ig_assets.core.corpus.library.staging import stage_scan
from ig_assets.core.corpus.library.winners import (
    PromotedScript,
    promote_winners,
    withdraw_winners,
)
from ig_assets.core.corpus.rejects import resolve_rejects, write_rejects
from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.core.operations.present import Present
from ig_assets.core.ports import Clock, LibraryStore
from ig_assets.core.source_states import LIBRARY, record_source_state
from ig_assets.errors import WarehouseBusyError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection, Warehouse

Inspected = TypeVar("Inspected")
_ACTIVE = ("new", "revised", "described", "unchanged", "revived")
SAMPLE_ROWS = 20
NAMED_FILES = 10

_SAMPLE = f"""
    SELECT c.script_id, c.change, coalesce(s.topic, '') AS topic,
        coalesce(s.hook_style, '') AS hook_style, coalesce(s.language, '') AS language
    FROM script_changes AS c
    LEFT JOIN scripts AS s
        ON s.script_id = c.script_id
        AND s.revision_hash = c.revision_hash
    WHERE c.change NOT IN ('unchanged', 'forgotten')
    ORDER BY c.script_id
    LIMIT {SAMPLE_ROWS}
"""


class ChangedScript(TypedDict):
    """A script that a sync changed: its id, the kind of change, and its labels."""

    script_id: str
    change: str
    topic: str
    hook_style: str
    language: str


@dataclass(frozen=True)
class CorpusChange:
    """The effect of one sync, in numbers of scripts.

    `renamed` scripts are among the `new` ones. `changed` scripts have new words or a
    new description (topic, author, path, …). `rejected` is the number of files and rows
    that cannot be used now; `rejects` names them. `parsed` is the number of files whose
    bytes were not known. `sample` has at most 20 rows of ids and labels, never a text.
    `left_out` counts, by kind and over the whole library, the parts of notes that are
    not spoken; `faults` are parts that a person should correct. `unread` is the number
    of files of kinds that are not read; `not_read` names the kinds and the first of
    these files.
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
    sample: tuple[ChangedScript, ...]
    rejects: tuple[Reject, ...]
    left_out: tuple[LeftOutTotal, ...]
    faults: tuple[Fault, ...]
    unread: int
    not_read: str


@dataclass(frozen=True)
class _LibraryChange:
    """The effect of the library's files, without the effect of decisions.

    `counts` is {change: number of scripts}.
    """

    counts: Mapping[str, int]
    renamed: int = 0
    rejects: tuple[Reject, ...] = ()
    sample: tuple[ChangedScript, ...] = ()


class _RollBack(Exception):
    """Raised inside a transaction to undo it; caught by `plan_corpus`."""


def sync_corpus(
    warehouse: Warehouse,
    library: LibraryStore,
    clock: Clock,
    run_id: str | None = None,
    machine_clock: Clock | None = None,
    rehash: bool = False,
) -> CorpusChange:
    """Bring the tables up to date with the library and the decisions.

    The function writes in one transaction. With the same input a second run changes no
    row, except the `run_id` of the library's row in `source_states`. A file or row that
    became unusable keeps its script as it was. A reading is left out if it is more than
    a day later than both `clock` and `machine_clock` (the real clock of a simulation).
    With `rehash` every file is read, even if its version in the store is the same.

    Raises what the library's `files` and `contents` raise, before anything is written,
    and InputError if the temporary folder has no room for what was read.
    Raises WarehouseBusyError if another sync ended in the meantime.
    """
    state = list_library(library) if rehash else library_state(library)
    if not rehash and state.version is not None:
        with warehouse.transaction() as con:
            if (found := _unchanged(con, state.version)) is not None:
                fingerprint, unchanged = found
                same = _LibraryChange({"unchanged": unchanged})
                return _finish(
                    con, fingerprint, state.unread, same, 0, clock.now(), run_id
                )
    listing = state if isinstance(state, Listing) else list_library(library)
    present = _present(clock, machine_clock)
    known, scan = _scan(warehouse, library, listing, present, rehash)
    listing.files.clear()  # not needed any more; a large library has many
    known.by_path.clear()
    with warehouse.transaction() as con:
        return _apply(con, known, listing, scan, clock.now(), run_id)


def plan_corpus(
    warehouse: Warehouse,
    library: LibraryStore,
    clock: Clock,
    inspect: Callable[[Connection], Inspected],
    machine_clock: Clock | None = None,
) -> tuple[CorpusChange, Inspected]:
    """Return (the effect that `sync_corpus` would have, the result of `inspect`).

    The sync runs in a transaction that is rolled back; `inspect` is called in it, after
    the sync. `inspect` must only read, and must not open another transaction. Raises
    what `sync_corpus` raises.
    """
    listing = list_library(library)
    known, scan = _scan(warehouse, library, listing, _present(clock, machine_clock))
    planned: list[tuple[CorpusChange, Inspected]] = []
    try:
        with warehouse.transaction() as con:
            change = _apply(con, known, listing, scan, clock.now(), None)
            planned.append((change, inspect(con)))
            raise _RollBack
    except _RollBack:
        return planned[0]


def _present(clock: Clock, machine_clock: Clock | None) -> Present:
    """Return the latest time that a reading may have."""
    return Present(clock.now(), (machine_clock or clock).now())


def _unchanged(con: Connection, version: str) -> tuple[str, int] | None:
    """Return (fingerprint of the listing, number of scripts) if nothing has changed.

    `version` is that of the library's files. Returns None if these or the tables are
    not as the last sync left them.
    """
    last = read_checkpoint(con, LIBRARY)
    known, _, rest = ("" if last is None else last.state).partition(" ")
    fingerprint, _, tables = rest.partition(" ")
    if last is None or known != version or tables != tables_digest(con):
        return None
    return fingerprint, last.unchanged


def _state(con: Connection, listing: Listing) -> str:
    return f"{listing.version} {listing.fingerprint} {tables_digest(con)}"


def _scan(
    warehouse: Warehouse,
    library: LibraryStore,
    listing: Listing,
    present: Present,
    rehash: bool = False,
) -> tuple[KnownFiles, LibraryScan]:
    """Read the known files, and scan the library without an open transaction.

    The store of the library may be slow, and a transaction would block other processes.
    """
    with warehouse.transaction() as con:
        known = read_known_files(con)
    return known, scan_library(library, listing, present, known.by_path, rehash)


def _apply(
    con: Connection,
    known: KnownFiles,
    listing: Listing,
    scan: LibraryScan,
    now: datetime,
    run_id: str | None,
) -> CorpusChange:
    if known_files_version(con) != known.version:
        raise WarehouseBusyError(
            "Another sync of the corpus ended while this one read the library; "
            "nothing was written, try again."
        )
    write_files_again(con, scan)
    if _is_unchanged(known, scan):
        library = _LibraryChange({"unchanged": known.scripts})
    else:
        library = _apply_library(con, known, scan, now, run_id)
    change = _finish(
        con,
        listing.fingerprint,
        listing.unread,
        library,
        len(scan.parsed),
        now,
        run_id,
    )
    if listing.version and not (scan.unreadable or library.rejects):
        active = sum(library.counts.get(kind, 0) for kind in _ACTIVE)
        reached = Checkpoint(_state(con, listing), active, now)
        last = read_checkpoint(con, LIBRARY)
        if last is None or last.state != reached.state:
            write_checkpoint(con, LIBRARY, reached)
    return change


def _finish(
    con: Connection,
    fingerprint: str,
    unread: Sequence[str],
    library: _LibraryChange,
    parsed: int,
    now: datetime,
    run_id: str | None,
) -> CorpusChange:
    """Withdraw and promote winners by the decisions; return the effect of the sync."""
    record_source_state(con, LIBRARY, fingerprint, run_id)
    write_rejects(con, library.rejects, now)
    resolve_rejects(con, library.rejects, now)
    withdrawn = withdraw_winners(con, now)
    promoted = promote_winners(con, now, run_id)
    sample = [*library.sample, *map(_promoted_change, promoted)]
    counts = library.counts
    return CorpusChange(
        new=counts.get("new", 0),
        changed=counts.get("revised", 0) + counts.get("described", 0),
        unchanged=counts.get("unchanged", 0),
        retired=counts.get("retired", 0) + len(withdrawn),
        revived=counts.get("revived", 0),
        renamed=library.renamed,
        rejected=len(library.rejects),
        promoted=len(promoted),
        parsed=parsed,
        sample=tuple(sample[:SAMPLE_ROWS]),
        rejects=library.rejects,
        left_out=tuple(left_out_totals(con)),
        faults=tuple(faults(con)),
        unread=len(unread),
        not_read=_named(unread),
    )


def _named(paths: Sequence[str]) -> str:
    """Return kinds and names of files, such as `.pdf 2, .png 1: a.pdf, b.pdf, c.png`.

    Returns "" without files.
    """
    if not paths:
        return ""
    suffixes = (PurePosixPath(path).suffix.lower() or "no suffix" for path in paths)
    kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(Counter(suffixes).items()))
    more = len(paths) - NAMED_FILES
    named = ", ".join(paths[:NAMED_FILES]) + (f" and {more} more" if more > 0 else "")
    return f"{kinds}: {named}"


def _promoted_change(script: PromotedScript) -> ChangedScript:
    return ChangedScript(
        script_id=script["script_id"],
        change="promoted",
        topic=script["topic"],
        hook_style=script["hook_style"],
        language=script["language"],
    )


def _is_unchanged(known: KnownFiles, scan: LibraryScan) -> bool:
    """Return whether every file and row is the same as at the last sync."""
    return (
        not (scan.parsed or scan.unreadable or scan.rejects or known.unclaimed)
        and scan.unchanged == known.paths
    )


def _apply_library(
    con: Connection,
    known: KnownFiles,
    scan: LibraryScan,
    now: datetime,
    run_id: str | None,
) -> _LibraryChange:
    duplicates = stage_scan(con, scan, known)
    counts, forgotten = stage_changes(con, scan.parsed)
    delete_left_out(con)
    for batch in write_words(con, scan.parsed.batches(), now):
        stage_readings(con, batch)
        write_left_out(con, batch)
    apply_changes(con, now)
    renamed = write_renames(con, now, run_id)
    write_performance(con)
    update_known_files(con)
    sample = tuple(cast(list[ChangedScript], fetch_dicts(con, _SAMPLE)))
    rejects = _first_per_source(scan, duplicates + forgotten)
    return _LibraryChange(counts, renamed, rejects, sample)


def _first_per_source(scan: LibraryScan, later: list[Reject]) -> tuple[Reject, ...]:
    """Return the first reject of each source, sorted by source_uri.

    The rejects of `scan` come before those of `later`.
    """
    rejects = dict(scan.rejects)
    for reject in later:
        rejects.setdefault(reject.source_uri, reject)
    return tuple(rejects[uri] for uri in sorted(rejects))
