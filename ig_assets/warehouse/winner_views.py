"""Named views of decisions: winners, held winners and the revisions that won."""

from __future__ import annotations

from ig_assets.warehouse.view import View, latest

LOG_E_SPLIT_ALARM = 4.605170185988092
"""ln 100, the alarm of `core/experiments/stats/sample_ratio.py`."""

WINNER_VIEWS: tuple[View, ...] = (
    latest(
        "latest_standings",
        "One row per experiment that was evaluated: who leads at its latest look.",
        "standings",
        "experiment_id",
        "data_through DESC",
    ),
    latest(
        "latest_acceptances",
        "One row per experiment whose held winner was ever accepted: the latest word.",
        "winner_acceptances",
        "experiment_id",
        "changed_at DESC",
    ),
    latest(
        "latest_decisions",
        "One row per experiment that was evaluated: its latest decision.",
        "decisions",
        "experiment_id",
        "decided_at DESC",
    ),
    View(
        "won_decisions",
        "One row per experiment that has a winner now, provisional ones included.",
        """
SELECT *
FROM memory.main.latest_decisions
WHERE decision IN ('winner', 'provisional')
""",
    ),
    View(
        "valid_acceptances",
        "One row per experiment whose latest word accepts an arm, and where no other "
        "arm has won since.",
        """
SELECT a.*
FROM memory.main.latest_acceptances AS a
WHERE a.is_accepted
    AND NOT EXISTS (
        SELECT 1
        FROM home.ig.decisions AS d
        WHERE d.experiment_id = a.experiment_id
            AND d.decided_at > a.changed_at
            AND d.winner_arm <> a.winner_arm
    )
""",
    ),
    View(
        "judged_splits",
        "One row per randomised experiment whose split was judged: the evidence "
        "against it at the latest look at counts of one reading.",
        """
SELECT s.experiment_id, max(s.data_through) AS data_through,
    arg_max(s.split_log_e, s.data_through) AS split_log_e
FROM home.ig.standings AS s
JOIN home.ig.experiments AS e
    ON e.experiment_id = s.experiment_id
WHERE e.randomised
    AND s.split_log_e IS NOT NULL
GROUP BY s.experiment_id
""",
    ),
    View(
        "unsound_experiments",
        "One row per experiment with a reason to doubt it: 'split' (its audience was "
        "not divided as planned) or 'repeated z' (a second look on z decided it).",
        f"""
SELECT experiment_id,
    CASE WHEN bool_or(is_split) THEN 'split' ELSE 'repeated z' END AS cause
FROM (
    SELECT experiment_id, TRUE AS is_split
    FROM memory.main.judged_splits
    WHERE split_log_e >= {LOG_E_SPLIT_ALARM}
    UNION ALL
    SELECT s.experiment_id, FALSE
    FROM home.ig.standings AS s
    JOIN memory.main.latest_decisions AS d
        ON d.experiment_id = s.experiment_id
        AND d.data_through = s.data_through
    WHERE s.rule = 'repeated z'
) AS causes
GROUP BY experiment_id
""",
    ),
    View(
        "accepted_winners",
        "One row per winner that a person accepted: who, when and why.",
        """
SELECT a.*
FROM memory.main.won_decisions AS w
JOIN memory.main.valid_acceptances AS a
    ON a.experiment_id = w.experiment_id
    AND a.winner_arm = w.winner_arm
""",
    ),
    View(
        "held_winners",
        "One row per winner that is displayed and not used, until a person accepts it.",
        """
SELECT w.experiment_id, w.winner_arm, u.cause
FROM memory.main.won_decisions AS w
JOIN memory.main.unsound_experiments AS u
    ON u.experiment_id = w.experiment_id
WHERE w.experiment_id NOT IN (
    SELECT experiment_id FROM memory.main.accepted_winners
)
""",
    ),
    View(
        "usable_winners",
        "One row per experiment whose winner may be learnt from: won and not held.",
        """
SELECT *
FROM memory.main.won_decisions
WHERE experiment_id NOT IN (SELECT experiment_id FROM memory.main.held_winners)
""",
    ),
    View(
        "won_revisions",
        "One row per revision that won and is not held, in whichever script.",
        """
WITH named AS (
    SELECT winner_revision_hash AS revision_hash, w.*
    FROM memory.main.usable_winners AS w
    WHERE winner_revision_hash IS NOT NULL
    UNION ALL
    SELECT s.revision_hash, w.*
    FROM memory.main.usable_winners AS w
    JOIN home.ig.scripts AS s
        ON s.variant_id = w.winner_variant_id
    UNION ALL
    SELECT s.revision_hash, w.*
    FROM memory.main.usable_winners AS w
    JOIN memory.main.latest_script_status AS s
        ON s.script_id = w.winner_script_id
    WHERE w.winner_revision_hash IS NULL
)
SELECT revision_hash, experiment_id, decision, shrunken_lift
FROM named
QUALIFY row_number() OVER (
    PARTITION BY revision_hash
    ORDER BY decided_at DESC, experiment_id
) = 1
""",
    ),
)
