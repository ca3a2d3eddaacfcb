"""Collects the metrics of a data folder from its tables and from Dagster."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import dagster as dg

from ig_assets.core.reports.metrics.collector import MetricsCollector
from ig_assets.core.reports.metrics.metrics import Family, Sample, read_metrics
from ig_assets.errors import IgAssetsError
from ig_assets.settings import Settings
from ig_assets.warehouse.moving.rotation import own_backups
from ig_assets.wiring import make_clock, make_money_clock, make_warehouse

_log = logging.getLogger("ig_script_writer.metrics")
LOCK_WAIT_S = 2.0
"""How long a scrape waits for the warehouse; Prometheus waits for 10 s in all."""


def make_collector(
    settings: Settings, instance: Callable[[], dg.DagsterInstance]
) -> MetricsCollector:
    """Return a collector for the settings' warehouse and a Dagster instance.

    It only reads: without a warehouse file it makes none, and does not call `instance`.
    """
    clock, money_clock = make_clock(settings), make_money_clock()
    warehouse = make_warehouse(settings, clock, LOCK_WAIT_S)

    def read() -> Sequence[Family]:
        warehouse.check_present()
        with warehouse.transaction() as con:
            found = read_metrics(
                con, clock.now(), money_clock.now(), settings.all_budgets
            )
        return [
            *found,
            *backup_figures(settings, money_clock.now()),
            *last_successes(instance()),
        ]

    return MetricsCollector(read, time.monotonic)


def backup_figures(settings: Settings, now: datetime) -> list[Family]:
    """Return metrics of the backups in IG_BACKUPS: number, and time of the last one.

    Returns [] if IG_BACKUPS is not set. A folder that cannot be read counts as one with
    0 backups, since none could be restored from it. `now` is the machine's time, naive
    UTC.
    """
    if settings.backups is None:
        return []
    try:
        made = own_backups(settings.backups, settings.data_dir, now)
    except (IgAssetsError, OSError) as error:
        _log.warning("The backups cannot be read: %s", error)
        made = []
    found = [
        Family(
            "ig_assets_backups",
            "gauge",
            "Complete backups of this data folder that IG_BACKUPS has.",
            [Sample(float(len(made)))],
        )
    ]
    if made:
        found.append(
            Family(
                "ig_assets_last_backup_timestamp_seconds",
                "gauge",
                "When the newest of these backups was made.",
                [Sample(made[-1].replace(tzinfo=UTC).timestamp())],
            )
        )
    return found


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
