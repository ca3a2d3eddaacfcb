"""Reopens decided experiments of an import if a later file has extended it.

An experiment of the loop is decided once. An imported one is decided on the counts in
its file; a later file may have newer counts, or another arm.
"""

from __future__ import annotations

from collections import Counter

from ig_assets.warehouse.warehouse import Connection

# Counts are compared, not times: `evidence` itself holds what was evaluated. The two
# sides are compared here and not by a join, which DuckDB 1.5.5 cannot bind for some
# sizes of these tables.
_COUNTED = """
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
"""

# A look under another split, σ or rate has to be repeated.
_EVALUATED = """
SELECT arms.experiment_id, arm, arg_max(events, data_through),
       arg_max(trials, data_through)
FROM (
    SELECT experiment_id, data_through, arm_a AS arm, events_a AS events,
           trials_a AS trials
    FROM evidence
    UNION ALL
    SELECT experiment_id, data_through, arm_b, events_b, trials_b
    FROM evidence
) AS arms
JOIN experiments AS e
  ON e.experiment_id = arms.experiment_id
 AND e.status = 'decided'
WHERE e.terms_since IS NULL
   OR arms.data_through > e.terms_since
GROUP BY arms.experiment_id, arm
"""

_OPEN = """
UPDATE experiments
SET status = 'running'
FROM (SELECT unnest(?::TEXT[]) AS experiment_id) AS extended
WHERE experiments.experiment_id = extended.experiment_id
"""


def reopen_extended(con: Connection) -> int:
    """Reopen imported experiments with new counts, arms or terms since the last look.

    Terms are the split and σ. Returns the number of reopened experiments.
    """
    counted = con.execute(_COUNTED).fetchall()
    if not counted:
        return 0
    evaluated = {
        (experiment_id, arm): (events, trials)
        for experiment_id, arm, events, trials in con.execute(_EVALUATED).fetchall()
    }
    sizes = Counter(experiment_id for experiment_id, *_ in counted)
    extended = sorted(
        {
            experiment_id
            for experiment_id, arm, events, trials in counted
            if sizes[experiment_id] > 1
            and evaluated.get((experiment_id, arm)) != (events, trials)
        }
    )
    if extended:
        con.execute(_OPEN, [extended])
    return len(extended)
