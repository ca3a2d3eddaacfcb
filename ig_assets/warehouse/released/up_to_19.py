"""Migrations 1 to 19, as they were released; never edited."""

from __future__ import annotations

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

UP_TO_19: tuple[tuple[int, str, str], ...] = (
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
)
