"""Returns a label for each thing in lineage, in people's words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ig_assets.core.corpus.queries import forgotten_variants
from ig_assets.core.lineage.first_words import first_words
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

Node = tuple[str, str]

THESE = "WITH these AS MATERIALIZED (SELECT unnest($1::TEXT[]) AS id)"
"""SQL of the requested ids.

Each query compares the ids before it groups: DuckDB pushes no semi join below an
aggregate, and would group all rows of a table.
"""

# The words of each of these revisions, as a script first, then as the variant that it
# was; $2 are the forgotten variants. Only what was known before the instant $3 counts.
TEXTS = """
SELECT revision_hash, script_id AS id, variant_id,
    coalesce(nullif(hook, ''), text) AS hook, topic, author, origin, simulated,
    hook_style, 0 AS source, first_seen_at AS seen
FROM scripts
WHERE revision_hash IN (SELECT id FROM these)
    AND ($3::TIMESTAMP IS NULL OR first_seen_at IS NULL
        OR first_seen_at < $3::TIMESTAMP)
    AND script_id NOT IN (SELECT script_id FROM forgotten_scripts)
UNION ALL
SELECT v.revision_hash, v.variant_id, v.variant_id, v.hook, t.topic, v.model,
    'generated', e.simulated, v.hook_style, 1, v.created_at
FROM variants v
LEFT JOIN topics t ON t.month = v.month AND t.topic_id = v.topic_id
LEFT JOIN experiments e ON e.month = v.month AND e.topic_id = v.topic_id
WHERE v.revision_hash IN (SELECT id FROM these)
    AND ($3::TIMESTAMP IS NULL OR v.created_at IS NULL
        OR v.created_at < $3::TIMESTAMP)
    AND NOT list_contains($2::TEXT[], v.variant_id)
"""

# kind: its labels, by id.
_LABELS = {
    "script": """
        SELECT script_id AS id,
            coalesce(nullif(hook, ''), text) AS words, author, topic,
            bool_or(coalesce(simulated, FALSE)) OVER (PARTITION BY script_id)
                AS simulated
        FROM (SELECT *, coalesce(first_seen_at, '1970-01-01') AS seen FROM scripts)
        WHERE script_id IN (SELECT id FROM these)
            AND ($3::TIMESTAMP IS NULL OR seen < $3::TIMESTAMP)
            AND script_id NOT IN (SELECT script_id FROM forgotten_scripts)
        QUALIFY row_number() OVER (
            PARTITION BY script_id ORDER BY seen DESC, revision_hash
        ) = 1
    """,
    "variant": """
        SELECT v.variant_id AS id, v.hook AS words, v.model AS author, t.topic,
            v.variant_id IN (SELECT variant_id FROM posts WHERE platform = 'simulated')
                AS simulated
        FROM variants v
        LEFT JOIN topics t ON t.month = v.month AND t.topic_id = v.topic_id
        WHERE v.variant_id IN (SELECT id FROM these)
            AND NOT list_contains($2::TEXT[], v.variant_id)
    """,
    "revision": f"""
        SELECT revision_hash AS id, hook AS words, author, topic,
            bool_or(coalesce(simulated, FALSE)) OVER (PARTITION BY revision_hash)
                AS simulated
        FROM ({TEXTS}) AS texts
        QUALIFY row_number() OVER (
            PARTITION BY revision_hash ORDER BY source, seen NULLS FIRST, texts.id
        ) = 1
    """,
    "post": """
        SELECT post_id AS id,
            concat_ws(' ', platform, 'post of', strftime(slot, '%Y-%m-%d')) AS words,
            NULL AS author, NULL AS topic, platform = 'simulated' AS simulated
        FROM posts
    """,
    "experiment": """
        SELECT e.experiment_id AS id,
            concat('test: ', coalesce(d.decision, 'undecided'),
                CASE WHEN h.cause IS NOT NULL THEN ', held' END) AS words,
            NULL AS author, t.topic, coalesce(e.simulated, FALSE) AS simulated
        FROM experiments e
        LEFT JOIN topics t ON t.month = e.month AND t.topic_id = e.topic_id
        LEFT JOIN (
            SELECT experiment_id, arg_max(decision, decided_at) AS decision
            FROM decisions
            WHERE $3::TIMESTAMP IS NULL OR decided_at < $3::TIMESTAMP
            GROUP BY experiment_id
        ) AS d ON d.experiment_id = e.experiment_id
        LEFT JOIN held_winners h ON h.experiment_id = e.experiment_id
            AND $3::TIMESTAMP IS NULL
    """,
    "example": """
        SELECT example_id AS id,
            any_value(concat(CASE kind WHEN 'dpo' THEN 'preference pair'
                ELSE 'supervised example' END, ' of ', month, ', ', split)) AS words,
            NULL AS author, NULL AS topic, bool_or(coalesce(simulated, FALSE))
            AS simulated
        FROM training_examples
        WHERE example_id IN (SELECT id FROM these)
        GROUP BY example_id
    """,
    "dataset": """
        SELECT dataset_hash AS id,
            any_value(concat('training set of ', month)) AS words,
            NULL AS author, NULL AS topic,
            bool_or(month IN (SELECT month FROM training_examples WHERE simulated))
                AS simulated
        FROM datasets
        GROUP BY dataset_hash
    """,
    "job": """
        SELECT job_id AS id, concat('fine-tune of ', month, ' by ', provider) AS words,
            NULL AS author, NULL AS topic,
            month IN (SELECT month FROM training_examples WHERE simulated) AS simulated
        FROM fine_tune_jobs
    """,
    "model": """
        SELECT m.model_id AS id, m.name AS words, NULL AS author, NULL AS topic,
            coalesce(
                j.month IN (SELECT month FROM training_examples WHERE simulated), FALSE
            ) AS simulated
        FROM models AS m
        LEFT JOIN fine_tune_jobs AS j ON j.job_id = m.job_id
    """,
    "topic": """
        SELECT topic_id AS id, any_value(topic) AS words, NULL AS author,
            any_value(month) AS topic, FALSE AS simulated
        FROM topics
        GROUP BY topic_id
    """,
    "prompt": """
        SELECT DISTINCT prompt_hash AS id, 'prompt' AS words, NULL AS author,
            NULL AS topic, FALSE AS simulated
        FROM drafts
    """,
    "snapshot": """
        SELECT post_id || ' ' || strftime(data_through, '%Y-%m-%dT%H:%M:%S') AS id,
            strftime(data_through, 'figures of %Y-%m-%d') AS words,
            NULL AS author, NULL AS topic, any_value(platform) = 'simulated'
                AS simulated
        FROM posts AS p
        JOIN evidence AS v ON v.experiment_id = p.experiment_id
        WHERE p.post_id IN (SELECT split_part(id, ' ', 1) FROM these)
        GROUP BY ALL
    """,
    "evidence": """
        SELECT experiment_id || ' ' || strftime(data_through, '%Y-%m-%dT%H:%M:%S')
                AS id,
            concat(strftime(data_through, 'evidence of %Y-%m-%d, e = '),
                round(exp(least(max(log_e), 50)), 1)) AS words,
            NULL AS author, NULL AS topic, FALSE AS simulated
        FROM evidence
        WHERE experiment_id IN (SELECT split_part(id, ' ', 1) FROM these)
        GROUP BY experiment_id, data_through
    """,
    "embedding": """
        SELECT content_hash || ' ' || model || ' ' || dimensions AS id,
            concat('vector of ', model) AS words,
            NULL AS author, NULL AS topic, FALSE AS simulated
        FROM embeddings
        WHERE content_hash IN (SELECT split_part(id, ' ', 1) FROM these)
    """,
    "index_entry": """
        SELECT index_name || ' ' || namespace || ' ' || script_id AS id,
            concat('entry of index ', index_name) AS words,
            NULL AS author, NULL AS topic, FALSE AS simulated
        FROM index_entries
    """,
    "import": """
        SELECT import_id AS id, any_value(source_uri) AS words, NULL AS author,
            NULL AS topic, bool_or(coalesce(simulated, FALSE)) AS simulated
        FROM imports
        WHERE import_id IN (SELECT id FROM these)
        GROUP BY import_id
    """,
}


def labels(
    con: Connection, nodes: Iterable[Node], as_of: datetime | None = None
) -> Mapping[Node, str]:
    """Return {node: label} of the nodes that the tables contain.

    A label is, for example, "Cut it thin (knives, Mara)". With `as_of`, it has the
    words and the decision that were known before that instant.
    """
    wanted = defaultdict(set)
    for kind, id in nodes:
        wanted[kind].add(id)
    forgotten = sorted(forgotten_variants(con))
    found = {}
    for kind, ids in wanted.items():
        if kind not in _LABELS:
            continue
        sql = (
            f"{THESE} SELECT * FROM ({_LABELS[kind]}) WHERE id IN (SELECT id FROM "
            "these) AND $2::TEXT[] IS NOT NULL"  # which not every label asks for
            " AND ($3::TIMESTAMP IS NULL OR TRUE)"
        )
        for row in fetch_dicts(con, sql, [sorted(ids), forgotten, as_of]):
            if label := _label(row):
                found[kind, row["id"]] = label
    return found


def _label(row: Mapping[str, Any]) -> str:
    about = ", ".join(part for part in (row["topic"], row["author"]) if part)
    label = first_words(row["words"]) or ""
    label += f" ({about})" if about else ""
    return label + (" [simulated]" if row["simulated"] else "")
