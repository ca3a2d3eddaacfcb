"""Meta-analysis over topics: which hook style does better, and whether the loop does.

Every experiment that has ended gives one paired difference of log rates, whatever its
decision. It enters once: at its last look, in its month. A month enters when all its
experiments have ended, so a running pair cannot be included because an early look was
favourable. A broken split gives no pair, unless a person accepted it and no other arm
has won since.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ig_assets.core.experiments.stats.anytime_t_test import SequentialMean
from ig_assets.core.experiments.stats.e_values import LARGEST_LOG_E, MIN_EVENTS
from ig_assets.core.experiments.stats.month_means import (
    PairDifference,
    mean_over_months,
)
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

E_CLAIM = 20.0

# The last differences of ended experiments; parameters: MIN_EVENTS, twice. Split tests
# are left out, since they compare arms that an experiment has compared before.
_COMPARED = """
WITH ended AS (
    SELECT experiment_id, min(decided_at) AS ended_at
    FROM decisions
    WHERE decision <> 'running'
      AND experiment_id NOT IN (SELECT experiment_id FROM split_tests)
      AND experiment_id NOT IN (
          SELECT experiment_id
          FROM unsound_experiments
          WHERE cause = 'split'
            AND experiment_id NOT IN (SELECT experiment_id FROM valid_acceptances)
      )
    GROUP BY experiment_id
),
open_months AS (
    SELECT DISTINCT e.month, coalesce(e.simulated, FALSE) AS simulated
    FROM experiments AS e
    WHERE e.month IS NOT NULL
      AND e.segment IS DISTINCT FROM 'history'
      AND e.experiment_id NOT IN (
          SELECT experiment_id FROM decisions WHERE decision <> 'running'
      )
      AND e.experiment_id NOT IN (SELECT experiment_id FROM split_tests)
      AND e.experiment_id IN (
          SELECT experiment_id
          FROM posts
          WHERE coalesce(status, '') NOT IN ('failed', 'declined')
      )
),
settled AS (
    SELECT s.experiment_id, s.arm_a, s.arm_b, s.log_rate_ratio, n.ended_at,
           coalesce(
               e.month, strftime(e.started_at, '%Y-%m'), strftime(n.ended_at, '%Y-%m')
           ) AS month,
           t.audience, o.month IS NOT NULL AS is_open
    FROM latest_evidence AS s
    JOIN ended AS n
      ON n.experiment_id = s.experiment_id
    LEFT JOIN experiments AS e
      ON e.experiment_id = s.experiment_id
    LEFT JOIN topics AS t
      ON t.month = e.month
     AND t.topic_id = e.topic_id
    LEFT JOIN open_months AS o
      ON o.month = e.month
     AND o.simulated = coalesce(e.simulated, FALSE)
    WHERE s.log_rate_ratio IS NOT NULL
      AND (events_a IS NULL OR events_a >= ?)
      AND (events_b IS NULL OR events_b >= ?)
),
compared AS (
    SELECT experiment_id, arm_a AS arm, arm_b AS other, log_rate_ratio AS d, ended_at,
           month, audience, is_open
    FROM settled
    UNION ALL
    SELECT experiment_id, arm_b, arm_a, -log_rate_ratio, ended_at, month, audience,
           is_open
    FROM settled
)
"""

_ARMS = """,
arms AS (
    SELECT p.experiment_id, p.arm,
           coalesce(p.hook_style, v.hook_style) AS hook_style,
           coalesce(v.is_control, FALSE) AS is_control,
           coalesce(v.is_canary, FALSE) AS is_canary
    FROM posts AS p
    JOIN experiments AS e
      ON e.experiment_id = p.experiment_id
    LEFT JOIN variants AS v
      ON v.variant_id = p.variant_id
    WHERE p.status IS DISTINCT FROM 'failed'
      AND coalesce(e.simulated, FALSE) = ?
)
"""

# Both arms of each comparison: x is `arm`, y is `other`.
_PAIRS = """
FROM compared AS c
JOIN arms AS x
  ON x.experiment_id = c.experiment_id
 AND x.arm = c.arm
JOIN arms AS y
  ON y.experiment_id = c.experiment_id
 AND y.arm = c.other
"""


def mean_differences(condition: str) -> str:
    """Return SQL for each experiment's mean difference over the pairs of a condition.

    The condition names the arms x and y of the table expression `arms`, which must
    precede the SQL.
    """
    return f"""
SELECT c.experiment_id, avg(c.d) AS d, c.month, c.audience, c.is_open
{_PAIRS}
WHERE {condition}
GROUP BY c.experiment_id, c.month, c.audience, c.is_open
ORDER BY c.month, c.experiment_id
"""


_STYLES = f"""{_ARMS}
SELECT x.hook_style, c.experiment_id, avg(c.d) AS d, c.month, c.audience, c.is_open
{_PAIRS}
WHERE NOT x.is_control
  AND NOT x.is_canary
  AND NOT y.is_control
  AND NOT y.is_canary
  AND x.hook_style <> y.hook_style
GROUP BY x.hook_style, c.experiment_id, c.month, c.audience, c.is_open
ORDER BY c.month, c.experiment_id
"""

_LOOP = _ARMS + mean_differences("""
    y.is_control
    AND NOT x.is_control
    AND NOT x.is_canary
    AND x.hook_style = y.hook_style
""")


@dataclass(frozen=True)
class StyleResult:
    """A hook style compared with the other styles of its topics.

    `claim` is 'better' or 'worse' if the evidence suffices for this style among all
    styles that were tried (e >= 20 times their number), else 'undecided'. `waiting` is
    the number of pairs that are left out until their month has ended.
    """

    hook_style: str
    mean: SequentialMean
    claim: str
    waiting: int


@dataclass(frozen=True)
class AcrossTopics:
    """The results for styles, best mean first, and for the loop against control arms.

    A control arm has the same style as an arm of the loop, but is written by the frozen
    base model with the first prompt and no winners in retrieval. `loop_claim` and
    `loop_waiting` have the meaning of `claim` and `waiting` in `StyleResult`.
    """

    styles: tuple[StyleResult, ...]
    loop: SequentialMean
    loop_claim: str
    loop_waiting: int


def compared_rows(
    con: Connection, query: str, parameters: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """Run a query over `compared`, the last differences of ended experiments.

    `compared` has the columns experiment_id, arm, other, d (the log rate ratio of arm
    over other), ended_at, month (YYYY-MM: the topic's, else that of the start),
    audience and is_open (another experiment of the month has not ended). It contains
    each pair in both directions, if both arms have at least MIN_EVENTS events. `query`
    continues its WITH clause: it is a SELECT, or begins with `, name AS (…)`.
    `parameters` are those of `query` alone. Returns the query's rows.
    """
    sql = f"{_COMPARED}{query}"
    return fetch_dicts(con, sql, [MIN_EVENTS, MIN_EVENTS, *parameters])


def across_topics(con: Connection, *, simulated: bool) -> AcrossTopics:
    """Analyse all ended experiments, either the simulated or the real ones."""
    of_style: dict[str, list[dict[str, Any]]] = {}
    for row in compared_rows(con, _STYLES, [simulated]):
        of_style.setdefault(row["hook_style"], []).append(row)
    # Bonferroni over the styles: valid under any dependence of their e-processes.
    needed = E_CLAIM * max(1, len(of_style))
    styles = []
    for style, rows in of_style.items():
        found, waiting = pooled(rows)
        styles.append(StyleResult(style, found, _claim(found, needed), waiting))
    loop, waiting = pooled(compared_rows(con, _LOOP, [simulated]))
    return AcrossTopics(
        styles=tuple(sorted(styles, key=_best_first)),
        loop=loop,
        loop_claim=_claim(loop, E_CLAIM),
        loop_waiting=waiting,
    )


def pooled(rows: Sequence[Mapping[str, Any]]) -> tuple[SequentialMean, int]:
    """Return (evidence from rows of closed months, number of rows of open months).

    The rows have the columns d, month, audience and is_open (the month has not ended).
    """
    closed = [row for row in rows if not row["is_open"]]
    pairs = [PairDifference(row["d"], row["month"], row["audience"]) for row in closed]
    return mean_over_months(pairs), len(rows) - len(closed)


def claim_rows(found: AcrossTopics) -> list[dict[str, Any]]:
    """Return one row per claim for people.

    Lifts are ratios minus 1, and `evidence` is an e-value.
    """
    needed = E_CLAIM * max(1, len(found.styles))
    rows = [
        claim_row(
            f"style {s.hook_style} over the others", s.mean, needed, s.claim, s.waiting
        )
        for s in found.styles
    ]
    loop = "the loop over its control arms"
    waiting = found.loop_waiting
    return [*rows, claim_row(loop, found.loop, E_CLAIM, found.loop_claim, waiting)]


def claim_row(
    question: str, found: SequentialMean, needed: float, claim: str, left_out: int
) -> dict[str, Any]:
    """Return one row of `claim_rows`.

    `needed` is the e-value that a claim needs; `left_out` is the number of pairs that
    do not count, or not yet.
    """
    return {
        "question": question,
        "claim": claim,
        "topics": found.pairs,
        "months": found.units,
        "left_out": left_out,
        "lift": _ratio(found.mean),
        "low": _ratio(found.low),
        "high": _ratio(found.high),
        "evidence": round(math.exp(min(found.log_e_of_leader, LARGEST_LOG_E)), 1),
        "needed": needed,
    }


def _ratio(log_ratio: float | None) -> float | None:
    return None if log_ratio is None else round(math.expm1(log_ratio), 3)


def _best_first(style: StyleResult) -> tuple[Any, ...]:
    mean = style.mean.mean
    return (-mean if mean is not None else 0.0, style.hook_style)


def _claim(found: SequentialMean, e: float) -> str:
    return {1: "better", -1: "worse", 0: "undecided"}[found.decides(e)]
