"""What must hold of a month's topics, drafts and variants."""

import dagster as dg

from ig_assets.defs.boundary import sample_table
from ig_assets.defs.generation.assets import script_drafts, script_variants, topics
from ig_assets.defs.partitions import month_of, months_ahead
from ig_assets.settings import Settings
from ig_assets.warehouse.connection import Warehouse
from ig_assets.warehouse.rows import fetch_dicts


@dg.asset_check(
    asset=topics,
    partitions_def=months_ahead,
    description="The calendar has usable rows for the month, and none was rejected.",
)
def calendar_rows_are_valid(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Warn with the rows that were left out and why."""
    with warehouse.transaction() as con:
        (planned,) = con.execute(
            "SELECT count(*) FROM topics WHERE month = ? AND status = 'planned'",
            [month_of(context)],
        ).fetchall()[0]
        rejects = fetch_dicts(
            con,
            """
            SELECT source_uri, reason, detail
            FROM topic_rejects
            WHERE seen_at = (SELECT max(seen_at) FROM topic_rejects)
            ORDER BY source_uri
            """,
        )
    return dg.AssetCheckResult(
        passed=planned > 0 and not rejects,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "planned": planned,
            "rejected": len(rejects),
            "sample": sample_table(rejects),
        },
    )


@dg.asset_check(
    asset=script_drafts,
    partitions_def=months_ahead,
    description="Every planned topic has at least two drafts that were not rejected.",
)
def topics_have_two_drafts(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Without two arms a topic cannot be tested."""
    return _two_arms(warehouse, month_of(context), "drafts")


@dg.asset_check(
    asset=script_variants,
    partitions_def=months_ahead,
    description="Every planned topic has at least two variants that passed the gates.",
)
def topics_have_two_variants(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Without two arms a topic cannot be tested."""
    return _two_arms(warehouse, month_of(context), "variants")


@dg.asset_check(
    asset=script_variants,
    partitions_def=months_ahead,
    description="No accepted variant copies the corpus: novelty is above the floor.",
)
def variants_are_new(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """The lowest novelty of the month against the floor of the settings."""
    with warehouse.transaction() as con:
        accepted, lowest = con.execute(
            """
            SELECT count(*), min(novelty)
            FROM variants
            WHERE month = ? AND rejection IS NULL
            """,
            [month_of(context)],
        ).fetchall()[0]
    passed = lowest is None or lowest >= settings.novelty_floor
    return dg.AssetCheckResult(
        passed=passed,
        metadata={
            "accepted": accepted,
            "lowest_novelty": lowest if lowest is not None else "none",
            "floor": settings.novelty_floor,
        },
    )


def _two_arms(warehouse: Warehouse, month: str, table: str) -> dg.AssetCheckResult:
    with warehouse.transaction() as con:
        short = fetch_dicts(
            con,
            f"""
            SELECT t.topic_id, t.topic, count(v.variant_id) AS arms
            FROM topics AS t
            LEFT JOIN {table} AS v
              ON v.month = t.month
             AND v.topic_id = t.topic_id
             AND v.rejection IS NULL
            WHERE t.month = ? AND t.status = 'planned'
            GROUP BY t.topic_id, t.topic
            HAVING count(v.variant_id) < 2
            ORDER BY t.topic
            """,
            [month],
        )
    return dg.AssetCheckResult(
        passed=not short,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"topics_without_a_test": len(short), "sample": sample_table(short)},
    )
