"""Finds what a person names: by an id or its beginning, a file, a link, a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ig_assets.core.corpus.history_import.identity.vendor_names import plain_permalink
from ig_assets.errors import InputError
from ig_assets.warehouse.warehouse import Connection

MIN_PREFIX = 4

# Where a user's argument is looked for: kind, table, column; first hit wins.
_PLACES = (
    ("model", "models", "model_id"),
    ("job", "fine_tune_jobs", "job_id"),
    ("job", "fine_tune_jobs", "provider_job_id"),
    ("dataset", "datasets", "dataset_hash"),
    ("example", "training_examples", "example_id"),
    ("script", "scripts", "script_id"),
    ("script", "forgotten", "script_id"),
    ("variant", "drafts", "variant_id"),
    ("variant", "variants", "variant_id"),
    ("post", "posts", "post_id"),
    ("experiment", "experiments", "experiment_id"),
    ("revision", "scripts", "revision_hash"),
    ("revision", "variants", "revision_hash"),
    ("revision", "post_edits", "revision_hash"),
)


KINDS = tuple(dict.fromkeys([*(kind for kind, _, _ in _PLACES), "import"]))
"""What a person may ask for by kind."""


def resolve(
    con: Connection, reference: str, kind: str | None = None
) -> tuple[str, str]:
    """The kind and id that a user means.

    By an id or its beginning (4 letters or more), a model's name, a month, a file's
    name, a script's topic or author, or a post's id or address on its platform. A month
    means its model, or its dataset where there is no model. With `kind` only things of
    this kind fit. Raises InputError when nothing fits, or more than one thing: then it
    lists them.
    """
    wanted = reference.strip()
    if kind is not None:
        return _of_kind(con, wanted, kind)
    if re.fullmatch(r"\d{4}-\d{2}", wanted):
        return _of_month(con, wanted)
    for found in _by_id(con, wanted):
        return found
    named = con.execute(
        "SELECT model_id FROM models WHERE name = ? "
        "ORDER BY created_at DESC, model_id LIMIT 1",
        [wanted],
    ).fetchall()
    if named:
        return "model", str(named[0][0])
    return _only_one(wanted, _by_name(con, wanted) or _by_prefix(con, wanted))


def within(folder: Path, name: str) -> str:
    """The name of a file in the folder relative to it; any other name as it is."""
    path = Path(name)
    if not path.is_absolute() and ("/" not in name or not path.exists()):
        return name
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except (OSError, ValueError):
        return name


def _of_kind(con: Connection, wanted: str, kind: str) -> tuple[str, str]:
    """The one thing of a kind that is named so."""
    if re.fullmatch(r"\d{4}-\d{2}", wanted) and kind in ("model", "dataset"):
        found = {one for one in _things_of_month(con, wanted) if one[0] == kind}
        return _only_one(wanted, found)
    exact = [one for one in _by_id(con, wanted) if one[0] == kind]
    if exact:
        return exact[0]
    named = {one for one in _by_name(con, wanted) if one[0] == kind}
    return _only_one(
        wanted, named or {one for one in _by_prefix(con, wanted) if one[0] == kind}
    )


def scripts_of_author(con: Connection, author: str) -> list[str]:
    """Ids of the scripts by an author, whatever its case, that are not forgotten.

    Raises InputError where there is none.
    """
    rows = con.execute(
        "SELECT DISTINCT script_id FROM scripts "
        "WHERE lower(trim(author)) = lower(trim(?)) "
        "AND script_id NOT IN (SELECT script_id FROM forgotten_scripts) "
        "ORDER BY script_id",
        [author],
    ).fetchall()
    if not rows:
        raise InputError(
            f"There is no script whose author is {author!r}; `ig-assets scripts list` "
            "names the authors."
        )
    return [str(script_id) for (script_id,) in rows]


def things_about(con: Connection, topic: str) -> list[tuple[str, str]]:
    """Topics of the calendar of this name or id, and the scripts that are labelled so.

    Whatever its case; a beginning of a topic's id, of four letters or more, will do.
    Raises InputError where there is neither, and where several topics begin so.
    """
    wanted = topic.strip()
    found = con.execute(_ABOUT, [wanted]).fetchall()
    if not found and len(wanted) >= MIN_PREFIX:
        found = con.execute(
            "SELECT DISTINCT 'topic', topic_id FROM topics "
            "WHERE starts_with(topic_id, ?) ORDER BY topic_id LIMIT 6",
            [wanted],
        ).fetchall()
        if len(found) > 1:
            _only_one(wanted, {(kind, str(id)) for kind, id in found})
    if not found:
        raise InputError(
            f"There is no topic {topic!r}; `ig-assets topics list` and `ig-assets "
            "scripts list` name them."
        )
    return [(str(kind), str(id)) for kind, id in found]


_ABOUT = """
SELECT 'topic' AS kind, topic_id AS id FROM topics
WHERE topic_id = $1 OR lower(trim(topic)) = lower($1)
UNION
SELECT 'script', script_id FROM scripts
WHERE lower(trim(topic)) = lower($1)
    AND script_id NOT IN (SELECT script_id FROM forgotten_scripts)
ORDER BY kind DESC, id
"""


def _by_id(con: Connection, wanted: str) -> Iterator[tuple[str, str]]:
    """Things with this very id, in the order of the places."""
    for kind, table, column in _PLACES:
        key = "job_id" if column == "provider_job_id" else column
        rows = con.execute(
            f"SELECT {key} FROM {table} WHERE {column} = ? LIMIT 1", [wanted]
        ).fetchall()
        if rows:
            yield kind, str(rows[0][0])


def _of_month(con: Connection, month: str) -> tuple[str, str]:
    for found in _things_of_month(con, month):
        return found
    raise InputError(f"{month} has neither a model nor a dataset.")


def _things_of_month(con: Connection, month: str) -> Iterator[tuple[str, str]]:
    for kind, sql in (
        (
            "model",
            "SELECT m.model_id FROM models m JOIN fine_tune_jobs j "
            "ON j.job_id = m.job_id WHERE j.month = ? "
            "ORDER BY m.created_at DESC, m.model_id LIMIT 1",
        ),
        (
            "dataset",
            "SELECT dataset_hash FROM datasets WHERE month = ? AND kind = 'all' "
            "ORDER BY created_at DESC, dataset_hash LIMIT 1",
        ),
    ):
        rows = con.execute(sql, [month]).fetchall()
        if rows:
            yield kind, str(rows[0][0])


_BY_NAME = """
SELECT 'script' AS kind, script_id AS id FROM scripts
WHERE lower($1) IN (
    lower(source_uri), lower(parse_filename(source_uri)),
    lower(parse_filename(source_uri, TRUE)), lower(topic), lower(author)
) AND script_id NOT IN (SELECT script_id FROM forgotten_scripts)
UNION
SELECT 'post', post_id FROM posts
WHERE lower(platform_post_id) IN (lower($1), lower($2))
UNION
SELECT 'post', post_id FROM vendor_post_names
WHERE value IN ($1, $2) OR kind = 'permalink' AND lower(value) = lower($2)
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


def _by_name(con: Connection, name: str) -> set[tuple[str, str]]:
    """What a person may know by this name: of a file, topic, author, link or post."""
    if not name:
        return set()
    link = plain_permalink(name) if "/" in name else name
    path = name.removeprefix("./").rstrip("/") or name
    folder, _, file = path.rpartition("/")
    of_any_month = not folder and re.fullmatch(_DATASET_FILE, file) is not None
    asked = [name, link, path, folder or path, of_any_month]
    return {(kind, str(i)) for kind, i in con.execute(_BY_NAME, asked).fetchall()}


def _by_prefix(con: Connection, prefix: str) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    if len(prefix) >= MIN_PREFIX:
        for kind, table, column in _PLACES:
            key = "job_id" if column == "provider_job_id" else column
            rows = con.execute(
                f"SELECT DISTINCT {key} FROM {table} "
                f"WHERE starts_with({column}, ?) ORDER BY {key} LIMIT 6",
                [prefix],
            ).fetchall()
            found |= {(kind, str(row[0])) for row in rows}
    return found


def _only_one(wanted: str, found: set[tuple[str, str]]) -> tuple[str, str]:
    if not found:
        raise InputError(
            f"Nothing is called {wanted!r}; give a month, the name of a model, file, "
            f"topic or author, or at least {MIN_PREFIX} letters of an id."
        )
    if len(found) > 1:
        names = ", ".join(f"{kind} {i}" for kind, i in sorted(found)[:5])
        more = f" and {len(found) - 5} more or so" if len(found) > 5 else ""
        raise InputError(
            f"{wanted!r} may be one of: {names}{more}; give one of these, or its kind "
            "first, as in `script NAME`; `topic NAME` is all of a topic."
        )
    return found.pop()
