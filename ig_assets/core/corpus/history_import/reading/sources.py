"""Identifies the source of a file: the export of which it is one version.

The source is the name of the export, so that an extended export stays one source; for
an export without a name it is the hash of the file's content. The ids of experiments
and posts depend on the source.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

# These columns identify the words of an arm; another mapping gives another history.
_IDENTITY = {"experiment_id", "arm", "hook", "body", "call_to_action", "text", "image"}

_IMPORTS = """
SELECT import_id, coalesce(source, content_hash) AS source, source_uri, content_hash,
       mapping, rows_read, rows_rejected, numerator, denominator
FROM imports
ORDER BY imported_at, import_id
"""

_SCRIPTS = """
SELECT DISTINCT e.child_id
FROM edges AS e
JOIN imports AS i
  ON i.import_id = e.parent_id
WHERE e.relation = 'imported_from'
  AND coalesce(i.source, i.content_hash) = ?
"""


@dataclass(frozen=True)
class PastImport:
    """A row of `imports`; `source` is the content hash if the export had no name.

    `numerator` and `denominator` are the rate that a person stated, None without one.
    """

    import_id: str
    source: str
    source_uri: str
    content_hash: str
    mapping: str
    rows_read: int
    rows_rejected: int
    numerator: str | None
    denominator: str | None


def source_name(file_name: str) -> str:
    """Return the name of an export: the name of its file without suffixes."""
    name = file_name.removesuffix(".gz")
    return name.rpartition(".")[0] or name


def past_imports(con: Connection) -> list[PastImport]:
    """Return all imports, the oldest first."""
    return [PastImport(**row) for row in fetch_dicts(con, _IMPORTS)]


def source_of(past: Sequence[PastImport], content_hash: str, name: str | None) -> str:
    """Return the source of a file; without a `name` it is the content hash.

    A file of this name may have been imported by its content hash, before exports had
    names. The export then keeps that hash as its source, so that its experiments keep
    their ids.
    """
    if name is None:
        return content_hash
    if any(done.source == name for done in past):
        return name
    unnamed = [
        done.source
        for done in past
        if done.source == done.content_hash and source_name(done.source_uri) == name
    ]
    return unnamed[-1] if unnamed else name


def check_mapping(
    past: PastImport,
    mapping: Mapping[str, str],
    same_bytes: bool,
    columns: Collection[str],
) -> None:
    """Raise InputError if a column is mapped otherwise than at the `past` import.

    With `same_bytes` all columns are compared, otherwise only those of tests, arms,
    words and images: a newer file may have new columns, and a newer version of this
    program may map more of them. A column that the file no longer has was renamed, and
    is not compared. `columns` are the names of the file's columns.
    """
    before: dict[str, str] = json.loads(past.mapping)
    both = {*before} & {*mapping}
    compared = (
        both | ({*before, *mapping} & _IDENTITY) if same_bytes else both & _IDENTITY
    )
    differing = [
        f"{ours} was {before.get(ours, 'no column')} and is now "
        f"{mapping.get(ours, 'no column')}"
        for ours in sorted(compared)
        if before.get(ours) != mapping.get(ours)
        and (same_bytes or before[ours] in columns)
    ]
    if differing:
        raise InputError(
            f"{past.source_uri} was imported before with another mapping: "
            f"{'; '.join(differing)}. Map them as before, or import it as another "
            "source with --source NAME; what the first import made stays either way."
        )


def said_before(
    past: Sequence[PastImport],
    source: str,
    denominator: str | None,
    has: Collection[str],
) -> tuple[str, ...]:
    """Return a note if a person chose another rate for an earlier file of the source.

    The tuple is empty if that rate has the same `denominator`, or if this file has no
    column for it. `has` are the file's columns, by our names.
    """
    said = [
        done.denominator for done in past if done.source == source and done.denominator
    ]
    if not said or said[-1] == denominator or said[-1] not in has:
        return ()
    return (
        f"An earlier file of this source was rated per {said[-1]}, as a person said; "
        f"new tests of this one are rated per {denominator}. --denominator {said[-1]} "
        "rates them as before.",
    )


def known_scripts(con: Connection, source: str) -> set[str]:
    """Return the ids of the scripts in earlier files of the source."""
    return {script_id for (script_id,) in con.execute(_SCRIPTS, [source]).fetchall()}
