"""The real sensors and schedules over stages that only fail on demand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg

from ig_assets.adapters.simulated.clocks import SimulatedClock
from ig_assets.core.ports import Clock
from ig_assets.defs.corpus.assets import raw_scripts
from ig_assets.defs.corpus.automation import (
    embedding_batch_sensor,
    feedback_sensor,
    script_library_sensor,
)
from ig_assets.defs.experiments.automation import (
    engagement_schedule,
    publishing_sensor,
)
from ig_assets.defs.fine_tuning.automation import (
    fine_tune_status_sensor,
    monthly_fine_tune_schedule,
)
from ig_assets.defs.generation.assets import topics
from ig_assets.defs.generation.automation import content_calendar_sensor
from ig_assets.defs.operations.automation import usage_schedule
from ig_assets.defs.operations.overdue_runs import overdue_runs_sensor
from ig_assets.defs.partitions import closed_months, days, months_ahead
from ig_assets.defs.resources import resources
from ig_assets.settings import load_settings
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring import Services, make_clock, make_warehouse

START = datetime(2026, 1, 1)
COLLECT = "UPDATE embedding_batches SET status = 'collected'"
PUBLISH = "UPDATE posts SET status = 'published'"


def billing_clock(data_dir: Path) -> SimulatedClock:
    """The clock of the retries, which only a test moves."""
    return SimulatedClock(data_dir / "billing_clock.json", START)


def break_runs(data_dir: Path, broken: bool) -> None:
    """Make the stages fail from now on, or succeed."""
    marker = data_dir / "broken"
    data_dir.mkdir(exist_ok=True)
    marker.touch() if broken else marker.unlink()


class BillingClockResource(dg.ConfigurableResource[Any]):
    """Hands out the clock that a test moves."""

    def create_resource(self, context: dg.InitResourceContext) -> Clock:
        return billing_clock(load_settings().data_dir)


class ImpatientWarehouseResource(dg.ConfigurableResource[Any]):
    """Hands out a warehouse that is busy after a second."""

    def create_resource(self, context: dg.InitResourceContext) -> Warehouse:
        settings = load_settings()
        return make_warehouse(settings, make_clock(settings), lock_timeout_s=1.0)


def _stage(
    name: str,
    partitions: dg.PartitionsDefinition | None = None,
    work: str = "SELECT 1",
) -> dg.AssetsDefinition:
    """A stage that does its work, an SQL statement, unless it is broken."""

    @dg.asset(name=name, partitions_def=partitions)
    def stage() -> None:
        if (load_settings().data_dir / "broken").exists():
            raise dg.Failure("The vendor is down.", allow_retries=False)
        with Services(load_settings()).warehouse.transaction() as con:
            con.execute(work)

    return stage


defs = dg.Definitions(
    assets=[
        raw_scripts,
        _stage("script_embeddings", work=COLLECT),
        _stage("script_index"),
        topics,
        *(_stage(n, months_ahead) for n in ("script_drafts", "script_variants")),
        _stage("posts", months_ahead, work=PUBLISH),
        *(_stage(n, closed_months) for n in ("fine_tuned_model", "model_evaluation")),
        *(_stage(n, days) for n in ("api_usage", "engagement_metrics")),
        *(_stage(n, closed_months) for n in ("training_examples", "fine_tune_jsonl")),
        _stage("fine_tune_job", closed_months),
    ],
    sensors=[
        script_library_sensor,
        content_calendar_sensor,
        fine_tune_status_sensor,
        feedback_sensor,
        publishing_sensor,
        embedding_batch_sensor,
        overdue_runs_sensor,
    ],
    schedules=[usage_schedule, engagement_schedule, monthly_fine_tune_schedule],
    resources=resources(load_settings())
    | {
        "money_clock": BillingClockResource(),
        "warehouse": ImpatientWarehouseResource(),
    },
    executor=dg.in_process_executor,
)
