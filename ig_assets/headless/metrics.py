"""Collects the metrics of a data folder from its tables and from Dagster."""

from __future__ import annotations

import time
from collections.abc import Sequence

import dagster as dg

from ig_assets.core.reports.metrics.collector import MetricsCollector
from ig_assets.core.reports.metrics.metrics import Family, Sample, read_metrics
from ig_assets.settings import Settings
from ig_assets.wiring import make_clock, make_money_clock, make_warehouse

LOCK_WAIT_S = 2.0
"""How long a scrape waits for the warehouse; Prometheus waits for 10 s in all."""


def make_collector(
    settings: Settings, instance: dg.DagsterInstance
) -> MetricsCollector:
    """Return a collector for the settings' warehouse and a Dagster instance."""
    clock, money_clock = make_clock(settings), make_money_clock()
    warehouse = make_warehouse(settings, clock, LOCK_WAIT_S)

    def read() -> Sequence[Family]:
        with warehouse.transaction() as con:
            found = read_metrics(
                con, clock.now(), money_clock.now(), settings.all_budgets
            )
        return [*found, *last_successes(instance)]

    return MetricsCollector(read, time.monotonic)


def last_successes(instance: dg.DagsterInstance) -> list[Family]:
    """Return the time of each asset's last materialisation, in Unix seconds, if any."""
    samples = []
    for key in sorted(instance.all_asset_keys(), key=lambda key: key.to_user_string()):
        event = instance.get_latest_materialization_event(key)
        if event is not None:
            samples.append(Sample(event.timestamp, {"asset": key.to_user_string()}))
    if not samples:
        return []
    return [
        Family(
            "ig_assets_last_success_timestamp_seconds",
            "gauge",
            "When an asset was materialised last.",
            samples,
        )
    ]
