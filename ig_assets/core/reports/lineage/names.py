"""Finds the thing that a person means: by an id or its beginning, a file or a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from ig_assets.core.corpus.queries import (
    AuthoredScript,
    forgotten_scripts,
    scripts_by_author,
)
from ig_assets.core.reports.lineage.places import (
    MIN_PREFIX,
    Thing,
    by_beginning,
    by_id,
    by_name,
    by_stated_id,
    scripts_by_name,
)
from ig_assets.errors import InputError
from ig_assets.warehouse.warehouse import Connection


def resolve(
    con: Connection, reference: str, kind: str | None = None
) -> tuple[str, str]:
    """Return (kind, id) of the thing that a person means by `reference`.

    `reference` is an id or its beginning (at least 4 letters), a model's name, a month,
    a file's name, a script's topic or author, or a post's id or address on its
    platform. A month stands for its model, or for its dataset if there is no model.
    With `kind` only things of this kind match. Raises InputError if nothing matches, or
    if several things do; its message then lists them.
    """
    wanted = reference.strip()
    if re.fullmatch(r"\d{4}-\d{2}", wanted) and kind in (None, "model", "dataset"):
        return _of_month(con, wanted, kind)
    if found := next(_fitting(by_id(con, wanted), kind), None):
        return _only_one(wanted, found)
    if kind in (None, "model") and (models := _models_by_name(con, wanted)):
        return "model", models[0]
    steps = chain(
        [by_name(con, wanted)], by_stated_id(con, wanted), by_beginning(con, wanted)
    )
    return _only_one(wanted, next(_fitting(steps, kind), set()))


def _fitting(steps: Iterable[set[Thing]], kind: str | None) -> Iterator[set[Thing]]:
    """Yield, for each step, the things that have the kind (None: any kind).

    Steps without such things are skipped.
    """
    for step in steps:
        if found := {one for one in step if kind in (None, one[0])}:
            yield found


def _models_by_name(con: Connection, name: str) -> list[str]:
    """Return the ids of the models with this name, the latest first."""
    rows = con.execute(
        "SELECT model_id FROM models WHERE name = ? "
        "ORDER BY created_at DESC, model_id",
        [name],
    ).fetchall()
    return [str(row[0]) for row in rows]


def model_named(con: Connection, reference: str) -> str:
    """Return the id of the model that `reference` means.

    It is the model's id, the beginning of the id, or its name. Raises InputError if
    there is none, or if there are several; its message then lists them.
    """
    wanted = reference.strip()
    known = [str(i) for (i,) in con.execute("SELECT model_id FROM models").fetchall()]
    if wanted in known:
        return wanted
    found = set(_models_by_name(con, wanted))
    if not found and len(wanted) >= MIN_PREFIX:
        found = {model_id for model_id in known if model_id.startswith(wanted)}
    if not found:
        raise InputError(
            f"There is no model {wanted!r} in the registry; `ig-assets models list` "
            "has their ids and names."
        )
    return _only_one(wanted, {("model", model_id) for model_id in found})[1]


def script_named(con: Connection, reference: str) -> str:
    """Return the id of the script that `reference` means.

    It is the script's id, its file, or the beginning of either. A topic or author is
    not accepted, since a person may not know that other scripts share it. A forgotten
    script is returned only if no other script has the name. Raises InputError if there
    is none, or if there are several; its message then lists them.
    """
    wanted = reference.strip()
    if next(_fitting(by_id(con, wanted), "script"), None):
        return wanted
    named = {("script", i) for i in scripts_by_name(con, wanted)}
    if len(named) > 1 and (file := _one_file(con, named)) is not None:
        ids = ", ".join(sorted(i for _, i in named)[:5])
        raise InputError(
            f"The file {file} has {len(named)} scripts ({ids}"
            f"{', …' if len(named) > 5 else ''}); name them by their ids, as "
            "`ig-assets scripts list` has them."
        )
    in_tables = islice(by_beginning(con, wanted), 2)
    steps = chain([named], in_tables)
    if found := next(_fitting(steps, "script"), None):
        return _only_one(wanted, found)[1]
    raise InputError(f"There is no script {wanted!r}.")


def _one_file(con: Connection, scripts: set[tuple[str, str]]) -> str | None:
    """Return the file that contains all of these scripts as rows, or None."""
    rows = con.execute(
        "SELECT DISTINCT regexp_replace(source_uri, '#[^#]*$', '') FROM scripts "
        "WHERE script_id IN (SELECT unnest(?::TEXT[]))",
        [[i for _, i in scripts]],
    ).fetchall()
    return str(rows[0][0]) if len(rows) == 1 else None


def within(folder: Path, name: str) -> str:
    """Return a file's name relative to the folder if the file is inside the folder.

    Any other name is returned unchanged.
    """
    path = Path(name)
    if not path.is_absolute() and ("/" not in name or not path.exists()):
        return name
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except (OSError, ValueError):
        return name


def scripts_of_author(con: Connection, author: str) -> list[AuthoredScript]:
    """Return the scripts of an author that are not forgotten, ordered by id.

    A script is returned if any of its revisions has the author; letter case is ignored.
    Raises InputError if there is none.
    """
    gone = forgotten_scripts(con)
    found = [one for one in scripts_by_author(con, author) if one.script_id not in gone]
    if not found:
        raise InputError(
            f"There is no script whose author is {author!r}; `ig-assets scripts list` "
            "names the authors."
        )
    return found


def things_about(con: Connection, topic: str) -> list[tuple[str, str]]:
    """Return (kind, id) of topics with this name or id, and of scripts with this topic.

    Letter case is ignored. Instead of a topic's id, its beginning of at least four
    letters is accepted. Raises InputError if there is neither a topic nor a script, or
    if the ids of several topics have this beginning.
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


def topic_text(con: Connection, ids: Sequence[str]) -> str:
    """Return the topic's text from the calendar; "" if the calendar has none.

    `ids` are all ids of the topic, one per month. The latest month's text is returned.
    """
    rows = con.execute(
        "SELECT topic FROM topics WHERE topic_id IN (SELECT unnest(?::TEXT[])) "
        "AND topic <> '' ORDER BY month DESC LIMIT 1",
        [list(ids)],
    ).fetchall()
    return str(rows[0][0]) if rows else ""


_ABOUT = """
SELECT 'topic' AS kind, topic_id AS id FROM topics
WHERE topic_id = $1 OR lower(trim(topic)) = lower($1)
UNION
SELECT 'script', script_id FROM scripts
WHERE lower(trim(topic)) = lower($1)
    AND script_id NOT IN (SELECT script_id FROM forgotten_scripts)
ORDER BY kind DESC, id
"""


def _of_month(con: Connection, month: str, kind: str | None) -> tuple[str, str]:
    for found in _things_of_month(con, month):
        if kind in (None, found[0]):
            return found
    what = "neither a model nor a dataset" if kind is None else f"no {kind}"
    raise InputError(f"{month} has {what}.")


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
