"""Finds the scripts that a request to forget names: by id, file or author."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from ig_assets.core.corpus.queries import scripts_by_author
from ig_assets.core.identity import fields_hash
from ig_assets.errors import InputError
from ig_assets.warehouse.warehouse import Connection

AUTHOR = "author"
"""Name of the step of a request that stores the hash of the author."""


def named_scripts(
    con: Connection,
    names: Sequence[str],
    author: str,
    script_named: Callable[[Connection, str], str],
) -> list[str]:
    """Return the ids of the scripts with these names and of this author, sorted.

    A script is of an author if any of its revisions is (`by_another_now` says whose the
    current words are). `script_named` returns the id of the script that a name means.
    The result may be empty if an earlier request has forgotten all scripts of the
    author. Raises InputError if a name fits no script or several, if no script ever had
    the author, or if neither a name nor an author is given.
    """
    if not names and not author:
        raise InputError("Name a script to forget, or an author with --author.")
    found = {script_named(con, name) for name in names}
    if author:
        theirs = [one.script_id for one in scripts_by_author(con, author)]
        if not theirs and not _is_forgotten_author(con, author):
            raise InputError(f"There is no script whose author is {author!r}.")
        found |= set(theirs)
    return sorted(found)


def author_hash(request_id: str, author: str) -> str:
    """Return the hash by which a request recognises its author; no name is stored."""
    return fields_hash({"request": request_id, "author": author.strip().lower()})


def _is_forgotten_author(con: Connection, author: str) -> bool:
    """Return whether an earlier request named this author."""
    rows = con.execute(
        "SELECT request_id, receipt FROM forget_requests WHERE receipt IS NOT NULL"
    ).fetchall()
    return any(
        json.loads(receipt)["steps"].get(AUTHOR, {}).get("sha256")
        == author_hash(request_id, author)
        for request_id, receipt in rows
    )
