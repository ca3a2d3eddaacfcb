"""Reopens decided experiments of an import whose file was extended since.

An experiment of the loop is decided once. An imported one is decided on the counts
that its file had; a later file may bring newer counts, or an arm that was not there.
"""

from __future__ import annotations

from ig_assets.warehouse.warehouse import Connection

# Counts are compared, not times: `evidence` itself holds what was evaluated.
_REOPEN = """
WITH counted AS (
    SELECT f.experiment_id, f.arm, f.events, f.trials
    FROM final_readings AS f
    JOIN experiments AS e
      ON e.experiment_id = f.experiment_id
    JOIN posts AS p
      ON p.post_id = f.post_id
     AND p.status IS DISTINCT FROM 'failed'
     AND p.duplicate_of IS NULL
    WHERE e.segment = 'history'
      AND e.status = 'decided'
),
evaluated AS (
    SELECT experiment_id, arm,
           arg_max(events, data_through) AS events,
           arg_max(trials, data_through) AS trials
    FROM (
        SELECT experiment_id, data_through, arm_a AS arm, events_a AS events,
               trials_a AS trials
        FROM evidence
        UNION ALL
        SELECT experiment_id, data_through, arm_b, events_b, trials_b
        FROM evidence
    ) AS arms
    GROUP BY experiment_id, arm
),
extended AS (
    SELECT c.experiment_id
    FROM counted AS c
    LEFT JOIN evaluated AS s
      ON s.experiment_id = c.experiment_id
     AND s.arm = c.arm
    GROUP BY c.experiment_id
    HAVING count(*) > 1
       AND bool_or(
           s.events IS DISTINCT FROM c.events
           OR s.trials IS DISTINCT FROM c.trials
       )
)
SELECT experiment_id
FROM extended
ORDER BY experiment_id
"""

_OPEN = """
UPDATE experiments
SET status = 'running'
FROM (SELECT unnest(?::TEXT[]) AS experiment_id) AS extended
WHERE experiments.experiment_id = extended.experiment_id
"""


def reopen_extended(con: Connection) -> int:
    """Reopen what has counts or arms that its last look lacked; return how many."""
    extended = [experiment_id for (experiment_id,) in con.execute(_REOPEN).fetchall()]
    if extended:
        con.execute(_OPEN, [extended])
    return len(extended)
