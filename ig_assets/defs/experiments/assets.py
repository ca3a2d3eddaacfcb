"""Experiments: posts go out, engagement comes back, evidence decides."""

import dagster as dg

from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.experiments.decisions.winners import (
    record_winners,
    winning_scripts as list_winners,
)
from ig_assets.core.experiments.engagement.collect import (
    begun,
    check_has_begun,
    collect_engagement,
    is_out_of_reach,
)
from ig_assets.core.experiments.posts.publish import publish_due
from ig_assets.core.experiments.reports.meta_analysis import across_topics, claim_rows
from ig_assets.core.experiments.reports.trajectory import courses
from ig_assets.core.experiments.reports.trajectory_plot import course_picture, titled
from ig_assets.core.experiments.reports.verdict import decisions_in_all, experiment_rows
from ig_assets.core.fine_tuning.evaluation.canary import canary_evidence, canary_row
from ig_assets.core.operations.clock import day_ranges
from ig_assets.core.ports import Clock, HookEncoder, SocialPlatform
from ig_assets.defs import asset_kinds
from ig_assets.defs.experiments.metadata import named, verdict_table
from ig_assets.defs.failures import plain_failures
from ig_assets.defs.generation.assets import script_variants
from ig_assets.defs.metadata import (
    SAMPLE_ROWS,
    counts,
    picture,
    sample_table,
    without_empty,
    zeros_together,
)
from ig_assets.defs.page.about import BY_SIX_EACH_DAY, WITHIN_A_MONTH
from ig_assets.defs.page.summaries import figures_said, summary as sentence
from ig_assets.defs.partitions import days, days_of, month_of, months_ahead
from ig_assets.defs.stage import stage_asset
from ig_assets.settings import Settings
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.versions import content_version
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring.planning import plan_month

# A day's numbers concern posts of its month and of the three before (90 days).
RECENT_MONTHS = dg.TimeWindowPartitionMapping(start_offset=-3)

# `eager` on an unpartitioned asset would wait for every day there ever was, and forgets
# news that came before the asset's own end (1.13.27, findings/). Here news waits until
# a run is requested: while a day is being read, also where that then fails, and while
# an earlier request runs.
_NEWS = dg.AutomationCondition.any_deps_updated()
WHEN_NEWS_ARRIVES = (
    _NEWS.since(
        (dg.AutomationCondition.newly_requested() & ~_NEWS)
        | dg.AutomationCondition.initial_evaluation()
    )
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
).with_label("when news arrives")


RESULT_COLUMNS = (
    "topic decision leader lead rival evidence z rule held_by age_days simulated "
    "experiment_id"
)
PICTURES = 4
_OUT_OF_REACH = (
    "The platform reports the present alone, and this day is over; what was read on it "
    "is kept."
)
WINNER_COLUMNS = (
    "topic decision decided_at experiment_id arm variant_id script_id hook_style lift "
    "shrunken_lift shrunken_low shrunken_high evidence z rule held_by simulated"
)


@stage_asset(
    partitions_def=months_ahead,
    deps=[script_variants],
    group="experiments",
    table="posts",
    rows_of_partition=(
        "experiment_id IN (SELECT experiment_id FROM experiments WHERE month = $1)"
    ),
    has_personal_data=True,
    is_of_the_audience=True,
    freshness_policy=WITHIN_A_MONTH,
    kinds={asset_kinds.PLATFORM},
    pool="posts",
    description=(
        "One row per post: which variant goes out to which segment in which slot, in "
        "a seeded random order; proposed, approved, published. A duplicate (A/A) "
        "repeats one arm's words and is no rival. A post is never sent "
        "twice: its intent is a row before the call, and what a crash left open is "
        "looked up at the platform. With the embedded default the platform is a "
        "SIMULATED audience."
    ),
)
def posts(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
    social: dg.ResourceParam[SocialPlatform],
    hook_encoder: dg.ResourceParam[HookEncoder],
) -> dg.MaterializeResult:
    """Plan posts for variants without one; publish posts that are approved and due."""
    month, run_id = month_of(context), context.run.run_id
    with plain_failures():
        chosen, plan = plan_month(
            settings, clock, warehouse, social, hook_encoder, month, run_id
        )
        published = publish_due(
            warehouse,
            clock,
            social,
            month,
            run_id=run_id,
            is_on=settings.publishes,
            asks_again=not settings.approves_automatically,
        )
        with warehouse.transaction() as con:
            sample = fetch_dicts(
                con,
                """
                SELECT t.topic, p.arm, p.hook_style, p.slot, p.status, p.post_id,
                    p.platform_post_id
                FROM posts AS p
                JOIN experiments AS e ON e.experiment_id = p.experiment_id
                LEFT JOIN topics AS t
                  ON t.month = e.month
                 AND t.topic_id = e.topic_id
                WHERE e.month = ? AND p.variant_id IS NOT NULL
                ORDER BY p.slot, p.post_id
                LIMIT 20
                """,
                [month],
            )
            version = content_version(
                con,
                """
                SELECT p.post_id || ' ' || p.status
                FROM posts AS p
                JOIN experiments AS e ON e.experiment_id = p.experiment_id
                WHERE e.month = ?
                """,
                [month],
            )
    return dg.MaterializeResult(
        metadata={f"planned_{k}": v for k, v in counts(plan).items()}
        | counts(published)
        | ({} if not chosen else {f"chosen_{k}": v for k, v in counts(chosen).items()})
        | {"platform": social.platform, "sample": sample_table(sample)},
        data_version=dg.DataVersion(version),
    )


@stage_asset(
    partitions_def=days,
    deps=[dg.AssetDep(posts, partition_mapping=RECENT_MONTHS)],
    group="experiments",
    table="engagement",
    rows_of_partition=(
        "as_of > CAST($1 AS TIMESTAMP) "
        "AND as_of <= CAST($1 AS TIMESTAMP) + INTERVAL 1 DAY"
    ),
    is_of_the_audience=True,
    freshness_policy=BY_SIX_EACH_DAY,
    kinds={asset_kinds.PLATFORM},
    pool="insights",
    backfill_policy=dg.BackfillPolicy.single_run(),
    description=(
        "One row per post, metric and reading: the cumulative counter as the platform "
        "reported it. Append-only; missing is NULL, never 0; a restated value is a "
        "new row. Only a simulated or replayed platform has a past that a backfill "
        "can read; it is one run. With the embedded default the platform is a "
        "SIMULATED audience."
    ),
)
def engagement_metrics(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
    social: dg.ResourceParam[SocialPlatform],
) -> dg.MaterializeResult:
    """Read the figures of the posts that were live on the run's days, day by day.

    Days that have not begun make the step fail, after the other days were read.
    """
    chosen = days_of(context)
    with plain_failures():
        readable = begun(clock, chosen)
        past = [day for day in readable if is_out_of_reach(social, clock, day)]
        if past:
            context.log.warning(
                f"{social.platform} reports the present alone: nothing can be read of "
                f"{day_ranges(past)}; what was read on these days is kept."
            )
        for day in readable:
            summary = collect_engagement(
                warehouse, clock, social, day, max_in_flight=settings.max_in_flight
            )
            read = counts(summary) | {
                "platform": social.platform,
                "source": social.source_note,
                "not_read": _OUT_OF_REACH if day in past else None,
            }
            kept = figures_said("engagement_metrics", read)
            read = {
                "summary": sentence("engagement_metrics", read),
                **zeros_together(read, kept),
            }
            key = day.isoformat()
            if len(readable) == len(chosen):
                context.add_asset_metadata(without_empty(read), partition_key=key)
            else:  # the step fails, so that these days have no other event
                context.log_event(
                    dg.AssetMaterialization(
                        context.asset_key, partition=key, metadata=without_empty(read)
                    )
                )
        check_has_begun(clock, chosen)
        with warehouse.transaction() as con:
            version = content_version(
                con,
                """
                SELECT post_id || ' ' || metric || ' ' || as_of || ' '
                    || coalesce(CAST(value AS TEXT), 'missing')
                FROM engagement
                WHERE CAST(as_of AS DATE) BETWEEN CAST(? AS DATE) + 1
                    AND CAST(? AS DATE) + 1
                """,
                [chosen[0], chosen[-1]],
            )
    return dg.MaterializeResult(data_version=dg.DataVersion(version))


@stage_asset(
    deps=[
        dg.AssetDep(engagement_metrics, partition_mapping=dg.AllPartitionMapping()),
    ],
    group="experiments",
    table="evidence",
    is_of_the_audience=True,
    kinds={"numpy"},
    pool="experiments",
    automation_condition=WHEN_NEWS_ARRIVES,
    description=(
        "One row per pair of arms and look: the evidence at equal age, valid under "
        "daily peeking; and one row per decision: winner, provisional, inconclusive "
        "or running. Inconclusive is the normal outcome."
    ),
)
def experiment_results(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Evaluate every undecided experiment once."""
    with plain_failures():
        summary = update_results(
            warehouse,
            clock,
            provisional_lift=settings.provisional_lift,
            run_id=context.run.run_id,
        )
        with warehouse.transaction() as con:
            newest = experiment_rows(con, limit=20)
            trajectories = courses(con, [row["experiment_id"] for row in newest])
            across = claim_rows(across_topics(con, simulated=_is_simulated(settings)))
            if canary := canary_evidence(con):
                across.append(canary_row(canary))
            version = content_version(
                con,
                "SELECT experiment_id || ' ' || decided_at || ' ' || decision "
                "FROM decisions",
            )
            in_all = decisions_in_all(con)
        drawn = course_picture(titled(newest, trajectories[:PICTURES]))
    return dg.MaterializeResult(
        metadata={
            "newest_experiments": picture(drawn, "rates and evidence by day of age"),
            "verdicts": verdict_table(newest),
            "across_topics": sample_table(across),
        }
        | counts(summary)
        | {f"in_all_{decision}": n for decision, n in in_all.items()}
        | {"sample": sample_table([named(row, RESULT_COLUMNS) for row in newest])},
        data_version=dg.DataVersion(version),
    )


@stage_asset(
    deps=[experiment_results],
    group="experiments",
    table="won_decisions",
    is_of_the_audience=True,
    kinds={"duckdb"},
    pool="experiments",
    automation_condition=dg.AutomationCondition.eager(),
    description=(
        "One row per decided experiment with a winner: tagged winner or provisional, "
        "with its evidence and shrunken lift. The feedback sensor makes them "
        "scripts."
    ),
)
def winning_scripts(
    clock: dg.ResourceParam[Clock], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    """Record every post's figures and list the winners."""
    with plain_failures():
        summary = record_winners(warehouse, clock)
        with warehouse.transaction() as con:
            newest = list_winners(con)[::-1][:SAMPLE_ROWS]
            won = [winner["experiment_id"] for winner in newest]
            found = experiment_rows(con, len(won), experiment_ids=won)
            verdicts = sorted(found, key=lambda row: won.index(row["experiment_id"]))
            version = content_version(
                con,
                """
                SELECT experiment_id || ' ' || decided_at || ' ' || decision
                FROM decisions
                WHERE decision IN ('winner', 'provisional')
                """,
            )
    return dg.MaterializeResult(
        metadata=counts(summary)
        | ({"decisions": verdict_table(verdicts)} if verdicts else {})
        | {"sample": sample_table([named(row, WINNER_COLUMNS) for row in newest])},
        data_version=dg.DataVersion(version),
    )


def _is_simulated(settings: Settings) -> bool:
    """Whether the audience is not real; a recorded audience never saw our texts."""
    return settings.social in ("simulated", "replay")
