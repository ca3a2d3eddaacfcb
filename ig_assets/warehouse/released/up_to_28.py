"""Migrations 20 to 28, as they were released; never edited."""

from __future__ import annotations

from ig_assets.warehouse.released.earlier_readings import DAYS_OF_EARLIER_READINGS

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

UP_TO_28: tuple[tuple[int, str, str], ...] = (
    (20, "m020_standings", _STANDINGS),
    (21, "m021_winner_acceptances", _WINNER_ACCEPTANCES),
    (22, "m022_edge_ends", _EDGE_ENDS),
    (23, "m023_script_left_out", _SCRIPT_LEFT_OUT),
    (24, "m024_index_generations", _INDEX_GENERATIONS),
    (25, "m025_import_row_sum", _IMPORT_ROW_SUM),
    (26, "m026_source_states", _SOURCE_STATES),
    (27, "m027_topic_withdrawals", _TOPIC_WITHDRAWALS),
    (28, "m028_days_of_earlier_readings", DAYS_OF_EARLIER_READINGS),
)
