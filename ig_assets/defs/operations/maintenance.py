"""Jobs with schedules that back up the warehouse and delete old runs.

Neither does anything before a person has set where backups go (IG_BACKUPS) or for how
long runs are kept (IG_KEEP_DAYS); such a setting is the consent to what it deletes.
Both use the machine's time, even if the loop's clock is simulated.
"""

from datetime import timedelta

import dagster as dg

from ig_assets.core.ports import Clock
from ig_assets.defs.failures import RETRY_WHEN_BUSY, plain_failures
from ig_assets.defs.operations.old_runs import delete_runs, old_runs
from ig_assets.errors import SettingsError
from ig_assets.settings import Settings, load_settings
from ig_assets.warehouse.backends import Home
from ig_assets.warehouse.moving.backups import back_up, owner_of
from ig_assets.warehouse.moving.rotation import remove_older
from ig_assets.warehouse.moving.snapshots import expire_snapshots
from ig_assets.warehouse.writers.presence import check_present
from ig_assets.wiring import receipts_of

_HOUR, _MINUTE = map(int, load_settings().maintenance_at.split(":"))
DAILY = f"{_MINUTE} {_HOUR} * * *"
WEEKLY = f"{_MINUTE} {_HOUR} * * 1"
NO_FOLDER = "No backup is asked for (IG_BACKUPS)."
NO_DAYS = "Runs are kept for ever (IG_KEEP_DAYS)."


@dg.op(
    retry_policy=RETRY_WHEN_BUSY,
    description="Copies the warehouse into a new folder; deletes the oldest backups.",
)
def make_backup(
    context: dg.OpExecutionContext,
    settings: dg.ResourceParam[Settings],
    money_clock: dg.ResourceParam[Clock],
) -> None:
    """Make a backup; once it is complete, delete all but the newest IG_KEEP_BACKUPS."""
    with plain_failures():
        if settings.backups is None:
            raise SettingsError("Say where backups are kept, with IG_BACKUPS.")
        url = settings.warehouse_location
        check_present(Home(url).path)
        owner = owner_of(settings.data_dir)
        receipts = receipts_of(settings, Home(url).path)
        made = back_up(url, receipts, settings.backups, money_clock.now(), owner)
        rotated = remove_older(settings.backups, settings.keep_backups, made)
    for sentence in rotated.sentences():
        context.log.warning(sentence)
    context.add_output_metadata(
        {
            "folder": dg.MetadataValue.path(str(made.folder)),
            "rows": made.total,
            "migration": made.migration,
            "sha256": made.sha256,
            "deleted": [path.name for path in rotated.deleted],
            "kept against the number": rotated.sentences(),
        }
    )


@dg.op(
    retry_policy=RETRY_WHEN_BUSY,
    description="DELETES finished runs with their events, and a lake's old snapshots.",
)
def delete_old_runs(
    context: dg.OpExecutionContext,
    settings: dg.ResourceParam[Settings],
    money_clock: dg.ResourceParam[Clock],
) -> None:
    """Delete runs and snapshots older than IG_KEEP_DAYS.

    The newest run of each partition is kept.
    """
    with plain_failures():
        if settings.keep_days is None:
            raise SettingsError("Say for how many days runs are kept, IG_KEEP_DAYS.")
        before = money_clock.now() - timedelta(days=settings.keep_days)
        runs = old_runs(context.instance, before)
        delete_runs(context.instance, runs)
        snapshots = expire_snapshots(settings.warehouse_location, before)
    context.add_output_metadata(
        {"runs": len(runs), "snapshots": snapshots, "before": f"{before:%Y-%m-%d}"}
    )


@dg.job(description="Backs the warehouse up to IG_BACKUPS, while everything runs.")
def back_up_warehouse() -> None:
    """Make one backup."""
    make_backup()


@dg.job(
    description=(
        "Deletes finished runs older than IG_KEEP_DAYS. No row of a table is deleted."
    )
)
def thin_out_runs() -> None:
    """Delete old runs, so that Dagster's storage does not grow without end."""
    delete_old_runs()


@dg.schedule(
    job=back_up_warehouse,
    cron_schedule=DAILY,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Each day at IG_MAINTENANCE_AT: a backup; nothing without IG_BACKUPS.",
)
def backup_schedule(
    context: dg.ScheduleEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.RunRequest | dg.SkipReason:
    """Request one run a day, if IG_BACKUPS is set."""
    return dg.RunRequest() if settings.backups else dg.SkipReason(NO_FOLDER)


@dg.schedule(
    job=thin_out_runs,
    cron_schedule=WEEKLY,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=(
        "Each Monday at IG_MAINTENANCE_AT: deletes old runs; nothing without "
        "IG_KEEP_DAYS."
    ),
)
def retention_schedule(
    context: dg.ScheduleEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.RunRequest | dg.SkipReason:
    """Request one run a week, if IG_KEEP_DAYS is set."""
    return dg.RunRequest() if settings.keep_days else dg.SkipReason(NO_DAYS)
