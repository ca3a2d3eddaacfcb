"""Operations: what was used, and which scripts fed which fine-tune."""

import dagster as dg

from ig_assets.core.costs.budget import budget_usage
from ig_assets.core.costs.usage import reference_cost_usd, usage_by_model
from ig_assets.core.fine_tuning.pipeline import FineTuning
from ig_assets.core.fine_tuning.training_set.manifests import PAGE
from ig_assets.core.ports import Clock
from ig_assets.core.reports.costs.costs import costs_by
from ig_assets.core.reports.costs.outlook import (
    advice_on_costs,
    advice_table,
    forecast_spending,
)
from ig_assets.core.reports.costs.spend_plot import daily_spend, spend_picture
from ig_assets.core.reports.lineage.answer import answer_lineage, one_thing, page_of
from ig_assets.core.reports.lineage.report import (
    flow_picture,
    month_report,
    report_markdown,
    script_rows,
)
from ig_assets.defs.failures import plain_failures
from ig_assets.defs.fine_tuning.assets import fine_tuned_model, training_examples
from ig_assets.defs.metadata import counts, lineage_page_place, picture, sample_table
from ig_assets.defs.page.about import BY_THE_SECOND_OF_A_MONTH
from ig_assets.defs.partitions import closed_months, day_of, days, month_of
from ig_assets.defs.stage import stage_asset
from ig_assets.files import OWNER_ONLY, write_atomic
from ig_assets.settings import Settings
from ig_assets.warehouse.versions import content_version
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring import advised

# `eager` looks at the latest month alone; a month that is turned later counts too.
WHEN_A_MONTH_IS_DONE = (
    dg.AutomationCondition.eager()
    .without(dg.AutomationCondition.in_latest_time_window())
    .with_label("when a month is done")
)


@stage_asset(
    partitions_def=days,
    group="operations",
    table="api_calls",
    rows_of_partition="CAST(called_at AS DATE) = CAST($1 AS DATE)",
    kinds={"duckdb"},
    pool="operations",
    description=(
        "One row per operation of the day: calls, tokens, cost and latency "
        "percentiles, read from the ledger; what assets and topics cost, where the "
        "month ends if it goes on, and what would cost less."
    ),
)
def api_usage(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    money_clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Read the day's calls from the ledger, and the budgets as of now (real time)."""
    day, now = day_of(context), money_clock.now()
    with plain_failures(), warehouse.transaction() as con:
        rows = usage_by_model(con, day)
        by_asset, by_topic = (costs_by(con, by, day) for by in ("asset", "topic"))
        forecast = forecast_spending(con, now)
        advice = advice_on_costs(con, *advised(settings))
        found = budget_usage(con, settings.all_budgets, now)
        spent = daily_spend(con, now) if found else []
        version = content_version(
            con,
            "SELECT call_id || ' ' || status FROM api_calls "
            "WHERE CAST(called_at AS DATE) = ?",
            [day],
        )
    unpriced = {row["model"] for row in rows if row["unpriced"]}
    if unpriced:
        context.log.warning(
            f"No price is known for {', '.join(sorted(unpriced))}: these calls have "
            "no cost. Set it in IG_PRICES."
        )
    pictured = {}
    if found:
        drawn = spend_picture(spent, found)
        pictured = {"spend": picture(drawn, "spend against budget")}
    return dg.MaterializeResult(
        metadata=pictured
        | {
            "models_without_a_price": ", ".join(sorted(unpriced)) or "none",
            "calls": sum(row["calls"] for row in rows),
            "input_tokens": sum(row["input_tokens"] for row in rows),
            "output_tokens": sum(row["output_tokens"] for row in rows),
            "cost_usd": round(float(sum(row["cost_usd"] for row in rows)), 6),
            "unknown": sum(row["unknown"] for row in rows),
            "local_calls_at_openai_prices_usd": round(reference_cost_usd(rows), 6),
            "operations": sample_table(rows),
            "by_asset": sample_table(by_asset),
            "by_topic": sample_table(by_topic),
            "month_end_usd": round(forecast.month_end_usd, 6),
            "forecast": forecast.sentence,
            "advice": sample_table(advice_table(advice)),
        },
        data_version=dg.DataVersion(version),
    )


@stage_asset(
    partitions_def=closed_months,
    deps=[fine_tuned_model, training_examples],
    group="operations",
    table="edges",
    rows_of_partition=(
        "child_id IN (SELECT m.model_id FROM models AS m JOIN fine_tune_jobs AS j "
        "ON j.job_id = m.job_id WHERE j.month = $1)"
    ),
    is_of_the_audience=True,
    freshness_policy=BY_THE_SECOND_OF_A_MONTH,
    pool="operations",
    automation_condition=WHEN_A_MONTH_IS_DONE,
    description=(
        "One report per month: which scripts fed the fine-tune, with which weight, "
        "on what evidence."
    ),
)
def lineage_report(
    context: dg.AssetExecutionContext,
    clock: dg.ResourceParam[Clock],
    fine_tuning: dg.ResourceParam[FineTuning],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Report the month's lineage: tables, a picture, a page beside the training set."""
    month = month_of(context)
    page = None
    with plain_failures():
        with warehouse.transaction() as con:
            report = month_report(con, month)
            if report.model_id is not None:
                found = one_thing(con, report.model_id, "model")
                answer = answer_lineage(con, found, ("up", "down"))
                page = page_of(answer, clock.now())
            version = content_version(
                con,
                "SELECT child_id || ' ' || parent_id || ' ' || relation FROM edges "
                "WHERE child_id = ?",
                [report.model_id],
            )
        if page is not None:
            write_atomic(fine_tuning.folder / month / PAGE, page, mode=OWNER_ONLY)
        flow = flow_picture(report)
    return dg.MaterializeResult(
        metadata=counts(report)
        | {
            "report": dg.MetadataValue.md(report_markdown(report)),
            "flow": picture(flow, "from scripts to the model"),
            "scripts": sample_table(script_rows(report)),
            "page_with_words": lineage_page_place(month) if page else "",
        },
        data_version=dg.DataVersion(version),
    )
