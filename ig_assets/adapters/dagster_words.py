"""Removes words of forgotten scripts from Dagster's own storage.

Earlier versions quoted passages of notes in the metadata of `raw_scripts`. Events are
stored as JSON: the remark about a forgotten file is replaced whatever its text, and
each sentence of a script is replaced wherever it is quoted. Runs and events themselves
are kept. Dagster may be running meanwhile: a database file that it has locked is
reported, and a later attempt cleans it. `dagster_server_words` cleans a storage on a
server.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from ig_assets.adapters.dagster_server_words import forget_on_server

GONE = "(forgotten)"
_PATIENCE_S = 5.0
_REMARK = "detail"


def forget_in_events(
    homes: Sequence[Path], sources: Collection[str], sentences: Collection[str]
) -> dict[str, Any]:
    """Replace the remarks about `sources`, and all `sentences`, in Dagster's storage.

    `homes` are Dagster's folders; `sources` are URIs of script files. Returns {"cells":
    number of changed cells}, with "in_use" (the names of locked files) if there are
    any, and with the result of `forget_on_server`. The files are vacuumed, so that
    their bytes do not contain the replaced words either. A repeated call changes
    nothing.
    """
    changed = 0
    busy: list[str] = []
    spelt = {form for one in sentences for form in _spellings(one)}
    longest_first = sorted(spelt, key=lambda one: (-len(one), one))
    paths = {path for home in homes for path in home.rglob("*.db") if path.is_file()}
    for path in sorted(paths):
        try:
            changed += _clean(path, set(sources), longest_first)
        except sqlite3.OperationalError:
            busy.append(path.name)
        except sqlite3.DatabaseError:  # no SQLite file: the search reads its bytes
            continue
    found: dict[str, Any] = {"cells": changed} | ({"in_use": busy} if busy else {})
    clean = partial(_cleaned, sources=set(sources), sentences=longest_first)
    sought = [*longest_first, *(form for uri in sources for form in _spellings(uri))]
    for home in homes:
        found |= forget_on_server(home, sought, clean)
    return found


def _clean(path: Path, sources: set[str], sentences: Sequence[str]) -> int:
    changed = 0
    sought = [*sentences, *(form for uri in sources for form in _spellings(uri))]
    with closing(sqlite3.connect(path, timeout=_PATIENCE_S)) as con:
        con.isolation_level = None
        con.execute("PRAGMA secure_delete = ON")
        for table, column in _columns(con):
            cells = con.execute(
                f'SELECT rowid, "{column}" FROM "{table}" '
                f"WHERE typeof(\"{column}\") = 'text'"
            )
            cleaned = [
                (new, rowid)
                for rowid, cell in cells
                if any(one in cell for one in sought)
                and (new := _cleaned(cell, sources, sentences)) != cell
            ]
            con.executemany(
                f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', cleaned
            )
            changed += len(cleaned)
        if changed:
            con.execute("VACUUM")
            con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return changed


def _spellings(text: str) -> set[str]:
    """Return the text, and its JSON forms with non-ASCII letters plain and escaped."""
    in_json = json.dumps(text, ensure_ascii=False)[1:-1]
    return {text, in_json, json.dumps(text)[1:-1]}


def _columns(con: sqlite3.Connection) -> list[tuple[str, str]]:
    tables = con.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' "
        "AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    return [
        (table, row[1])
        for (table,) in tables
        for row in con.execute(f'PRAGMA table_info("{table}")').fetchall()
    ]


def _cleaned(cell: str, sources: set[str], sentences: Sequence[str]) -> str:
    """Return the cell with the words replaced; the identical text if it has none."""
    try:
        value = json.loads(cell) if cell[:1] in ("{", "[") else cell
    except ValueError:
        value = cell
    new = _without(value, sources, sentences)
    if new == value:
        return cell
    return new if isinstance(new, str) else json.dumps(new)


def _without(value: Any, sources: set[str], sentences: Sequence[str]) -> Any:
    if isinstance(value, str):
        for sentence in sentences:
            value = value.replace(sentence, GONE)
        return value
    if isinstance(value, list):
        return [_without(one, sources, sentences) for one in value]
    if not isinstance(value, dict):
        return value
    new = {name: _without(one, sources, sentences) for name, one in value.items()}
    if value.get("source_uri") in sources and isinstance(value.get(_REMARK), str):
        new[_REMARK] = GONE
    return new
