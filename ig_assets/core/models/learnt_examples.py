"""Finds the training examples of a model, and the models of given examples."""

from __future__ import annotations

import json
from collections.abc import Collection

from ig_assets.warehouse.warehouse import Connection

_JOBS = """
    SELECT m.model_id, m.artifact, j.dataset_hash
    FROM models AS m
    JOIN fine_tune_jobs AS j
        ON j.job_id = m.job_id
    ORDER BY m.model_id
"""

_OF_DATASET = """
    SELECT parent_id
    FROM edges
    WHERE child_kind = 'dataset'
        AND child_id = ?
        AND parent_kind = 'example'
"""

_FORGOTTEN = "SELECT DISTINCT example_id FROM forgotten_examples"


def learnt_examples(
    con: Connection, artifact: str | None, dataset_hash: str | None
) -> set[str]:
    """Return the ids of the examples in a model's prompt or training data.

    For a few-shot model these are the ids in its artifact (JSON). For any other model
    they are all lines of its dataset, validation lines included, since the vendor has
    those too.
    """
    shown = json.loads(artifact).get("example_ids") if artifact else None
    if shown is not None:
        return {str(example_id) for example_id in shown}
    return _of_dataset(con, dataset_hash)


def models_of_examples(
    con: Connection, example_ids: Collection[str]
) -> tuple[list[str], list[str]]:
    """Return (ids of models that learnt from an example, ids of related models).

    The related models are few-shot models whose dataset contains one of the examples,
    but whose prompt shows others.
    """
    learnt, near = [], []
    wanted = set(example_ids)
    for model_id, artifact, dataset_hash in con.execute(_JOBS).fetchall():
        if wanted & learnt_examples(con, artifact, dataset_hash):
            learnt.append(str(model_id))
        elif wanted & _of_dataset(con, dataset_hash):
            near.append(str(model_id))
    return learnt, near


def learnt_from_forgotten(
    con: Connection, artifact: str | None, dataset_hash: str | None
) -> bool:
    """Return whether an example from which a model learnt has been forgotten."""
    forgotten = {i for (i,) in con.execute(_FORGOTTEN).fetchall()}
    return bool(forgotten & learnt_examples(con, artifact, dataset_hash))


def _of_dataset(con: Connection, dataset_hash: str | None) -> set[str]:
    rows = con.execute(_OF_DATASET, [dataset_hash]).fetchall()
    return {str(example_id) for (example_id,) in rows}
