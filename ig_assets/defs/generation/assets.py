"""Assets of generation: topics, drafts, variants."""

import dagster as dg

from ig_assets.core.generation.pipeline import (
    GenerationContext,
    draft_month,
    polish_month,
)
from ig_assets.core.generation.topics.sync import Draw, sync_topics
from ig_assets.core.models.registry import canary_model
from ig_assets.core.ports import Clock
from ig_assets.defs import asset_kinds
from ig_assets.defs.corpus.assets import script_index
from ig_assets.defs.failures import plain_failures, run_ref
from ig_assets.defs.generation.metadata import step_metadata
from ig_assets.defs.metadata import counts, sample_table
from ig_assets.defs.page.about import WITHIN_A_MONTH
from ig_assets.defs.partitions import month_of, months_ahead
from ig_assets.defs.stage import stage_asset
from ig_assets.settings import Settings
from ig_assets.warehouse.versions import content_version
from ig_assets.warehouse.warehouse import Warehouse


@stage_asset(
    partitions_def=months_ahead,
    group="generation",
    table="topics",
    rows_of_partition="month = $1",
    freshness_policy=WITHIN_A_MONTH,
    kinds={"yaml"},
    pool="generation",
    description=(
        "One row per topic of the month's content calendar, with the seeded draw of "
        "control and canary topics. A drafted topic keeps its draw."
    ),
)
def topics(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Read the calendar, validate each row, and draw the control and canary topics."""
    month = month_of(context)
    with plain_failures():
        with warehouse.transaction() as con:
            has_candidate = canary_model(con) is not None
        draw = Draw(
            settings.seed,
            settings.control_share,
            settings.canary_share,
            has_candidate,
        )
        summary = sync_topics(
            warehouse,
            clock,
            settings.calendar,
            month,
            draw,
            settings.topics_per_month,
            context.run.run_id,
        )
        with warehouse.transaction() as con:
            version = content_version(
                con,
                """
                SELECT topic_id || ' ' || is_control || ' ' || is_canary
                    || ' ' || status || ' ' || brief
                FROM topics
                WHERE month = ?
                """,
                [month],
            )
    return dg.MaterializeResult(
        metadata=counts(summary)
        | {"notes": sample_table([note._asdict() for note in summary.notes])},
        data_version=dg.DataVersion(version),
    )


@stage_asset(
    partitions_def=months_ahead,
    deps=[topics, script_index, dg.AssetKey("active_model")],
    group="generation",
    table="drafts",
    rows_of_partition="month = $1",
    pays_for="writer",
    freshness_policy=WITHIN_A_MONTH,
    kinds={asset_kinds.WRITER},
    pool="writer_api",
    description=(
        "One row per arm of a topic: a draft grounded in retrieved scripts, with the "
        "hash of its prompt, its model, its sampling settings, and what was "
        "retrieved with which similarity. Scripts that try to instruct a model ground "
        "nothing and are listed. Each draft is committed as it comes; a rerun writes "
        "only what is missing."
    ),
)
def script_drafts(
    context: dg.AssetExecutionContext, generation: dg.ResourceParam[GenerationContext]
) -> dg.MaterializeResult:
    """Write the drafts that are missing in the month."""
    month = month_of(context)
    with plain_failures():
        step = draft_month(generation, month, run_ref(context, month))
    return dg.MaterializeResult(
        metadata=step_metadata(step), data_version=dg.DataVersion(step.version)
    )


@stage_asset(
    partitions_def=months_ahead,
    deps=[script_drafts],
    group="generation",
    table="variants",
    rows_of_partition="month = $1",
    pays_for="writer",
    freshness_policy=WITHIN_A_MONTH,
    kinds={asset_kinds.WRITER},
    pool="writer_api",
    description=(
        "One row per polished draft: hook, beats, call to action, on-screen text, "
        "spoken seconds, and its figure at every gate (`variant_figures`). What fails "
        "is polished again up to IG_REGENERATIONS times, then rejected with its "
        "figures. One frozen model polishes every arm alike."
    ),
)
def script_variants(
    context: dg.AssetExecutionContext, generation: dg.ResourceParam[GenerationContext]
) -> dg.MaterializeResult:
    """Polish the month's drafts that have no variant."""
    month = month_of(context)
    with plain_failures():
        step = polish_month(generation, month, run_ref(context, month))
    return dg.MaterializeResult(
        metadata=step_metadata(step), data_version=dg.DataVersion(step.version)
    )
