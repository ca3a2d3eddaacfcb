"""Which export a history file is of, and what earlier files of it left behind.

A source gives ids to tests and posts. It is an export's name, so that one which grows
stays one source; or, without a name, a file's content.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ig_assets.core.identity import stable_id
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

# What says which words an arm had: to read them from another column is another past.
_IDENTITY = {"experiment_id", "arm", "hook", "body", "call_to_action", "text", "image"}

_IMPORTS = """
SELECT import_id, coalesce(source, content_hash) AS source, source_uri, content_hash,
       mapping, rows_read, rows_rejected
FROM imports
ORDER BY imported_at, import_id
"""

_POSTS = """
SELECT post_id, experiment_id, arm, published_revision_hash, published_at, detail
FROM posts
WHERE platform = 'history'
  AND (
      experiment_id IN (SELECT unnest(?::TEXT[]))
      OR post_id IN (SELECT unnest(?::TEXT[]))
  )
ORDER BY experiment_id, arm, post_id
"""

_SCRIPTS = """
SELECT DISTINCT e.child_id
FROM edges AS e
JOIN imports AS i
  ON i.import_id = e.parent_id
WHERE e.relation = 'imported_from'
  AND coalesce(i.source, i.content_hash) = ?
"""

Words = tuple[str, str | None]
Published = tuple[str, datetime | None, str | None]


@dataclass(frozen=True)
class Earlier:
    """One import that was done."""

    import_id: str
    source: str
    source_uri: str
    content_hash: str
    mapping: str
    rows_read: int
    rows_rejected: int


@dataclass(frozen=True)
class KnownPosts:
    """A source's posts that are there already, to be taken one by one.

    `arms` are those of a test, (label, words, post id); `singles` the ids of posts
    that are in none, by what was published when.
    """

    arms: Mapping[str, list[tuple[str, Words, str]]] = field(default_factory=dict)
    singles: Mapping[Published, list[str]] = field(default_factory=dict)


def source_name(file_name: str) -> str:
    """An export's name: its file's, without the suffixes."""
    name = file_name.removesuffix(".gz")
    return name.rpartition(".")[0] or name


def earlier_imports(con: Connection) -> list[Earlier]:
    """All imports, the oldest first."""
    return [Earlier(**row) for row in fetch_dicts(con, _IMPORTS)]


def source_of(earlier: Sequence[Earlier], content_hash: str, name: str | None) -> str:
    """The source of a file; without a name it is its content.

    A name's earlier file may have come in by its content, before exports had names:
    the file goes on under that, so that its tests stay the same tests.
    """
    if name is None:
        return content_hash
    if any(past.source == name for past in earlier):
        return name
    unnamed = [
        past.source
        for past in earlier
        if past.source == past.content_hash and source_name(past.source_uri) == name
    ]
    return unnamed[-1] if unnamed else name


def check_mapping(past: Earlier, now: Mapping[str, str], same_bytes: bool) -> None:
    """Refuse columns that are understood otherwise than they were.

    A file that grew may have other columns, but not the words in another one. Raises
    InputError.
    """
    before: dict[str, str] = json.loads(past.mapping)
    compared = {*before, *now} if same_bytes else {*before} & {*now} & _IDENTITY
    differing = [
        f"{ours} was {before.get(ours, 'no column')} and is now "
        f"{now.get(ours, 'no column')}"
        for ours in sorted(compared)
        if before.get(ours) != now.get(ours)
    ]
    if differing:
        raise InputError(
            f"{past.source_uri} was imported before with another mapping: "
            f"{'; '.join(differing)}. Map them as before, or import it as another "
            "source with --source NAME; what the first import made stays either way."
        )


def known_posts(
    con: Connection,
    earlier: Sequence[Earlier],
    source: str,
    experiment_ids: Sequence[str],
    single_ids: Sequence[str],
) -> KnownPosts:
    """The posts of these tests, and those in none that have one of these ids."""
    unnamed = [
        stable_id("post", "history", past.import_id, number)
        for past in earlier
        if past.source == source == past.content_hash
        for number in range(1, past.rows_read + 1)
    ]
    arms: dict[str, list[tuple[str, Words, str]]] = defaultdict(list)
    singles: dict[Published, list[str]] = defaultdict(list)
    posts: list[dict[str, Any]] = fetch_dicts(
        con, _POSTS, [list(experiment_ids), [*single_ids, *unnamed]]
    )
    tests = set(experiment_ids)
    for post in posts:
        words = (post["published_revision_hash"], post["detail"])
        if post["experiment_id"] in tests:
            known = (post["arm"], words, post["post_id"])
            arms[post["experiment_id"]].append(known)
        elif post["experiment_id"] is None:
            published = (words[0], post["published_at"], words[1])
            singles[published].append(post["post_id"])
    return KnownPosts(arms, singles)


def known_scripts(con: Connection, source: str) -> set[str]:
    """The scripts that earlier files of the source had."""
    return {script_id for (script_id,) in con.execute(_SCRIPTS, [source]).fetchall()}
