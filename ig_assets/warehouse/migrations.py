"""Define the schema as numbered migrations; each is applied once, in order.

A released migration is never edited; a change of the schema is a new migration, named
after the change. Applied migrations are recognised by their number, so that data
folders that recorded earlier names keep working. Columns are named by their meaning;
times are naive UTC; ids are text; `*_hash` is SHA-256, hex. Keys are not declared
(DuckLake has none): rows are written with `rows.merge_rows` by the keys in `KEYS`.

Migrations up to 28 are in `released`; append new ones here.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime

import duckdb

from ig_assets.errors import WarehouseError, WarehouseNewerError
from ig_assets.warehouse.released.up_to_19 import UP_TO_19
from ig_assets.warehouse.released.up_to_28 import UP_TO_28

KEYS: dict[str, tuple[str, ...]] = {
    "scripts": ("script_id", "revision_hash"),
    "script_status": ("script_id", "changed_at"),
    "script_rejects": ("source_uri", "seen_at"),
    "script_performance": ("script_id", "revision_hash", "source", "as_of"),
    "embeddings": ("content_hash", "model", "dimensions"),
    "embedding_batches": ("intent_key",),
    "embedding_batch_lines": ("custom_id",),
    "embedding_batch_inputs": ("custom_id", "place"),
    "index_entries": ("index_name", "namespace", "script_id"),
    "index_spaces": ("index_name", "activated_at"),
    "topics": ("month", "topic_id"),
    "topic_rejects": ("month", "source_uri", "seen_at", "detail"),
    "drafts": ("variant_id",),
    "variants": ("variant_id",),
    "variant_figures": ("variant_id", "gate"),
    "polish_attempts": ("variant_id", "attempt"),
    "suspicious_scripts": ("script_id", "revision_hash"),
    "retrievals": ("variant_id", "script_id", "revision_hash"),
    "experiments": ("experiment_id",),
    "posts": ("post_id",),
    "engagement": ("post_id", "metric", "as_of", "observed_at"),
    "evidence": ("experiment_id", "arm_a", "arm_b", "data_through"),
    "decisions": ("experiment_id", "decided_at"),
    "standings": ("experiment_id", "data_through"),
    "winner_acceptances": ("experiment_id", "changed_at"),
    "topic_withdrawals": ("month", "topic_id", "changed_at"),
    "training_examples": ("month", "example_id"),
    "datasets": ("dataset_hash", "month"),
    "fine_tune_jobs": ("job_id",),
    "models": ("model_id",),
    "model_events": ("model_id", "changed_at"),
    "evaluations": ("model_id", "against_model_id", "example_id"),
    "edges": ("child_kind", "child_id", "parent_kind", "parent_id", "relation"),
    "api_calls": ("call_id",),
    "forgotten": ("script_id",),
    "imports": ("import_id",),
    "vendor_post_names": ("source", "kind", "value", "post_id"),
    "key_sightings": ("name", "fingerprint"),
    "run_failures": ("run_id",),
    "library_files": ("file_uri", "script_id"),
    "post_edits": ("post_id", "edited_at"),
    "post_reviews": ("post_id", "reviewed_at"),
    "reel_containers": ("container_id",),
    "post_edit_figures": ("post_id", "edited_at", "gate"),
    "split_tests": ("split_id",),
    "split_objects": ("split_id", "kind", "arm"),
    "script_left_out": ("source_uri", "kind"),
    "index_generations": ("index_name", "namespace"),
    "lowered_counts": ("post_id",),
    "source_states": ("source",),
    "sync_checkpoints": ("part",),
    "forget_requests": ("request_id",),
    "forget_steps": ("request_id", "step"),
    "forgotten_examples": ("month", "example_id"),
    "hook_vectors": ("hook_hash", "model"),
    "ranker_arms": ("model_id", "post_id"),
    "ranker_bets": ("series", "experiment_id", "image", "pair"),
    "hook_choices": ("variant_id",),
    "alerts": ("alert_key", "raised_at"),
    "model_scripts": ("model_id", "script_id"),
}

# A request to forget scripts: an intent row, the steps that were done, and of each
# training example that was deleted what its month's manifest says of it. `receipt` is
# the receipt's file as it was written.
_FORGETTING = """
CREATE TABLE forget_requests (
    request_id TEXT, script_ids TEXT, reason TEXT, requested_by TEXT,
    requested_at TIMESTAMP, status TEXT, number INTEGER, receipt TEXT,
    receipt_hash TEXT, finished_at TIMESTAMP
);
CREATE TABLE forget_steps (
    request_id TEXT, step TEXT, detail TEXT, done_at TIMESTAMP
);
CREATE TABLE forgotten_examples (
    month TEXT, example_id TEXT, kind TEXT, split TEXT, request_id TEXT,
    forgotten_at TIMESTAMP
)
"""

# What a ranker learns from: the vectors of hooks, and the arms that it was fitted on
# with their counts of that time. It has no weights stored; it is solved when used.
_RANKER = """
CREATE TABLE hook_vectors (
    hook_hash TEXT, model TEXT, vector REAL[], created_at TIMESTAMP
);
CREATE TABLE ranker_arms (
    model_id TEXT, post_id TEXT, experiment_id TEXT, arm TEXT, script_id TEXT,
    variant_id TEXT, revision_hash TEXT, events DOUBLE, trials DOUBLE,
    sigma DOUBLE, randomised BOOLEAN, image TEXT, started_at TIMESTAMP
);
"""

# The bets that prove a ranker, each placed once; and which of a topic's hooks it chose.
_RANKER_BETS = """
CREATE TABLE ranker_bets (
    series TEXT, experiment_id TEXT, image TEXT, pair INTEGER, number INTEGER,
    passed_over TEXT, post_a TEXT, post_b TEXT, expected DOUBLE, variance DOUBLE,
    difference DOUBLE, log_e DOUBLE, month TEXT, placed_at TIMESTAMP
);
CREATE TABLE hook_choices (
    variant_id TEXT, month TEXT, topic_id TEXT, model_id TEXT, role TEXT,
    expected DOUBLE, place INTEGER, hooks INTEGER, chosen_at TIMESTAMP
);
"""

# What a person said of the test of which a post is an arm; NULL where no person did. Of
# tests that were imported before, it is taken for said what they were judged by. Looks
# at data up to `terms_since` were under another split or σ.
_SAID_TERMS = """
ALTER TABLE posts ADD COLUMN split_given BOOLEAN;
ALTER TABLE posts ADD COLUMN sigma_given DOUBLE;
ALTER TABLE experiments ADD COLUMN terms_since TIMESTAMP;
UPDATE posts
SET split_given = e.randomised, sigma_given = NULLIF(e.sigma, 0)
FROM experiments AS e
WHERE posts.experiment_id = e.experiment_id
    AND posts.platform = 'history'
    AND e.segment = 'history'
"""

# The vendor's numbers of the audiences that a split test is kept to, by commas; NULL:
# everyone in its countries.
_SPLIT_AUDIENCES = """
ALTER TABLE split_tests ADD COLUMN custom_audiences TEXT;
"""

# States of the corpus stage that had nothing left to do, and of each file of one script
# a hash of all but its `performance`, so that new counts alone are read alone.
_SYNC_CHECKPOINTS = """
CREATE TABLE sync_checkpoints (
    part TEXT, state TEXT, unchanged BIGINT, compared_at TIMESTAMP
);
ALTER TABLE library_files ADD COLUMN rest_hash TEXT;
"""

# Alerts to people: an intent row, then whether it arrived.
_ALERTS = """
CREATE TABLE alerts (
    alert_key TEXT, reference TEXT, raised_at TIMESTAMP, sentence TEXT, section TEXT,
    link TEXT, status TEXT, channels_left TEXT, repeats INTEGER, tried_at TIMESTAMP,
    settled_at TIMESTAMP, detail TEXT
);
"""

_SUBMITTERS = """
ALTER TABLE fine_tune_jobs ADD COLUMN submitter TEXT;
ALTER TABLE fine_tune_jobs ADD COLUMN submitter_until TIMESTAMP;
"""

# A person's yes or no to a post, of the words as they were then.
_POST_REVIEWS = """
CREATE TABLE post_reviews (
    post_id TEXT, reviewed_at TIMESTAMP, decision TEXT, reason TEXT, reviewed_by TEXT,
    variant_id TEXT, revision_hash TEXT
);
"""

# What the camera shows at each beat, as a JSON list.
_SHOTS = """
ALTER TABLE drafts ADD COLUMN shots TEXT;
ALTER TABLE polish_attempts ADD COLUMN shots TEXT;
ALTER TABLE variants ADD COLUMN shots TEXT;
"""

# Which scripts fed each model, which edges have five steps deep: those that its
# training lines, or its ranker's arms, name, and those with the words of one.
_MODEL_SCRIPTS = """
CREATE TABLE model_scripts (model_id TEXT, script_id TEXT, script_key BIGINT);
INSERT INTO model_scripts (model_id, script_id, script_key)
WITH held AS MATERIALIZED (
    SELECT m.child_id AS model_id, s.parent_kind AS kind, s.parent_id AS id
    FROM edges AS m
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
    WHERE m.child_kind = 'model'
        AND m.relation = 'made_by'
    UNION
    SELECT model_id, 'script', script_id FROM ranker_arms WHERE script_id IS NOT NULL
    UNION
    SELECT model_id, 'revision', revision_hash
    FROM ranker_arms
    WHERE revision_hash IS NOT NULL
)
SELECT model_id, script_id, (md5_number_lower(script_id) >> 1)::BIGINT
FROM (
    SELECT model_id, id AS script_id FROM held WHERE kind = 'script'
    UNION
    SELECT held.model_id, s.script_id
    FROM held
    JOIN scripts AS s
        ON s.revision_hash = held.id
    WHERE held.kind = 'revision'
)
ORDER BY ALL
"""

# The rate that a person said for an import's file; NULL: the file decided.
_SAID_RATES = """
ALTER TABLE imports ADD COLUMN numerator TEXT;
ALTER TABLE imports ADD COLUMN denominator TEXT
"""

MIGRATIONS: tuple[tuple[int, str, str], ...] = (
    *UP_TO_19,
    *UP_TO_28,
    (29, "m029_ranker", _RANKER),
    (30, "m030_forgetting", _FORGETTING),
    (31, "m031_said_terms", _SAID_TERMS),
    (32, "m032_ranker_bets_and_choices", _RANKER_BETS),
    (33, "m033_alerts", _ALERTS),
    (34, "m034_split_audiences", _SPLIT_AUDIENCES),
    (35, "m035_sync_checkpoints", _SYNC_CHECKPOINTS),
    (36, "m036_submitters", _SUBMITTERS),
    (37, "m037_post_reviews", _POST_REVIEWS),
    (38, "m038_shots", _SHOTS),
    (39, "m039_model_scripts", _MODEL_SCRIPTS),
    (40, "m040_said_rates", _SAID_RATES),
)


COPYING = 1_000_000
"""Marks a home whose copy is not finished, as a number in its table `migrations`.

No version of this project opens such a home, the earlier ones included.
"""


def check_known(applied: Collection[int]) -> None:
    """Raise WarehouseError if a home is of a newer version or its copy is unfinished.

    `applied` are the numbers of the home's migrations.
    """
    known = {number for number, _, _ in MIGRATIONS}
    unknown = sorted(set(applied) - known)
    if COPYING in unknown:
        raise WarehouseError(
            "A copy into this warehouse was interrupted and is not finished; run the "
            "same `ig-assets db copy` or `ig-assets db restore` again."
        )
    if unknown:
        raise WarehouseNewerError(
            f"The warehouse has migration {unknown[-1]}, which this version of "
            "ig_assets does not know; install the newer version."
        )


def apply_migrations(con: duckdb.DuckDBPyConnection, now: datetime) -> list[int]:
    """Apply missing migrations in the caller's transaction; return their numbers.

    Raises WarehouseError as `check_known` does.
    """
    con.execute(
        "CREATE TABLE IF NOT EXISTS migrations "
        "(number INTEGER, title TEXT, applied_at TIMESTAMP)"
    )
    applied = {n for (n,) in con.execute("SELECT number FROM migrations").fetchall()}
    check_known(applied)
    done = []
    for number, title, statements in MIGRATIONS:
        if number in applied:
            continue
        for statement in filter(None, map(str.strip, statements.split(";"))):
            con.execute(_for_the_home(con, statement))
        con.execute("INSERT INTO migrations VALUES (?, ?, ?)", [number, title, now])
        done.append(number)
    return done


_DOUBLE_COLUMN = re.compile(r"ALTER TABLE (\w+) ADD COLUMN (\w+) DOUBLE")


def _for_the_home(con: duckdb.DuckDBPyConnection, statement: str) -> str:
    """Return the statement in the form that the attached home accepts.

    DuckDB 1.5.5 passes the type of ADD COLUMN to Postgres unchanged, and Postgres has
    no type DOUBLE. Types in CREATE TABLE are translated by DuckDB.
    """
    match = _DOUBLE_COLUMN.fullmatch(statement)
    if match is None:
        return statement
    [(home, schema, kind)] = con.execute(
        "SELECT database_name, current_schema(), type FROM duckdb_databases() "
        "WHERE database_name = current_database()"
    ).fetchall()
    if kind != "postgres":
        return statement
    table, column = match.groups()
    return (
        f"CALL postgres_execute('{home}', 'ALTER TABLE \"{schema}\".{table} "
        f"ADD COLUMN {column} DOUBLE PRECISION')"
    )
