"""Which script a post's words are: edited words are a new revision of the same one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ig_assets.core.corpus.history_import.arms import ImportedArm, script_id_of
from ig_assets.core.corpus.history_import.figures import ScriptPost
from ig_assets.core.corpus.history_import.identity.file_posts import FilePost
from ig_assets.core.corpus.history_import.reading_times import ReadingTime
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


def current_words(
    con: Connection,
    posts: Sequence[FilePost],
    arms: Sequence[ImportedArm],
    time: ReadingTime,
) -> tuple[list[ScriptPost], set[str]]:
    """Each post with its script, and the ids of the scripts whose words were edited.

    A post whose words were edited stays its script, in a new revision, unless another
    post shows the script too, the new words are a script already, or the file is older
    than what is known.
    """
    arm_of = {arm.row.number: arm for arm in arms}
    changed = {
        arm.row.number: arm
        for arm in arms
        if arm.known is not None and arm.known.revision_hash != arm.row.revision_hash
    }
    before = [arm.script_id for arm in changed.values()]
    shared = Counter(dict(con.execute(_POSTS, [before]).fetchall()))
    own_ids = [script_id_of(arm.row) for arm in changed.values()]
    existing = {i for (i,) in con.execute(_EXISTING, [own_ids]).fetchall()}
    in_file = {
        (
            arm_of[post.row.number].script_id
            if post.row.number in arm_of
            else script_id_of(post.row)
        )
        for post in posts
        if post.row.number not in changed
    }
    found, edited = [], set()
    for post in posts:
        number = post.row.number
        script_id = script_id_of(post.row)
        if number in changed:
            arm = changed[number]
            read_at = arm.known.read_at if arm.known else None
            is_older = read_at and time.readings(post)[-1].at < read_at
            alone = shared[arm.script_id] < 2 and arm.script_id not in in_file
            if alone and script_id not in existing and not is_older:
                script_id = arm.script_id
                edited.add(script_id)
        elif number in arm_of:
            script_id = arm_of[number].script_id
        found.append(ScriptPost(post, script_id))
    return found, edited
