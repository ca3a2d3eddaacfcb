"""What must hold of posts, engagement and decisions."""

import dagster as dg

from ig_assets.core.ports import Clock
from ig_assets.defs.boundary import sample_table
from ig_assets.defs.experiments.assets import (
    engagement_metrics,
    experiment_results,
    posts,
)
from ig_assets.defs.partitions import month_of, months_ahead
from ig_assets.warehouse.connection import Warehouse
from ig_assets.warehouse.rows import fetch_dicts


@dg.asset_check(
    asset=posts,
    partitions_def=months_ahead,
    description="No post failed, and none is left with an unknown outcome.",
)
def posts_have_known_outcomes(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Warn with the posts that a person should look at."""
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
    return dg.AssetCheckResult(
        passed=not rows,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"open": len(rows), "sample": sample_table(rows)},
    )


@dg.asset_check(
    asset=engagement_metrics,
    description=(
        "Posts older than two days report the counters that experiments use; the "
        "platform may lag by 48 hours."
    ),
)
def engagement_has_arrived(
    clock: dg.ResourceParam[Clock], warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Warn where a live post of more than two days has no value at all."""
    with warehouse.transaction() as con:
        silent = fetch_dicts(
            con,
            """
            SELECT p.post_id, p.published_at
            FROM posts AS p
            JOIN experiments AS e ON e.experiment_id = p.experiment_id
            LEFT JOIN engagement AS g
              ON g.post_id = p.post_id
             AND g.metric = e.numerator
             AND g.value IS NOT NULL
            WHERE p.status = 'published'
              AND p.variant_id IS NOT NULL
              AND e.status = 'running'
              AND p.published_at < CAST(? AS TIMESTAMP) - INTERVAL 3 DAY
            GROUP BY p.post_id, p.published_at
            HAVING count(g.value) = 0
            ORDER BY p.published_at
            """,
            [clock.now()],
        )
    return dg.AssetCheckResult(
        passed=not silent,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"silent_posts": len(silent), "sample": sample_table(silent)},
    )


@dg.asset_check(
    asset=experiment_results,
    blocking=True,
    description="Every winner has stored evidence about its arm.",
)
def winners_have_evidence(
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """Block promotion where a decision has no row that supports it."""
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
        metadata={"winners": winners, "unsupported": unsupported},
    )
