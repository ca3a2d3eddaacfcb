"""Defines which facts of lineage are read from rows of the tables.

A fact that one row states by itself, such as the prompt of a draft, is not also written
as an edge; it is read from that row. Other facts are written as edges too. They are
also read from the rows that were written with the edges, so that the check of
completeness can compare both.
"""

from __future__ import annotations

from dataclasses import dataclass

TIME = "%Y-%m-%dT%H:%M:%S"
"""Format of the time (UTC) in the id of a snapshot or of evidence."""


@dataclass(frozen=True)
class Fact:
    """A relation between two kinds; `sql` selects (child_id, parent_id, at) from rows.

    `at` is the time at which the child came into being, or NULL if it is unknown.
    """

    child_kind: str
    parent_kind: str
    relation: str
    sql: str


_LOOKS = f"""
    SELECT DISTINCT experiment_id, data_through,
        experiment_id || ' ' || strftime(data_through, '{TIME}') AS evidence_id
    FROM evidence
    WHERE data_through IS NOT NULL
"""

_SNAPSHOTS = f"""
    SELECT p.post_id, k.evidence_id, k.data_through,
        p.post_id || ' ' || strftime(k.data_through, '{TIME}') AS snapshot_id
    FROM posts AS p
    JOIN ({_LOOKS}) AS k ON k.experiment_id = p.experiment_id
    JOIN (
        SELECT experiment_id, data_through FROM decisions
        WHERE decision <> 'running'
    ) AS d ON d.experiment_id = k.experiment_id AND d.data_through = k.data_through
    WHERE p.status = 'published'
"""

DERIVED = (
    Fact(
        "variant",
        "topic",
        "about",
        "SELECT variant_id AS child_id, topic_id AS parent_id, created_at AS at "
        "FROM drafts WHERE topic_id IS NOT NULL",
    ),
    Fact(
        "variant",
        "prompt",
        "by_prompt",
        "SELECT variant_id AS child_id, prompt_hash AS parent_id, created_at AS at "
        "FROM drafts WHERE prompt_hash IS NOT NULL",
    ),
    Fact(
        "revision",
        "script",
        "words_of",
        "SELECT revision_hash AS child_id, script_id AS parent_id, "
        "first_seen_at AS at FROM scripts WHERE revision_hash IS NOT NULL",
    ),
    Fact(
        "embedding",
        "revision",
        "vector_of",
        "SELECT content_hash || ' ' || model || ' ' || dimensions AS child_id, "
        "content_hash AS parent_id, created_at AS at FROM embeddings",
    ),
    Fact(
        "index_entry",
        "revision",
        "indexes",
        "SELECT index_name || ' ' || namespace || ' ' || script_id AS child_id, "
        "revision_hash AS parent_id, upserted_at AS at FROM index_entries "
        "WHERE revision_hash IS NOT NULL",
    ),
    Fact(
        "post",
        "script",
        "publishes",
        "SELECT post_id AS child_id, script_id AS parent_id, published_at AS at "
        "FROM posts WHERE variant_id IS NULL AND script_id IS NOT NULL",
    ),
    Fact(
        "experiment",
        "topic",
        "tests",
        "SELECT experiment_id AS child_id, topic_id AS parent_id, started_at AS at "
        "FROM experiments WHERE topic_id IS NOT NULL",
    ),
    Fact(
        "snapshot",
        "post",
        "figures_of",
        "SELECT snapshot_id AS child_id, post_id AS parent_id, data_through AS at "
        f"FROM ({_SNAPSHOTS})",
    ),
    Fact(
        "evidence",
        "snapshot",
        "compares",
        "SELECT evidence_id AS child_id, snapshot_id AS parent_id, "
        f"data_through AS at FROM ({_SNAPSHOTS})",
    ),
    Fact(
        "experiment",
        "evidence",
        "rests_on",
        "SELECT d.experiment_id AS child_id, k.evidence_id AS parent_id, "
        f"d.decided_at AS at FROM decisions AS d JOIN ({_LOOKS}) AS k "
        "ON k.experiment_id = d.experiment_id AND k.data_through = d.data_through "
        "WHERE d.decision <> 'running'",
    ),
)
"""Facts without edges, since the child's row has the parent's id."""

_EXAMPLE_PARENTS = (
    ("script", "script_id", "chosen"),
    ("variant", "variant_id", "chosen"),
    ("revision", "revision_hash", "chosen"),
    ("revision", "rejected_revision_hash", "rejected"),
)

RECORDED = (
    Fact(
        "variant",
        "model",
        "by_model",
        "SELECT variant_id AS child_id, model_id AS parent_id FROM drafts "
        "WHERE model_id IS NOT NULL",
    ),
    Fact(
        "variant",
        "model",
        "polished_by",
        "SELECT variant_id AS child_id, polish_model_id AS parent_id FROM variants "
        "WHERE polish_model_id IS NOT NULL",
    ),
    Fact(
        "variant",
        "script",
        "retrieved",
        "SELECT variant_id AS child_id, script_id AS parent_id FROM retrievals",
    ),
    Fact(
        "post",
        "variant",
        "publishes",
        "SELECT post_id AS child_id, variant_id AS parent_id FROM posts "
        "WHERE status = 'published' AND variant_id IS NOT NULL",
    ),
    Fact(
        "revision",
        "variant",
        "edits",
        "SELECT revision_hash AS child_id, variant_id AS parent_id FROM post_edits",
    ),
    Fact(
        "script",
        "variant",
        "promoted_from",
        "SELECT script_id AS child_id, variant_id AS parent_id FROM scripts "
        "WHERE origin = 'winner' AND variant_id IS NOT NULL",
    ),
    Fact(
        "example",
        "experiment",
        "decided",
        "SELECT example_id AS child_id, decision_ref AS parent_id "
        "FROM training_examples WHERE decision_ref IS NOT NULL",
    ),
    *(
        Fact(
            "example",
            kind,
            relation,
            f"SELECT example_id AS child_id, {column} AS parent_id "
            f"FROM training_examples WHERE {column} IS NOT NULL",
        )
        for kind, column, relation in _EXAMPLE_PARENTS
    ),
    Fact(
        "job",
        "dataset",
        "trains_on",
        "SELECT j.job_id AS child_id, j.dataset_hash AS parent_id "
        "FROM fine_tune_jobs AS j SEMI JOIN datasets AS d USING (dataset_hash)",
    ),
    Fact(
        "model",
        "job",
        "made_by",
        "SELECT model_id AS child_id, job_id AS parent_id FROM models "
        "WHERE job_id IS NOT NULL",
    ),
    Fact(
        "model",
        "example",
        "shows",
        "SELECT model_id AS child_id, "
        "unnest(from_json(artifact -> '$.example_ids', '[\"VARCHAR\"]')) AS parent_id "
        "FROM models WHERE artifact IS NOT NULL AND job_id IS NOT NULL",
    ),
    Fact(
        "variant",
        "model",
        "chosen_by",
        "SELECT variant_id AS child_id, model_id AS parent_id FROM hook_choices "
        "WHERE role = 'best' AND model_id IS NOT NULL",
    ),
    Fact(
        "model",
        "post",
        "learnt_from",
        "SELECT model_id AS child_id, post_id AS parent_id FROM ranker_arms",
    ),
)
"""Facts with edges: each pair that `sql` selects must have an edge."""
