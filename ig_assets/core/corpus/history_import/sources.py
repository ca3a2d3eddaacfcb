"""Identifies the export that a file belongs to, and the rows of its earlier files.

The ids of experiments and posts depend on the source: the name of an export, so that
an extended export stays one source; or, without a name, the hash of a file's content.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from ig_assets.core.identity import stable_id
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

# These columns identify the words of an arm: mapped to others, the history differs.
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


class ArmContent(NamedTuple):
    """What an arm showed: its words, and its image as `posts.detail` names it."""

    revision_hash: str
    image: str | None


class PublishedContent(NamedTuple):
    """What was published when; `posted_on` is naive UTC."""

    revision_hash: str
    posted_on: datetime | None
    image: str | None


class KnownArm(NamedTuple):
    """An arm that an earlier file of the source had."""

    label: str
    content: ArmContent
    post_id: str


@dataclass(frozen=True)
class PastImport:
    """A row of `imports`; `source` is the content hash where the import had no name."""

    import_id: str
    source: str
    source_uri: str
    content_hash: str
    mapping: str
    rows_read: int
    rows_rejected: int


@dataclass(frozen=True)
class KnownPosts:
    """A source's posts from earlier imports.

    `arms` are those of each experiment, by its id; `singles` the ids of posts in no
    experiment, by content. `make_arms` removes the singles that it uses.
    """

    arms: Mapping[str, list[KnownArm]] = field(default_factory=dict)
    singles: Mapping[PublishedContent, list[str]] = field(default_factory=dict)


def source_name(file_name: str) -> str:
    """The name of an export: its file's name without suffixes."""
    name = file_name.removesuffix(".gz")
    return name.rpartition(".")[0] or name


def past_imports(con: Connection) -> list[PastImport]:
    """All imports, the oldest first."""
    return [PastImport(**row) for row in fetch_dicts(con, _IMPORTS)]


def source_of(past: Sequence[PastImport], content_hash: str, name: str | None) -> str:
    """The source of a file; without a name it is its content hash.

    Before exports had names, a file of this name was imported by its content: the
    export then keeps that source, so that its experiments stay the same.
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
    past: PastImport, mapping: Mapping[str, str], same_bytes: bool
) -> None:
    """Raise InputError where a column is mapped otherwise than at the `past` import.

    An extended export may have more columns, but must have the words in the same one.
    """
    before: dict[str, str] = json.loads(past.mapping)
    compared = {*before, *mapping} if same_bytes else {*before} & {*mapping} & _IDENTITY
    differing = [
        f"{ours} was {before.get(ours, 'no column')} and is now "
        f"{mapping.get(ours, 'no column')}"
        for ours in sorted(compared)
        if before.get(ours) != mapping.get(ours)
    ]
    if differing:
        raise InputError(
            f"{past.source_uri} was imported before with another mapping: "
            f"{'; '.join(differing)}. Map them as before, or import it as another "
            "source with --source NAME; what the first import made stays either way."
        )


def known_posts(
    con: Connection,
    past: Sequence[PastImport],
    source: str,
    experiment_ids: Collection[str],
    single_ids: Collection[str],
) -> KnownPosts:
    """The posts of these experiments, and those in none that have one of these ids."""
    unnamed = [
        stable_id("post", "history", done.import_id, number)
        for done in past
        if done.source == source == done.content_hash
        for number in range(1, done.rows_read + 1)
    ]
    arms: dict[str, list[KnownArm]] = defaultdict(list)
    singles: dict[PublishedContent, list[str]] = defaultdict(list)
    posts: list[dict[str, Any]] = fetch_dicts(
        con, _POSTS, [list(experiment_ids), [*single_ids, *unnamed]]
    )
    for post in posts:
        revision_hash, image = post["published_revision_hash"], post["detail"]
        if post["experiment_id"] in experiment_ids:
            content = ArmContent(revision_hash, image)
            known = KnownArm(post["arm"], content, post["post_id"])
            arms[post["experiment_id"]].append(known)
        elif post["experiment_id"] is None:
            published = PublishedContent(revision_hash, post["published_at"], image)
            singles[published].append(post["post_id"])
    return KnownPosts(arms, singles)


def known_scripts(con: Connection, source: str) -> set[str]:
    """The ids of the scripts that earlier files of the source had."""
    return {script_id for (script_id,) in con.execute(_SCRIPTS, [source]).fetchall()}
