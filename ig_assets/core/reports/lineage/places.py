"""Searches the tables for an id or name, or for the beginning of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ig_assets.core.corpus.history_import.identity.vendor_names import plain_permalink
from ig_assets.core.corpus.queries import FORMER_FILE
from ig_assets.core.lineage.facts import DERIVED
from ig_assets.warehouse.warehouse import Connection

MIN_PREFIX = 4

Thing = tuple[str, str]
"""(kind, id)."""


@dataclass(frozen=True)
class _Place:
    """Rows of one kind, and the column of their ids to search.

    `key` is the column of the id to return; if it is empty, `column` is.
    """

    kind: str
    rows: str
    column: str
    key: str = ""


# Of each file of a training set its own hash, which stands for its month's whole set.
_FILES_OF_SETS = """(
    SELECT f.dataset_hash AS file_hash, s.dataset_hash
    FROM datasets AS f
    JOIN datasets AS s ON s.month = f.month AND s.kind = 'all'
    WHERE f.kind <> 'all'
)"""

_SETS = """(
    SELECT dataset_hash FROM datasets
    WHERE kind = 'all' OR month NOT IN (SELECT month FROM datasets WHERE kind = 'all')
)"""

_PLACES = (
    _Place("model", "models", "model_id"),
    _Place("job", "fine_tune_jobs", "job_id"),
    _Place("job", "fine_tune_jobs", "provider_job_id", "job_id"),
    _Place("dataset", _FILES_OF_SETS, "file_hash", "dataset_hash"),
    _Place("dataset", _SETS, "dataset_hash"),
    _Place("example", "training_examples", "example_id"),
    _Place("example", "forgotten_examples", "example_id"),
    _Place("script", "scripts", "script_id"),
    _Place("script", "forgotten_scripts", "script_id"),
    _Place("variant", "drafts", "variant_id"),
    _Place("variant", "variants", "variant_id"),
    _Place("post", "posts", "post_id"),
    _Place("experiment", "experiments", "experiment_id"),
    _Place("topic", "topics", "topic_id"),
    _Place("import", "imports", "import_id"),
    _Place("prompt", "drafts", "prompt_hash"),
    _Place("revision", "scripts", "revision_hash"),
    _Place("revision", "variants", "revision_hash"),
    _Place("revision", "post_edits", "revision_hash"),
)

# What has no table of its own: facts name it. Looked for after all others, since such
# an id may begin with that of a test or of a revision.
_STATED = tuple(
    _Place(kind, f"({fact.sql})", end)
    for fact in DERIVED
    for kind, end in ((fact.child_kind, "child_id"), (fact.parent_kind, "parent_id"))
    if kind not in {place.kind for place in _PLACES}
)

KINDS = tuple(dict.fromkeys(place.kind for place in (*_PLACES, *_STATED)))
"""The kinds that a person may ask for."""

# What only edges name, since its row is gone.
_OF_EDGES = """
SELECT DISTINCT CASE kind WHEN 'decision' THEN 'experiment' ELSE kind END AS kind, id
FROM (
    SELECT child_kind AS kind, child_id AS id FROM edges
    UNION ALL
    SELECT parent_kind, parent_id FROM edges
)
WHERE CASE WHEN $2 THEN starts_with(id, $1) ELSE id = $1 END
ORDER BY kind, id
LIMIT 50
"""


def by_id(con: Connection, wanted: str) -> Iterator[set[Thing]]:
    """Yield the things with exactly this id, one set per table column that has any."""
    for place in _PLACES:
        if found := _of_place(con, place, wanted, beginning=False):
            yield found


def by_stated_id(con: Connection, wanted: str) -> Iterator[set[Thing]]:
    """Yield the things with exactly this id that no table lists as its rows.

    They are searched for in facts, then in edges.
    """
    for place in _STATED:
        yield _of_place(con, place, wanted, beginning=False)
    yield _of_edges(con, wanted, beginning=False)


def by_beginning(con: Connection, prefix: str) -> Iterator[set[Thing]]:
    """Yield sets of things whose id or name begins with `prefix`.

    The sets come from tables, from names of scripts, from facts and from edges, in this
    order. Nothing is yielded for fewer than `MIN_PREFIX` letters.
    """
    if len(prefix) < MIN_PREFIX:
        return
    for places in (_PLACES, _STATED):
        yield {
            thing
            for place in places
            for thing in _of_place(con, place, prefix, beginning=True)
        }
        if places is _PLACES:
            yield {("script", i) for i in scripts_by_name(con, prefix, beginning=True)}
    yield _of_edges(con, prefix, beginning=True)


def _of_place(
    con: Connection, place: _Place, wanted: str, *, beginning: bool
) -> set[Thing]:
    key = place.key or place.column
    fits = "starts_with({}, ?)" if beginning else "{} = ?"
    rows = con.execute(
        f"SELECT DISTINCT {key} FROM {place.rows} "
        f"WHERE {fits.format(place.column)} ORDER BY {key} LIMIT 6",
        [wanted],
    ).fetchall()
    return {(place.kind, str(row[0])) for row in rows}


def _of_edges(con: Connection, wanted: str, *, beginning: bool) -> set[Thing]:
    rows = con.execute(_OF_EDGES, [wanted, beginning]).fetchall()
    return {(str(kind), str(id)) for kind, id in rows}


# Names of a script: its file with and without folders and ending, the table that has it
# as a row, and its own id, which is the end of `library/…` and of `table#…`. What its
# file was called before counts where no script has the name now.
_SCRIPT_NAMES = f"""
WITH files AS (
    SELECT script_id, source_uri, FALSE AS is_former
    FROM scripts
    UNION ALL
    SELECT script_id, former, TRUE
    FROM (
        SELECT script_id, regexp_extract(reason, '{FORMER_FILE}', 1) AS former
        FROM script_status
    )
    WHERE former <> ''
)
SELECT script_id
FROM (
    SELECT script_id, CASE
            WHEN script_id IN (SELECT script_id FROM forgotten_scripts) THEN 2
            WHEN is_former THEN 1
            ELSE 0
        END AS place,
        unnest([
            source_uri,
            parse_filename(source_uri),
            parse_filename(source_uri, TRUE),
            regexp_replace(source_uri, '#[^#]*$', ''),
            parse_filename(regexp_replace(source_uri, '#[^#]*$', '')),
            regexp_extract(script_id, '[^/#]*$')
        ]) AS name
    FROM files
)
WHERE CASE WHEN $2 THEN starts_with(lower(name), lower($1))
    ELSE lower(name) = lower($1) END
GROUP BY script_id
QUALIFY min(place) = min(min(place)) OVER ()
ORDER BY script_id
"""


def scripts_by_name(con: Connection, name: str, *, beginning: bool = False) -> set[str]:
    """Return ids of the scripts with this file or id; letter case is ignored.

    With `beginning`, the name may also be the beginning of one. Scripts whose file had
    the name before are returned only if no other script has it, and forgotten scripts
    only if there are none of these either.
    """
    if not name:
        return set()
    rows = con.execute(_SCRIPT_NAMES, [name, beginning]).fetchall()
    return {str(row[0]) for row in rows}


_BY_NAME = """
SELECT 'script' AS kind, script_id AS id FROM scripts
WHERE lower($1) IN (lower(topic), lower(author))
    AND script_id NOT IN (SELECT script_id FROM forgotten_scripts)
UNION
SELECT 'post', post_id FROM posts
WHERE lower(platform_post_id) IN (lower($1), lower($2))
UNION
SELECT 'post', post_id FROM vendor_post_names
WHERE kind <> 'test'
    AND (value IN ($1, $2) OR kind = 'permalink' AND lower(value) = lower($2))
UNION
SELECT 'experiment', experiment_id FROM experiments
WHERE lower(intent_key) = lower($1)
UNION
SELECT 'variant', v.variant_id FROM variants v
JOIN topics t ON t.month = v.month AND t.topic_id = v.topic_id
WHERE lower(t.topic) = lower($1)
UNION
SELECT 'import', import_id FROM imports
WHERE lower($1) IN (lower(source_uri), lower(parse_filename(source_uri)))
UNION
SELECT 'dataset', dataset_hash
FROM (
    SELECT * FROM datasets WHERE kind = 'all'
    QUALIFY row_number() OVER (
        PARTITION BY month ORDER BY created_at DESC, dataset_hash
    ) = 1
)
WHERE path IN ($3, $4) OR ends_with(path, '/' || $3) OR ends_with(path, '/' || $4)
    OR $5
ORDER BY kind, id
LIMIT 50
"""

# The files of a training set, of which a person may give the name alone.
_DATASET_FILE = (
    r"(sft|dpo)_(train|validation)\.jsonl|manifest\.json|croissant\.json|"
    r"openlineage\.jsonl|lineage\.html"
)


def by_name(con: Connection, name: str) -> set[Thing]:
    """Return the things that a person may know by this name.

    It may be the name of a file, topic, author or test, or a link.
    """
    if not name:
        return set()
    link = plain_permalink(name) if "/" in name else name
    path = name.removeprefix("./").rstrip("/") or name
    folder, _, file = path.rpartition("/")
    of_any_month = not folder and re.fullmatch(_DATASET_FILE, file) is not None
    asked = [name, link, path, folder or path, of_any_month]
    found = {(kind, str(i)) for kind, i in con.execute(_BY_NAME, asked).fetchall()}
    return found | {("script", i) for i in scripts_by_name(con, name)}
