"""Define the named views: the latest or current rows of each kind.

The views are made in the catalogue of this process's DuckDB, never in the home, so they
are the same over a DuckDB file, a DuckLake and an attached Postgres. A transaction uses
them by name, like tables: `SELECT * FROM latest_decisions`. `ig-assets db views` prints
them for an analyst's own client.
"""

from __future__ import annotations

from ig_assets.warehouse.backends import Connection
from ig_assets.warehouse.view import View, latest
from ig_assets.warehouse.winner_views import WINNER_VIEWS

SEARCH_PATH = "home.ig,memory.main"
"""A name is looked up among the home's tables first, then among the views."""

MIN_EVENTS = 25
"""Events that an arm needs, as in `core/experiments/stats/e_values.py`."""

VIEWS: tuple[View, ...] = (
    latest(
        "latest_script_status",
        "One row per script, the forgotten included: its latest status.",
        "script_status",
        "script_id",
        "changed_at DESC",
    ),
    View(
        "forgotten_scripts",
        "One row per script that was forgotten and must never come back.",
        """
SELECT script_id
FROM home.ig.forgotten
UNION
SELECT script_id
FROM home.ig.script_status
WHERE status = 'forgotten'
""",
    ),
    View(
        "current_scripts",
        "One row per active script: all columns of its current revision.",
        """
SELECT s.*
FROM home.ig.scripts AS s
JOIN memory.main.latest_script_status AS l
    ON l.script_id = s.script_id
    AND l.revision_hash = s.revision_hash
WHERE l.status = 'active'
    AND s.script_id NOT IN (SELECT script_id FROM memory.main.forgotten_scripts)
""",
    ),
    latest(
        "latest_rejects",
        "One row per source that was ever rejected: its latest state, also 'resolved'.",
        "script_rejects",
        "source_uri",
        "seen_at DESC",
    ),
    View(
        "current_rejects",
        "One row per source that cannot be used now; history's start with 'history:'.",
        """
SELECT source_uri, seen_at, reason, detail
FROM memory.main.latest_rejects
WHERE reason <> 'resolved'
""",
    ),
    latest(
        "latest_performance",
        "One row per script revision and source of figures: its latest figures.",
        "script_performance",
        "script_id, revision_hash, source",
        "as_of DESC",
    ),
    View(
        "latest_rates",
        "One row per script revision with a known rate: the latest one, of any source.",
        """
SELECT script_id, revision_hash, rate
FROM home.ig.script_performance
WHERE rate IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY script_id, revision_hash
    ORDER BY as_of DESC, source
) = 1
""",
    ),
    latest(
        "latest_variants",
        "One row per month, topic and arm: the variant of its latest attempt.",
        "variants",
        "month, topic_id, arm",
        "coalesce(tried_before, 0) DESC",
    ),
    latest(
        "latest_edits",
        "One row per post that a person edited: the latest edit.",
        "post_edits",
        "post_id",
        "edited_at DESC",
    ),
    latest(
        "latest_reviews",
        "One row per post that a person ever approved or declined: the latest word.",
        "post_reviews",
        "post_id",
        "reviewed_at DESC",
    ),
    latest(
        "current_readings",
        "One row per post, metric and as_of: the reading as it was observed last.",
        "engagement",
        "post_id, metric, as_of",
        "observed_at DESC",
    ),
    View(
        "latest_readings",
        "One row per post and metric with a known value: the latest reading.",
        """
SELECT *
FROM home.ig.engagement
WHERE value IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY post_id, metric
    ORDER BY as_of DESC, observed_at DESC
) = 1
""",
    ),
    View(
        "final_readings",
        "One row per experiment's post with final readings of both its counts: the "
        "newest time of which both are known.",
        """
SELECT p.experiment_id, p.post_id, any_value(p.arm) AS arm, max(n.as_of) AS as_of,
    arg_max(n.value, n.as_of) AS events, arg_max(d.value, n.as_of) AS trials,
    arg_max(greatest(n.observed_at, d.observed_at), n.as_of) AS observed_at
FROM home.ig.experiments AS e
JOIN home.ig.posts AS p
    ON p.experiment_id = e.experiment_id
JOIN memory.main.current_readings AS n
    ON n.post_id = p.post_id
    AND n.metric = e.numerator
JOIN memory.main.current_readings AS d
    ON d.post_id = p.post_id
    AND d.metric = e.denominator
    AND d.as_of = n.as_of
WHERE n.age_hours IS NULL
    AND d.age_hours IS NULL
    AND n.value IS NOT NULL
    AND d.value IS NOT NULL
GROUP BY p.experiment_id, p.post_id
""",
    ),
    latest(
        "latest_evidence",
        "One row per experiment and pair of arms: the comparison on the latest data.",
        "evidence",
        "experiment_id, arm_a, arm_b",
        "data_through DESC",
    ),
    View(
        "sided_evidence",
        "One row per pair of arms and look: the evidence, and the arm that it speaks "
        "for. After a final count fell, which `corrections_a` and `corrections_b` "
        "count, looks before it do not count; nor do those under other terms.",
        """
SELECT * EXCLUDE (of_these_terms),
    CASE WHEN log_rate_ratio > 0 THEN arm_a WHEN log_rate_ratio < 0 THEN arm_b END
        AS ahead_arm,
    CASE
        WHEN log_rate_ratio > 0 THEN max(CASE WHEN log_rate_ratio > 0
            THEN greatest(log_e, 0) END) OVER so_far
        WHEN log_rate_ratio < 0 THEN max(CASE WHEN log_rate_ratio < 0
            THEN greatest(log_e, 0) END) OVER so_far
        ELSE 0
    END AS log_e_ahead
FROM (
    SELECT * EXCLUDE (fell_a, fell_b),
        count(CASE WHEN fell_a THEN 1 END) OVER by_then AS corrections_a,
        count(CASE WHEN fell_b THEN 1 END) OVER by_then AS corrections_b
    FROM (
        SELECT *,
            age_days IS NULL AND (
                events_a < lag(events_a) OVER before
                OR trials_a < lag(trials_a) OVER before
            ) AS fell_a,
            age_days IS NULL AND (
                events_b < lag(events_b) OVER before
                OR trials_b < lag(trials_b) OVER before
            ) AS fell_b
        FROM (
            SELECT s.*, coalesce(s.data_through > e.terms_since, TRUE) AS of_these_terms
            FROM home.ig.evidence AS s
            LEFT JOIN home.ig.experiments AS e
                ON e.experiment_id = s.experiment_id
        ) AS looks
        WINDOW before AS (
            PARTITION BY experiment_id, arm_a, arm_b, of_these_terms
            ORDER BY data_through
        )
    ) AS compared
    WINDOW by_then AS (
        PARTITION BY experiment_id, arm_a, arm_b, of_these_terms
        ORDER BY data_through
    )
) AS corrected
WINDOW so_far AS (
    PARTITION BY experiment_id, arm_a, arm_b, of_these_terms,
        corrections_a + corrections_b
    ORDER BY data_through
)
""",
    ),
    View(
        "z_looks",
        "One row per experiment whose single look on z is spent: which look it was, "
        "under the terms of now where it was repeated.",
        f"""
SELECT d.experiment_id,
    coalesce(
        min(CASE WHEN d.data_through > e.terms_since THEN d.data_through END),
        min(d.data_through)
    ) AS data_through
FROM (
    SELECT experiment_id, data_through
    FROM home.ig.evidence
    GROUP BY experiment_id, data_through
    HAVING bool_and(
        final_look AND events_a >= {MIN_EVENTS} AND events_b >= {MIN_EVENTS}
    )
) AS d
LEFT JOIN home.ig.experiments AS e
    ON e.experiment_id = d.experiment_id
GROUP BY d.experiment_id
""",
    ),
    View(
        "withdrawn_topics",
        "One row per topic that a person withdrew and did not take back.",
        """
SELECT *
FROM home.ig.topic_withdrawals
QUALIFY row_number() OVER (
    PARTITION BY month, topic_id
    ORDER BY changed_at DESC
) = 1 AND is_withdrawn
""",
    ),
    *WINNER_VIEWS,
    latest(
        "latest_model_status",
        "One row per model: its latest event (candidate, canary, active, retired, …).",
        "model_events",
        "model_id",
        "changed_at DESC",
    ),
    View(
        "ranker_calibration",
        "One row per series of a ranker's bets and month: how its forecasts came true.",
        """
SELECT series, month, count(*) AS pairs,
    sum(expected * difference / variance) / sum(expected * expected / variance)
        AS slope,
    1 / sqrt(sum(expected * expected / variance)) AS slope_se,
    avg(CASE WHEN abs(difference - expected) <= 1.6448536269514722 * sqrt(variance)
        THEN 1.0 ELSE 0.0 END) AS cover,
    sum(log_e) AS log_e
FROM home.ig.ranker_bets
WHERE pair > 0
GROUP BY series, month
HAVING sum(expected * expected) > 0
""",
    ),
    latest(
        "latest_index_spaces",
        "One row per index: the embedding space that answers now.",
        "index_spaces",
        "index_name",
        "activated_at DESC",
    ),
)


def make_views(con: Connection) -> None:
    """Make the views in the DuckDB of `con`, to which a migrated home is attached.

    They stay when the home is detached, and serve whichever home is attached next.
    """
    for view in VIEWS:
        con.execute(view_statement(view))


def view_statement(view: View) -> str:
    """Return the SQL that makes the view."""
    return f"CREATE OR REPLACE VIEW memory.main.{view.name} AS{view.query}"
