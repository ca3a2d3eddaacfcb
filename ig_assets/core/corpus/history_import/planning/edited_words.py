"""Decides which script a post shows: edited words are a new revision of the script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ig_assets.core.corpus.history_import.identity.file_posts import FilePost
from ig_assets.core.corpus.history_import.identity.known_posts import KnownPost
from ig_assets.core.corpus.history_import.identity.matching import KnownLookup
from ig_assets.core.corpus.history_import.planning.arms import ImportedArm, script_id_of
from ig_assets.core.corpus.history_import.planning.figures import ScriptPost
from ig_assets.core.corpus.history_import.planning.reading_times import ReadingTime
from ig_assets.warehouse.warehouse import Connection

_POSTS = """
    SELECT script_id, count(*)
    FROM posts
    WHERE script_id IN (SELECT unnest(?::TEXT[]))
    GROUP BY script_id
"""

_EXISTING = """
    SELECT DISTINCT script_id
    FROM script_status
    WHERE script_id IN (SELECT unnest(?::TEXT[]))
"""

_CURRENT = """
    SELECT script_id, revision_hash
    FROM latest_script_status
    WHERE script_id IN (SELECT unnest(?::TEXT[]))
"""


def current_words(
    con: Connection,
    posts: Sequence[FilePost],
    arms: Sequence[ImportedArm],
    time: ReadingTime,
    lookup: KnownLookup,
) -> tuple[list[ScriptPost], set[str]]:
    """Return (each post with its script, ids of the scripts whose words changed).

    Edited words usually become a new revision of the post's script. If another post
    shows the same script, they become a script of their own. If an existing script
    already has the edited words, the post shows that script. Words from an older
    reading become a revision, but not the current one. `lookup` finds known posts that
    have no rate and therefore are not among `arms`.
    """
    arm_of = {arm.row.number: arm for arm in arms}
    known_of = {
        post.row.number: known
        for post in posts
        if (known := _known(post, arm_of.get(post.row.number), lookup)) is not None
    }
    scripts = [known.script_id for known in known_of.values()]
    current = dict(con.execute(_CURRENT, [scripts]).fetchall())
    changed = {
        post.row.number: known_of[post.row.number]
        for post in posts
        if post.row.number in known_of
        and {
            known_of[post.row.number].revision_hash,
            current.get(known_of[post.row.number].script_id),
        }
        != {post.row.revision_hash}
    }
    shared = Counter(dict(con.execute(_POSTS, [scripts]).fetchall()))
    own_ids = [script_id_of(p.row) for p in posts if p.row.number in changed]
    taken = {i for (i,) in con.execute(_EXISTING, [own_ids]).fetchall()}
    in_file = Counter(
        _script_of(post, known_of.get(post.row.number), arm_of.get(post.row.number))
        for post in posts
        if post.row.number not in changed
    )
    taken |= in_file.keys()
    found, edited = [], set()
    for post in posts:
        known = changed.get(post.row.number)
        arm = arm_of.get(post.row.number)
        script_id = _script_of(post, known_of.get(post.row.number), arm)
        if known is not None:
            own = script_id_of(post.row)
            alone = shared[script_id] < 2 and script_id not in in_file
            if not alone or (own != script_id and own in taken):
                script_id = own
            elif not _is_older(post, known, time):
                edited.add(script_id)
        found.append(ScriptPost(post, script_id))
    return found, edited


def _known(
    post: FilePost, arm: ImportedArm | None, lookup: KnownLookup
) -> KnownPost | None:
    return arm.known if arm is not None else lookup.by_name(post, None)


def _script_of(post: FilePost, known: KnownPost | None, arm: ImportedArm | None) -> str:
    if arm is not None:
        return arm.script_id
    return known.script_id if known is not None else script_id_of(post.row)


def _is_older(post: FilePost, known: KnownPost, time: ReadingTime) -> bool:
    """Return whether a post was read before the latest known reading.

    If the file has no reading time, the post also counts as older if at least one of
    its counters is lower than the known value and none is higher.
    """
    reading = time.readings(post)[-1]
    if known.read_at is None:
        return False
    if reading.at < known.read_at:
        return True
    latest = known.counts
    steps = [
        value - latest[name]
        for name, value in post.row.counts.items()
        if name in latest
    ]
    return not reading.is_own and min(steps, default=0) < 0 >= max(steps, default=0)
