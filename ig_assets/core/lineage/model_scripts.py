"""Stores which scripts fed a model, and which models a script fed.

The edges contain the same relation, five steps apart. The table `model_scripts` makes
it one look-up, since it is queried for many models and scripts at once.

A script fed a model if a training line of the model has the script or exactly its
words, as the better or the worse text, or if a ranker was fitted on a post of the
script. Rows are written in the transaction that registers a model or writes scripts;
the check of completeness compares them with the edges.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from ig_assets.warehouse.warehouse import Connection

# From a model to what its training lines hold; the edges of `s` and `m` are the ends.
_LINES = """
    edges AS m
    JOIN edges AS j
        ON j.child_kind = 'job'
        AND j.child_id = m.parent_id
        AND j.relation = 'trains_on'
    JOIN edges AS d
        ON d.child_kind = 'dataset'
        AND d.child_id = j.parent_id
        AND d.parent_kind = 'example'
    JOIN edges AS s
        ON s.child_kind = 'example'
        AND s.child_id = d.parent_id
        AND s.relation IN ('chosen', 'rejected')
"""
_OF_A_MODEL = "m.child_kind = 'model' AND m.relation = 'made_by'"

_FED = f"""
    WITH held AS MATERIALIZED (
        SELECT m.child_id AS model_id, s.parent_kind AS kind, s.parent_id AS id
        FROM {_LINES}
        WHERE {_OF_A_MODEL} AND {{of_model}}
        UNION
        SELECT m.model_id, 'script', m.script_id
        FROM ranker_arms AS m
        WHERE m.script_id IS NOT NULL AND {{of_ranker}}
        UNION
        SELECT m.model_id, 'revision', m.revision_hash
        FROM ranker_arms AS m
        WHERE m.revision_hash IS NOT NULL AND {{of_ranker}}
    )
    SELECT model_id, id AS script_id
    FROM held
    WHERE kind = 'script'
    UNION
    SELECT held.model_id, s.script_id
    FROM held
    JOIN scripts AS s
        ON s.revision_hash = held.id
    WHERE held.kind = 'revision'
"""
FED = _FED.format(of_model="TRUE", of_ranker="TRUE")
"""SQL of (model_id, script_id) of all models, from edges, arms and words."""

_FED_MODELS = _FED.format(
    of_model="m.child_id IN (SELECT unnest($1::TEXT[]))",
    of_ranker="m.model_id IN (SELECT unnest($1::TEXT[]))",
)

_BY_WORDS = f"""
    WITH written AS MATERIALIZED (
        SELECT script_id, revision_hash
        FROM scripts
        WHERE script_id IN (SELECT unnest($1::TEXT[]))
    )
    SELECT m.child_id AS model_id, w.script_id
    FROM {_LINES}
    JOIN written AS w
        ON w.revision_hash = s.parent_id
    WHERE {_OF_A_MODEL}
        AND s.parent_kind = 'revision'
    UNION
    SELECT a.model_id, w.script_id
    FROM ranker_arms AS a
    JOIN written AS w
        ON w.revision_hash = a.revision_hash
"""

# A number made of a script's id. DuckDB finds equal numbers among 100,000 rows in a
# third of the time that it takes for equal texts.
_KEY = "(md5_number_lower({script_id}) >> 1)::BIGINT"

_RECORD = f"""
    INSERT INTO model_scripts (model_id, script_id, script_key)
    SELECT model_id, script_id, {_KEY.format(script_id="script_id")}
    FROM (
        SELECT model_id, script_id
        FROM ({{fed}})
        EXCEPT
        SELECT model_id, script_id
        FROM model_scripts
    )
    ORDER BY ALL
"""
_RECORD_MODELS = _RECORD.format(fed=_FED_MODELS)
_RECORD_SCRIPTS = _RECORD.format(fed=_BY_WORDS)

_ANY = "SELECT 1 FROM model_scripts LIMIT 1"
_SCRIPTS = "SELECT script_id AS id FROM model_scripts WHERE model_id = ?"
_MODELS = f"""
    SELECT model_id AS id
    FROM model_scripts
    WHERE script_key = {_KEY.format(script_id="$1")}
        AND script_id = $1
"""
_MODELS_OF_ALL = """
    SELECT DISTINCT model_id AS id
    FROM model_scripts
    WHERE script_id IN (SELECT unnest($1::TEXT[]))
        AND ($2::TIMESTAMP IS NULL OR model_id IN (
            SELECT model_id
            FROM models
            WHERE created_at < $2::TIMESTAMP
        ))
"""
_COUNTS = "SELECT model_id, count(*) FROM model_scripts GROUP BY model_id"


def record_models(con: Connection, *model_ids: str) -> None:
    """Record which scripts fed these models.

    Call it in the transaction that wrote the models' edges. Existing rows stay.
    """
    con.execute(_RECORD_MODELS, [list(model_ids)])


def record_scripts(con: Connection, script_ids: Iterable[str]) -> None:
    """Record which models these scripts fed.

    Call it in the transaction that wrote the scripts. A new script may have fed a model
    already if its words are in a training line, for example the words of a winner.
    """
    wanted = sorted(set(script_ids))
    if wanted and con.execute(_ANY).fetchall():
        con.execute(_RECORD_SCRIPTS, [wanted])


def script_ids_of_model(con: Connection, model_id: str) -> list[str]:
    """Return the ids of the scripts that fed a model, sorted, forgotten ones included.

    The list is empty for a base model and for an unknown id.
    """
    return _sorted_ids(con, _SCRIPTS, model_id)


def model_ids_of_script(con: Connection, script_id: str) -> list[str]:
    """Return the ids of the models that a script fed, sorted; [] for an unknown id."""
    return _sorted_ids(con, _MODELS, script_id)


def model_ids_of_scripts(
    con: Connection, script_ids: Iterable[str], as_of: datetime | None = None
) -> list[str]:
    """Return the ids of the models that any of these scripts fed, sorted.

    With `as_of` only models that were registered before that instant are returned.
    """
    rows = con.execute(_MODELS_OF_ALL, [sorted(script_ids), as_of]).fetchall()
    return sorted(str(model_id) for (model_id,) in rows)


_SIMULATED = """
    SELECT m.model_id, bool_and(e.simulated) AS of_all
    FROM models AS m
    JOIN fine_tune_jobs AS j
      ON j.job_id = m.job_id
    JOIN training_examples AS e
      ON e.month = j.month
    GROUP BY m.model_id
    HAVING bool_or(e.simulated)
"""


def script_counts(con: Connection) -> dict[str, int]:
    """Return {model id: number of its scripts} for models that a script fed."""
    return {str(model): int(n) for model, n in con.execute(_COUNTS).fetchall()}


def simulated_models(con: Connection) -> dict[str, str]:
    """Return {model id: "all" or "some"} for models with simulated training examples.

    An example is simulated if a simulated audience decided it.
    """
    rows = con.execute(_SIMULATED).fetchall()
    return {str(model): "all" if of_all else "some" for model, of_all in rows}


def _sorted_ids(con: Connection, sql: str, id: str) -> list[str]:
    """Return the query's column `id`, sorted.

    It is sorted in Python, since beginning a sort takes DuckDB longer than the look-up
    itself. It is fetched as one array, which takes half the time of fetching rows.
    """
    found = con.execute(sql, [id]).fetchnumpy()["id"]
    return sorted(cast(list[str], found.tolist()))
