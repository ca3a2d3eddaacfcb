"""The schema, as numbered migrations that are applied once each and in order.

A released migration is never edited; a change of the schema is a new one. Its name is
the change. What was applied is known by its number, so that folders which recorded
earlier names keep working. Columns are named by their meaning; times are naive UTC;
ids are text; `*_hash` is SHA-256, hex. Keys are not declared (DuckLake has none):
writes go through `rows.merge_rows` on the keys in `KEYS`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime

import duckdb

from ig_assets.errors import WarehouseError
from ig_assets.warehouse.released.earlier_readings import DAYS_OF_EARLIER_READINGS

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
}

_FIRST = """
CREATE TABLE scripts (
    script_id TEXT, revision_hash TEXT, origin TEXT, source_uri TEXT, author TEXT,
    topic TEXT, hook_style TEXT, hook TEXT, body TEXT, call_to_action TEXT,
    text TEXT, language TEXT, variant_id TEXT, simulated BOOLEAN,
    first_seen_at TIMESTAMP
);
CREATE TABLE script_status (
    script_id TEXT, changed_at TIMESTAMP, status TEXT, revision_hash TEXT,
    reason TEXT
);
CREATE TABLE script_rejects (
    source_uri TEXT, seen_at TIMESTAMP, reason TEXT, detail TEXT
);
CREATE TABLE script_performance (
    script_id TEXT, revision_hash TEXT, source TEXT, as_of TIMESTAMP,
    views DOUBLE, reach DOUBLE, likes DOUBLE, comments DOUBLE, shares DOUBLE,
    saves DOUBLE, rate DOUBLE
);
CREATE TABLE embeddings (
    content_hash TEXT, model TEXT, dimensions INTEGER, vector REAL[],
    created_at TIMESTAMP
);
CREATE TABLE index_entries (
    index_name TEXT, namespace TEXT, script_id TEXT, revision_hash TEXT,
    embedding_model TEXT, metadata_hash TEXT, upserted_at TIMESTAMP
);
CREATE TABLE topics (
    month TEXT, topic_id TEXT, topic TEXT, brief TEXT, audience TEXT,
    language TEXT, brand_voice TEXT, due_on DATE, is_control BOOLEAN,
    is_canary BOOLEAN, status TEXT, source_uri TEXT
);
CREATE TABLE topic_rejects (
    source_uri TEXT, seen_at TIMESTAMP, reason TEXT, detail TEXT
);
CREATE TABLE drafts (
    variant_id TEXT, month TEXT, topic_id TEXT, arm TEXT, hook_style TEXT,
    hook TEXT, body TEXT, call_to_action TEXT, text TEXT, provider TEXT,
    model TEXT, model_id TEXT, prompt_hash TEXT, request_hash TEXT,
    settings TEXT, is_canary BOOLEAN, is_control BOOLEAN, rejection TEXT,
    created_at TIMESTAMP
);
CREATE TABLE variants (
    variant_id TEXT, month TEXT, topic_id TEXT, arm TEXT, hook_style TEXT,
    hook TEXT, body TEXT, call_to_action TEXT, text TEXT, revision_hash TEXT,
    provider TEXT, model TEXT, model_id TEXT, prompt_hash TEXT,
    request_hash TEXT, settings TEXT, is_canary BOOLEAN, is_control BOOLEAN,
    novelty DOUBLE, sibling_similarity DOUBLE, rejection TEXT,
    created_at TIMESTAMP
);
CREATE TABLE retrievals (
    variant_id TEXT, script_id TEXT, revision_hash TEXT, "rank" INTEGER,
    similarity DOUBLE
);
CREATE TABLE experiments (
    experiment_id TEXT, month TEXT, topic_id TEXT, segment TEXT, numerator TEXT,
    denominator TEXT, randomised BOOLEAN, sigma DOUBLE, simulated BOOLEAN,
    started_at TIMESTAMP, ends_at TIMESTAMP, status TEXT, intent_key TEXT
);
CREATE TABLE posts (
    post_id TEXT, experiment_id TEXT, variant_id TEXT, script_id TEXT, arm TEXT,
    hook_style TEXT, slot TIMESTAMP, platform TEXT, platform_post_id TEXT,
    media_url TEXT, published_revision_hash TEXT, intent_key TEXT, status TEXT,
    published_at TIMESTAMP, detail TEXT
);
CREATE TABLE engagement (
    post_id TEXT, metric TEXT, as_of TIMESTAMP, observed_at TIMESTAMP,
    value DOUBLE, age_hours DOUBLE
);
CREATE TABLE evidence (
    experiment_id TEXT, arm_a TEXT, arm_b TEXT, data_through TIMESTAMP,
    age_days DOUBLE, events_a DOUBLE, trials_a DOUBLE, events_b DOUBLE,
    trials_b DOUBLE, log_rate_ratio DOUBLE, variance DOUBLE, log_e DOUBLE,
    max_log_e DOUBLE, z DOUBLE, final_look BOOLEAN
);
CREATE TABLE decisions (
    experiment_id TEXT, decided_at TIMESTAMP, decision TEXT,
    winner_variant_id TEXT, winner_arm TEXT, winner_script_id TEXT,
    winner_revision_hash TEXT, reason TEXT, lift DOUBLE, shrunken_lift DOUBLE,
    data_through TIMESTAMP
);
CREATE TABLE training_examples (
    month TEXT, example_id TEXT, kind TEXT, split TEXT, group_id TEXT,
    weight DOUBLE, reason TEXT, prompt TEXT, completion TEXT, rejected TEXT,
    script_id TEXT, revision_hash TEXT, rejected_revision_hash TEXT,
    variant_id TEXT, decision_ref TEXT, simulated BOOLEAN
);
CREATE TABLE datasets (
    dataset_hash TEXT, month TEXT, kind TEXT, split TEXT, path TEXT,
    lines INTEGER, tokens BIGINT, estimated_cost DOUBLE, seed INTEGER,
    created_at TIMESTAMP
);
CREATE TABLE fine_tune_jobs (
    job_id TEXT, month TEXT, provider TEXT, provider_job_id TEXT,
    dataset_hash TEXT, base_model TEXT, hyperparameters TEXT, intent_key TEXT,
    status TEXT, refusal TEXT, model_name TEXT, artifact TEXT,
    submitted_at TIMESTAMP, finished_at TIMESTAMP
);
CREATE TABLE models (
    model_id TEXT, job_id TEXT, provider TEXT, name TEXT, base_model TEXT,
    artifact TEXT, created_at TIMESTAMP
);
CREATE TABLE model_events (
    model_id TEXT, changed_at TIMESTAMP, status TEXT, reason TEXT
);
CREATE TABLE evaluations (
    model_id TEXT, against_model_id TEXT, example_id TEXT, month TEXT,
    score DOUBLE, against_score DOUBLE, detail TEXT, evaluated_at TIMESTAMP
);
CREATE TABLE edges (
    child_kind TEXT, child_id TEXT, parent_kind TEXT, parent_id TEXT,
    relation TEXT, run_id TEXT, recorded_at TIMESTAMP
);
CREATE TABLE api_calls (
    call_id TEXT, request_hash TEXT, run_id TEXT, asset TEXT, month TEXT,
    operation TEXT, provider TEXT, model TEXT, status TEXT,
    reserved_usd DOUBLE, input_tokens BIGINT, cached_tokens BIGINT,
    output_tokens BIGINT, cost_usd DOUBLE, latency_ms DOUBLE, error TEXT,
    called_at TIMESTAMP
);
CREATE TABLE forgotten (
    script_id TEXT, reason TEXT, requested_by TEXT, forgotten_at TIMESTAMP,
    receipt TEXT
);
CREATE TABLE imports (
    import_id TEXT, source_uri TEXT, content_hash TEXT, mapping TEXT,
    simulated BOOLEAN, rows_read INTEGER, rows_rejected INTEGER,
    imported_at TIMESTAMP
);
CREATE TABLE key_sightings (
    name TEXT, fingerprint TEXT, first_seen_at TIMESTAMP
);
CREATE TABLE run_failures (
    run_id TEXT, job TEXT, step TEXT, sentence TEXT, failed_at TIMESTAMP
);
"""

# One row per library file and script that was read in it. A file with a content_hash
# is in the tables completely, so the same bytes are not parsed a second time.
_LIBRARY_FILES = """
CREATE TABLE library_files (
    file_uri TEXT, script_id TEXT, source_uri TEXT, revision_hash TEXT,
    content_hash TEXT, stamp TEXT, reader_version INTEGER
);
"""

# One row per change of an index's embedding space; an existing index keeps its space.
# `metadata_keys` lists the keys of an entry, since a store's update removes none.
_INDEX_SPACES = """
ALTER TABLE index_entries ADD COLUMN metadata_keys TEXT;
CREATE TABLE index_spaces (
    index_name TEXT, namespace TEXT, model TEXT, dimensions INTEGER,
    activated_at TIMESTAMP
);
INSERT INTO index_spaces
SELECT index_name, namespace, min(embedding_model),
    CAST(regexp_extract(namespace, '([0-9]+)$', 1) AS INTEGER), max(upserted_at)
FROM index_entries
GROUP BY index_name, namespace;
"""

_CALL_SUBJECTS = """
ALTER TABLE api_calls ADD COLUMN subject TEXT;
"""

# Embedding work that a vendor does within a day: an intent row a batch, a line a
# request in it (whose ledger row is call_id), the contents that a line asks for.
_EMBEDDING_BATCHES = """
CREATE TABLE embedding_batches (
    intent_key TEXT, provider TEXT, model TEXT, dimensions INTEGER, batch_id TEXT,
    status TEXT, outcome TEXT, reason TEXT, run_id TEXT, intended_at TIMESTAMP,
    submitted_at TIMESTAMP, settled_at TIMESTAMP
);
CREATE TABLE embedding_batch_lines (
    custom_id TEXT, intent_key TEXT, call_id TEXT, inputs INTEGER, tokens BIGINT,
    status TEXT, reason TEXT
);
CREATE TABLE embedding_batch_inputs (
    custom_id TEXT, place INTEGER, content_hash TEXT
);
"""

_CALL_RESERVED_TOKENS = """
ALTER TABLE api_calls ADD COLUMN reserved_tokens BIGINT;
"""

# A person's words for a post, append-only; `arms` is how many a topic asked for.
_POST_EDITS = """
CREATE TABLE post_edits (
    post_id TEXT, edited_at TIMESTAMP, variant_id TEXT, revision_hash TEXT,
    hook TEXT, body TEXT, call_to_action TEXT, text TEXT, edited_by TEXT
);
ALTER TABLE topics ADD COLUMN arms INTEGER;
"""

# What a variant measures at each gate, every polish that was paid for, and scripts
# that try to instruct a model. `beats` is a JSON list. (Postgres knows no DOUBLE when a
# column is added.)
_GATES = """
ALTER TABLE drafts ADD COLUMN beats TEXT;
ALTER TABLE drafts ADD COLUMN on_screen_text TEXT;
ALTER TABLE drafts ADD COLUMN estimated_seconds REAL;
ALTER TABLE variants ADD COLUMN beats TEXT;
ALTER TABLE variants ADD COLUMN on_screen_text TEXT;
ALTER TABLE variants ADD COLUMN estimated_seconds REAL;
ALTER TABLE variants ADD COLUMN polish_model_id TEXT;
CREATE TABLE variant_figures (
    variant_id TEXT, gate TEXT, figure DOUBLE, at_least DOUBLE, at_most DOUBLE,
    passed BOOLEAN, measured_at TIMESTAMP
);
CREATE TABLE polish_attempts (
    variant_id TEXT, attempt INTEGER, hook TEXT, beats TEXT, body TEXT,
    call_to_action TEXT, on_screen_text TEXT, text TEXT, model TEXT,
    model_id TEXT, prompt_hash TEXT, request_hash TEXT, settings TEXT,
    rejection TEXT, created_at TIMESTAMP
);
CREATE TABLE suspicious_scripts (
    script_id TEXT, revision_hash TEXT, kinds TEXT, found_at TIMESTAMP
);
"""

_IMPORT_SOURCES = """
ALTER TABLE imports ADD COLUMN source TEXT;
"""

_CALL_SENT_AT = """
ALTER TABLE api_calls ADD COLUMN sent_at TIMESTAMP;
"""

# An A/A duplicate: the post that shows the same words as another of its experiment.
_POST_DUPLICATES = """
ALTER TABLE posts ADD COLUMN duplicate_of TEXT;
"""

# One row per video handed to Instagram and not yet published; read after a crash.
_REEL_CONTAINERS = """
CREATE TABLE reel_containers (
    container_id TEXT, intent_key TEXT, content_hash TEXT, caption_hash TEXT,
    created_at TIMESTAMP, publish_asked_at TIMESTAMP, platform_post_id TEXT,
    published_at TIMESTAMP
);
"""

# The gates' figures of a person's edit, and how many attempts an arm had before this
# one (NULL: none): each attempt of a rejected arm is a row of its own.
_RETRIES_AND_EDIT_FIGURES = """
ALTER TABLE drafts ADD COLUMN tried_before INTEGER;
ALTER TABLE variants ADD COLUMN tried_before INTEGER;
CREATE TABLE post_edit_figures (
    post_id TEXT, edited_at TIMESTAMP, gate TEXT, figure DOUBLE, at_least DOUBLE,
    at_most DOUBLE, passed BOOLEAN, measured_at TIMESTAMP
);
"""

# An audience that a vendor divides among the posts of an experiment, and each object
# that this takes there: what is asked for before it is made (arm '' is all arms').
# `experiment_id` is the split test's own; money is in the currency's minor unit.
_SPLIT_TESTS = """
CREATE TABLE split_tests (
    split_id TEXT, of_experiment_id TEXT, experiment_id TEXT, budget DOUBLE,
    currency TEXT, spend_cap BIGINT, arm_budget BIGINT, days INTEGER,
    countries TEXT, min_age INTEGER, max_age INTEGER, payer TEXT,
    starts_at TIMESTAMP, ends_at TIMESTAMP, status TEXT, planned_at TIMESTAMP,
    started_at TIMESTAMP, stopped_at TIMESTAMP
);
CREATE TABLE split_objects (
    split_id TEXT, kind TEXT, arm TEXT, intent_key TEXT, of_post_id TEXT,
    media_id TEXT, object_id TEXT, asked_at TIMESTAMP, made_at TIMESTAMP
);
"""

# The month whose reading rejected a row of the calendar, and when that was resolved.
_TOPIC_REJECT_ENDS = """
ALTER TABLE topic_rejects ADD COLUMN month TEXT;
ALTER TABLE topic_rejects ADD COLUMN resolved_at TIMESTAMP;
"""

# Whether a test's audience is still being divided, as its last import said: only
# e-values look at it then, since the single look on z belongs to its end. NULL: no.
_EXPERIMENT_RUNNING = """
ALTER TABLE experiments ADD COLUMN is_running BOOLEAN;
"""

# One row per name that a vendor gave an imported post. `kind` is 'id', 'code' or
# 'permalink', and a value is unique within a source only: another team's post may be
# number 1 too.
_VENDOR_POST_NAMES = """
CREATE TABLE vendor_post_names (
    source TEXT, kind TEXT, value TEXT, post_id TEXT, first_seen_at TIMESTAMP
);
"""

# When an import's counts were read, and what was assumed (a JSON list of sentences).
# Earlier imports wrote only the counts that had changed: their later readings are
# completed, so that both counts of a rate are of one time.
_IMPORT_READING_TIMES = """
ALTER TABLE imports ADD COLUMN read_at TIMESTAMP;
ALTER TABLE imports ADD COLUMN notes TEXT;
INSERT INTO engagement (post_id, metric, as_of, observed_at, value, age_hours)
SELECT r.post_id, g.metric, r.as_of, max(r.observed_at),
    arg_max(g.value, g.observed_at), NULL
FROM (
    SELECT post_id, as_of, max(observed_at) AS observed_at
    FROM engagement
    WHERE age_hours IS NULL
    GROUP BY post_id, as_of
) AS r
JOIN engagement AS g
    ON g.post_id = r.post_id
    AND g.age_hours IS NULL
    AND g.as_of < r.as_of
WHERE NOT EXISTS (
    SELECT 1
    FROM engagement AS x
    WHERE x.post_id = r.post_id
        AND x.metric = g.metric
        AND x.as_of = r.as_of
)
GROUP BY r.post_id, g.metric, r.as_of;
"""

# One row per look at an experiment: who leads, on what evidence for that side, by which
# rule it decided. Looks of earlier versions are filled in from `evidence`. A winner by
# z whose pairs had no z at the experiment's single look is marked ('repeated z').
_STANDINGS = """
CREATE TABLE standings (
    experiment_id TEXT, data_through TIMESTAMP, age_days DOUBLE, leader_arm TEXT,
    runner_up_arm TEXT, rival_arm TEXT, lead DOUBLE, log_e DOUBLE, z DOUBLE,
    rule TEXT, split_log_e DOUBLE
);
INSERT INTO standings
WITH z_looks AS (
    SELECT experiment_id, min(data_through) AS data_through
    FROM (
        SELECT experiment_id, data_through
        FROM evidence
        GROUP BY experiment_id, data_through
        HAVING bool_and(final_look AND events_a >= 25 AND events_b >= 25)
    ) AS decidable
    GROUP BY experiment_id
),
sides AS (
    SELECT experiment_id, data_through, age_days, arm_a AS arm, arm_b AS other,
        events_a AS events, trials_a AS trials, log_rate_ratio AS lead, log_e, z
    FROM evidence
    UNION ALL
    SELECT experiment_id, data_through, age_days, arm_b, arm_a,
        events_b, trials_b, -log_rate_ratio, log_e, -z
    FROM evidence
),
sided AS (
    SELECT s.*, k.data_through AS z_look,
        CASE WHEN lead > 0 THEN max(CASE WHEN lead > 0 THEN greatest(log_e, 0) END)
            OVER so_far ELSE 0 END AS max_log_e,
        max(CASE WHEN s.data_through = k.data_through THEN z END)
            OVER so_far AS valid_z
    FROM sides AS s
    LEFT JOIN z_looks AS k ON k.experiment_id = s.experiment_id
    WINDOW so_far AS (
        PARTITION BY s.experiment_id, s.arm, s.other ORDER BY s.data_through
    )
),
arms AS (
    SELECT experiment_id, data_through, arm, max(trials) AS trials,
        row_number() OVER (
            PARTITION BY experiment_id, data_through
            ORDER BY max(CASE WHEN trials > 0 THEN events / trials ELSE 0 END) DESC,
                arm
        ) AS place,
        count(*) OVER (PARTITION BY experiment_id, data_through) AS size
    FROM sides
    GROUP BY experiment_id, data_through, arm
),
looks AS (
    SELECT experiment_id, data_through,
        max(CASE WHEN place = 1 THEN arm END) AS leader_arm,
        max(CASE WHEN place = 2 THEN arm END) AS runner_up_arm,
        lgamma(1000) - lgamma(1000 + sum(trials)) + sum(
            lgamma(1000 / size + trials) - lgamma(1000 / size) + trials * ln(size)
        ) AS split_log_e
    FROM arms
    GROUP BY experiment_id, data_through
)
SELECT l.experiment_id, l.data_through, max(s.age_days), l.leader_arm,
    l.runner_up_arm, arg_min(s.other, s.max_log_e),
    max(CASE WHEN s.other = l.runner_up_arm THEN s.lead END), min(s.max_log_e),
    arg_min(CASE WHEN s.z_look <= l.data_through THEN s.valid_z END, s.max_log_e),
    max(CASE WHEN d.decision = 'provisional' THEN 'lift'
        WHEN d.decision = 'winner' AND contains(d.reason, 'e >=') THEN 'e'
        WHEN d.decision = 'winner' THEN 'z' ELSE 'none' END),
    max(CASE WHEN e.randomised THEN max(l.split_log_e) END) OVER (
        PARTITION BY l.experiment_id ORDER BY l.data_through
    )
FROM looks AS l
JOIN sided AS s
    ON s.experiment_id = l.experiment_id
    AND s.data_through = l.data_through
    AND s.arm = l.leader_arm
JOIN experiments AS e ON e.experiment_id = l.experiment_id
LEFT JOIN decisions AS d
    ON d.experiment_id = l.experiment_id
    AND d.data_through = l.data_through
GROUP BY l.experiment_id, l.data_through, l.leader_arm, l.runner_up_arm, e.randomised;
UPDATE standings
SET rule = 'repeated z'
FROM (
    SELECT DISTINCT w.experiment_id, w.data_through
    FROM standings AS w
    JOIN (
        SELECT experiment_id, data_through, arm_a AS arm, arm_b AS other,
            log_rate_ratio AS lead
        FROM evidence
        UNION ALL
        SELECT experiment_id, data_through, arm_b, arm_a, -log_rate_ratio
        FROM evidence
    ) AS now
        ON now.experiment_id = w.experiment_id
        AND now.data_through = w.data_through
        AND now.arm = w.leader_arm
    LEFT JOIN (
        SELECT experiment_id, data_through, arm_a AS arm, arm_b AS other, z,
            CASE WHEN log_rate_ratio > 0 THEN log_e END AS log_e, final_look
        FROM evidence
        UNION ALL
        SELECT experiment_id, data_through, arm_b, arm_a, -z,
            CASE WHEN log_rate_ratio < 0 THEN log_e END, final_look
        FROM evidence
    ) AS before
        ON before.experiment_id = now.experiment_id
        AND before.arm = now.arm
        AND before.other = now.other
        AND before.data_through <= now.data_through
    LEFT JOIN (
        SELECT experiment_id, min(data_through) AS data_through
        FROM (
            SELECT experiment_id, data_through
            FROM evidence
            GROUP BY experiment_id, data_through
            HAVING bool_and(final_look AND events_a >= 25 AND events_b >= 25)
        ) AS decidable
        GROUP BY experiment_id
    ) AS k
        ON k.experiment_id = w.experiment_id
    WHERE w.rule = 'z'
    GROUP BY w.experiment_id, w.data_through, now.other
    HAVING coalesce(max(before.log_e), 0) < ln(40)
        AND NOT coalesce(bool_or(
            before.data_through = k.data_through AND before.z > 2.2414
        ), FALSE)
) AS repeated
WHERE standings.experiment_id = repeated.experiment_id
    AND standings.data_through = repeated.data_through;
"""

# One row each time a person accepts a held winner, or takes that back.
_WINNER_ACCEPTANCES = """
CREATE TABLE winner_acceptances (
    experiment_id TEXT, changed_at TIMESTAMP, winner_arm TEXT, is_accepted BOOLEAN,
    reason TEXT, changed_by TEXT
);
"""

# When a later decision made an edge untrue: a test has another winner now, or none.
_EDGE_ENDS = """
ALTER TABLE edges ADD COLUMN superseded_at TIMESTAMP;
UPDATE edges
SET superseded_at = stale.decided_at
FROM (
    SELECT d.experiment_id, d.decided_at, p.post_id
    FROM (
        SELECT experiment_id, max(decided_at) AS decided_at,
            arg_max(CASE WHEN decision IN ('winner', 'provisional') THEN winner_arm
                ELSE '' END, decided_at) AS winner_arm
        FROM decisions
        GROUP BY experiment_id
    ) AS d
    JOIN posts AS p
        ON p.experiment_id = d.experiment_id
        AND p.arm IS DISTINCT FROM d.winner_arm
) AS stale
WHERE edges.child_kind = 'decision'
    AND edges.relation = 'winner'
    AND edges.child_id = stale.experiment_id
    AND edges.parent_id = stale.post_id;
"""

# What files hold that their scripts do not. One row per source and kind.
_SCRIPT_LEFT_OUT = """
CREATE TABLE script_left_out (
    file_uri TEXT, source_uri TEXT, kind TEXT, pieces INTEGER, detail TEXT
);
"""

# The state of each namespace of a vector index after the last sync that ended, as the
# store has it too; NULL while a sync writes. One row per index and namespace.
_INDEX_GENERATIONS = """
CREATE TABLE index_generations (
    index_name TEXT, namespace TEXT, generation TEXT, marked_at TIMESTAMP
);
"""

# With `rows_rejected` they add up to `rows_read`; NULL for earlier imports.
_IMPORT_ROW_SUM = """
ALTER TABLE imports ADD COLUMN rows_taken INTEGER;
ALTER TABLE imports ADD COLUMN rows_skipped INTEGER;
"""

# One row each time a person withdraws a topic, or takes that back.
_TOPIC_WITHDRAWALS = """
CREATE TABLE topic_withdrawals (
    month TEXT, topic_id TEXT, changed_at TIMESTAMP, is_withdrawn BOOLEAN,
    reason TEXT, changed_by TEXT
);
"""

_SOURCE_STATES = """
CREATE TABLE source_states (source TEXT, state TEXT, run_id TEXT)
"""

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

# What the camera shows at each beat, as a JSON list.
_SHOTS = """
ALTER TABLE drafts ADD COLUMN shots TEXT;
ALTER TABLE polish_attempts ADD COLUMN shots TEXT;
ALTER TABLE variants ADD COLUMN shots TEXT;
"""

MIGRATIONS: tuple[tuple[int, str, str], ...] = (
    (1, "m001_initial", _FIRST),
    (2, "m002_library_files", _LIBRARY_FILES),
    (3, "m003_index_spaces", _INDEX_SPACES),
    (4, "m004_call_subjects", _CALL_SUBJECTS),
    (5, "m005_embedding_batches", _EMBEDDING_BATCHES),
    (6, "m006_call_reserved_tokens", _CALL_RESERVED_TOKENS),
    (7, "m007_gate_figures", _GATES),
    (8, "m008_post_edits_and_topic_arms", _POST_EDITS),
    (9, "m009_import_sources", _IMPORT_SOURCES),
    (10, "m010_call_sent_at", _CALL_SENT_AT),
    (11, "m011_post_duplicates", _POST_DUPLICATES),
    (12, "m012_reel_containers", _REEL_CONTAINERS),
    # No version has a migration 13, and none must get it: numbers are not filled in,
    # since a folder applies what it lacks in the order of the numbers.
    (14, "m014_retries_and_edit_figures", _RETRIES_AND_EDIT_FIGURES),
    (15, "m015_split_tests", _SPLIT_TESTS),
    (16, "m016_topic_reject_ends", _TOPIC_REJECT_ENDS),
    (17, "m017_experiment_running", _EXPERIMENT_RUNNING),
    (18, "m018_vendor_post_names", _VENDOR_POST_NAMES),
    (19, "m019_import_reading_times", _IMPORT_READING_TIMES),
    (20, "m020_standings", _STANDINGS),
    (21, "m021_winner_acceptances", _WINNER_ACCEPTANCES),
    (22, "m022_edge_ends", _EDGE_ENDS),
    (23, "m023_script_left_out", _SCRIPT_LEFT_OUT),
    (24, "m024_index_generations", _INDEX_GENERATIONS),
    (25, "m025_import_row_sum", _IMPORT_ROW_SUM),
    (26, "m026_source_states", _SOURCE_STATES),
    (27, "m027_topic_withdrawals", _TOPIC_WITHDRAWALS),
    (28, "m028_days_of_earlier_readings", DAYS_OF_EARLIER_READINGS),
    (29, "m029_ranker", _RANKER),
    (30, "m030_forgetting", _FORGETTING),
    (31, "m031_said_terms", _SAID_TERMS),
    (32, "m032_ranker_bets_and_choices", _RANKER_BETS),
    (33, "m033_alerts", _ALERTS),
    (34, "m034_split_audiences", _SPLIT_AUDIENCES),
    (35, "m035_sync_checkpoints", _SYNC_CHECKPOINTS),
    (36, "m036_shots", _SHOTS),
)


COPYING = 1_000_000
"""The number of a row of `migrations` in a home that a copy into it is not done with:
no version of this project opens such a home, the earlier ones included."""


def check_known(applied: Collection[int]) -> None:
    """Raise WarehouseError for a home of a newer version, or of an unfinished copy."""
    known = {number for number, _, _ in MIGRATIONS}
    unknown = sorted(set(applied) - known)
    if COPYING in unknown:
        raise WarehouseError(
            "A copy into this warehouse was interrupted and is not finished; run the "
            "same `ig-assets db copy` or `ig-assets db restore` again."
        )
    if unknown:
        raise WarehouseError(
            f"The warehouse has migration {unknown[-1]}, which this version of "
            "ig_assets does not know; install the newer version."
        )


def apply_migrations(con: duckdb.DuckDBPyConnection, now: datetime) -> list[int]:
    """Apply what is missing inside the caller's transaction; return the numbers.

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
    """The statement as the attached home takes it.

    DuckDB 1.5.5 hands the type of ADD COLUMN to Postgres under its own name, which
    Postgres has no DOUBLE for; types of CREATE TABLE are translated.
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
