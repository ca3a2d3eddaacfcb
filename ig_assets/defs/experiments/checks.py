"""Checks of posts, engagement and decisions."""

import math
from datetime import timedelta

import dagster as dg

from ig_assets.core.experiments.stats.sample_ratio import audience_shares
from ig_assets.core.ports import Clock
from ig_assets.defs.experiments.assets import (
    engagement_metrics,
    experiment_results,
    posts,
)
from ig_assets.defs.metadata import sample_table
from ig_assets.defs.partitions import month_of, months_ahead
from ig_assets.settings import Settings
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring import token_expires_at

TOKEN_WARNING = timedelta(days=7)

_NEVER_ARRIVED = """
SELECT p.post_id, p.published_at, c.metric AS missing
FROM posts AS p
JOIN (
    SELECT experiment_id, numerator AS metric
    FROM experiments
    WHERE status = 'running'
    UNION
    SELECT experiment_id, denominator AS metric
    FROM experiments
    WHERE status = 'running'
) AS c
  ON c.experiment_id = p.experiment_id
LEFT JOIN engagement AS g
  ON g.post_id = p.post_id
 AND g.metric = c.metric
 AND g.value IS NOT NULL
WHERE p.status = 'published'
  AND p.variant_id IS NOT NULL
  AND p.published_at < CAST(? AS TIMESTAMP) - INTERVAL 3 DAY
GROUP BY p.post_id, p.published_at, c.metric
HAVING count(g.value) = 0
ORDER BY p.published_at, p.post_id, c.metric
"""

# What the latest reading left unanswered, by metric; empty answers are no fault.
_LAST_READING = """
SELECT g.metric, count(*) AS posts, count(*) - count(g.value) AS missing,
       max(g.as_of) AS as_of
FROM engagement AS g
WHERE g.as_of = (
    SELECT max(as_of)
    FROM engagement
    WHERE age_hours IS NOT NULL
)
GROUP BY g.metric
ORDER BY g.metric
"""

_STALE = """
SELECT p.post_id, p.platform, p.published_at, max(g.as_of) AS last_figure_of
FROM posts AS p
JOIN engagement AS g
  ON g.post_id = p.post_id
 AND g.value IS NOT NULL
WHERE p.status = 'published'
  AND p.variant_id IS NOT NULL
  AND p.published_at < CAST(? AS TIMESTAMP) - INTERVAL 3 DAY
  AND p.published_at >= CAST(? AS TIMESTAMP) - INTERVAL 28 DAY
GROUP BY p.post_id, p.platform, p.published_at
HAVING max(g.as_of) < CAST(? AS TIMESTAMP) - INTERVAL 3 DAY
ORDER BY last_figure_of, p.post_id
"""

# Sums over exactly the posts that have both counts, as rates are made of.
_IMPOSSIBLE_RATES = """
SELECT f.experiment_id, f.numerator, f.denominator, sum(f.events) AS events,
       sum(f.trials) AS trials
FROM (
    SELECT e.experiment_id, e.numerator, e.denominator, n.value AS events,
           d.value AS trials,
           row_number() OVER (
               PARTITION BY e.experiment_id, p.post_id
               ORDER BY n.as_of DESC
           ) AS recency
    FROM experiments AS e
    JOIN posts AS p
      ON p.experiment_id = e.experiment_id
    JOIN current_readings AS n
      ON n.post_id = p.post_id
     AND n.metric = e.numerator
    JOIN current_readings AS d
      ON d.post_id = p.post_id
     AND d.metric = e.denominator
     AND d.as_of = n.as_of
    WHERE n.value IS NOT NULL
      AND d.value IS NOT NULL
) AS f
WHERE f.recency = 1
GROUP BY f.experiment_id, f.numerator, f.denominator
HAVING sum(f.events) > sum(f.trials)
UNION ALL
SELECT script_id, 'rate of a script', source, rate, 1
FROM latest_performance
WHERE rate > 1
ORDER BY experiment_id
"""


@dg.asset_check(
    asset=posts,
    partitions_def=months_ahead,
    description="No post failed, and none is left with an unknown outcome.",
)
def posts_have_known_outcomes(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Warn of posts that failed, and of posts that may or may not be published."""
    with warehouse.transaction() as con:
        rows = fetch_dicts(
            con,
            """
            SELECT p.post_id, p.arm, p.status, p.detail
            FROM posts AS p
            JOIN experiments AS e ON e.experiment_id = p.experiment_id
            WHERE e.month = ? AND p.status IN ('failed', 'ambiguous')
            ORDER BY p.post_id
            """,
            [month_of(context)],
        )
    failed = sum(row["status"] == "failed" for row in rows)
    return dg.AssetCheckResult(
        passed=not rows,
        severity=dg.AssetCheckSeverity.WARN,
        description=(
            f"{failed} posts failed, and of {len(rows) - failed} it is unknown whether "
            "they are out. Run publish_posts again for this month: it asks the platform"
            " for the unknown ones; of a failed one look at its detail."
            if rows
            else None
        ),
        metadata={"open": len(rows), "sample": sample_table(rows)},
    )


@dg.asset_check(
    asset=engagement_metrics,
    description=(
        "Posts older than three days have reported both counters that their "
        "experiment compares; the platform may lag by 48 hours."
    ),
)
def engagement_has_arrived(
    clock: dg.ResourceParam[Clock], warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Warn of posts out for three days without any value of a compared counter."""
    with warehouse.transaction() as con:
        missing = fetch_dicts(con, _NEVER_ARRIVED, [clock.now()])
        last_reading = fetch_dicts(con, _LAST_READING)
    return dg.AssetCheckResult(
        passed=not missing,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "silent_posts": len({row["post_id"] for row in missing}),
            "sample": sample_table(missing),
            "last_reading": sample_table(last_reading),
        },
    )


@dg.asset_check(
    asset=engagement_metrics,
    description=(
        "Posts that are read daily have a figure of the last three days; where they "
        "have none, either the schedule is off or the platform stopped answering."
    ),
)
def insights_are_fresh(
    clock: dg.ResourceParam[Clock], warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Warn of posts of the last 28 days whose last figure is over three days old."""
    now = clock.now()
    with warehouse.transaction() as con:
        stale = fetch_dicts(con, _STALE, [now, now, now])
    return dg.AssetCheckResult(
        passed=not stale,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"stale_posts": len(stale), "sample": sample_table(stale)},
    )


@dg.asset_check(
    asset=engagement_metrics,
    description=(
        "Over the posts that have both counts, an experiment has no more events than "
        "trials, and no script's rate is above 1."
    ),
)
def rates_are_shares(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """Warn of experiments with more events than trials, and of rates over 1."""
    with warehouse.transaction() as con:
        rows = fetch_dicts(con, _IMPOSSIBLE_RATES)
    return dg.AssetCheckResult(
        passed=not rows,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"impossible": len(rows), "sample": sample_table(rows)},
    )


@dg.asset_check(
    asset=experiment_results,
    blocking=True,
    description="Every winner has stored evidence about its arm.",
)
def winners_have_evidence(
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """Fail, which blocks promotion, if a winner has no evidence about its arm."""
    with warehouse.transaction() as con:
        winners, unsupported = con.execute("""
            SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (
                SELECT 1
                FROM evidence AS v
                WHERE v.experiment_id = d.experiment_id
                  AND (v.arm_a = d.winner_arm OR v.arm_b = d.winner_arm)
            ))
            FROM decisions AS d
            WHERE d.decision IN ('winner', 'provisional')
            """).fetchall()[0]
    return dg.AssetCheckResult(
        passed=unsupported == 0,
        description=f"{unsupported} of {winners} winners have no stored evidence.",
        metadata={"winners": winners, "unsupported": unsupported},
    )


@dg.asset_check(
    asset=experiment_results,
    description=(
        "Randomised splits were divided as planned (sample-ratio evidence below 100). "
        "A split that was not says nothing about its arms, whoever leads. Unequal "
        "reach of organic posts is an outcome and no fault."
    ),
)
def splits_are_as_planned(
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """Warn of randomised experiments whose arms' shares deviate from the plan."""
    with warehouse.transaction() as con:
        shares = audience_shares(con)
    mismatched = sorted((s for s in shares if s.alarms), key=lambda s: -s.log_e)
    sample = [
        {
            "experiment_id": share.experiment_id,
            "log10_evidence": round(share.log_e / math.log(10), 1),
            **{f"trials_{arm}": trials for arm, trials in share.trials.items()},
        }
        for share in mismatched
    ]
    return dg.AssetCheckResult(
        passed=not mismatched,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "randomised": len(shares),
            "mismatched": len(mismatched),
            "sample": sample_table(sample),
        },
    )


@dg.asset_check(
    asset=posts,
    description=(
        "Instagram's token is good for another week; it is renewed automatically while "
        "posts are read. A platform without a token always passes."
    ),
)
def token_is_fresh(
    settings: dg.ResourceParam[Settings], clock: dg.ResourceParam[Clock]
) -> dg.AssetCheckResult:
    """Warn from a week before the token expires."""
    expires_at = token_expires_at(settings)
    if expires_at is None:
        return dg.AssetCheckResult(
            passed=True, metadata={"expires": "never, as far as is known"}
        )
    left = expires_at - clock.now()
    return dg.AssetCheckResult(
        passed=left > TOKEN_WARNING,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "expires_at": f"{expires_at:%Y-%m-%d %H:%M} UTC",
            "days_left": round(left / timedelta(days=1), 1),
        },
    )
