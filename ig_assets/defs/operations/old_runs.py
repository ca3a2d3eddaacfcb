"""Deletes old runs from Dagster's storage, which otherwise keeps every run.

A run is deleted with its events and its logs, unless it is the newest that materialised
some partition of an asset: otherwise the graph would show that partition as missing,
and automation would materialise it again. Ticks have their own retention
(`dagster.yaml`).
"""

from __future__ import annotations

from datetime import datetime

import dagster as dg

FINISHED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]
_PAGE = 200


def old_runs(instance: dg.DagsterInstance, before: datetime) -> list[str]:
    """Return the finished runs created before a time (UTC) that may be deleted.

    They are sorted, newest first.
    """
    shown: set[tuple[dg.AssetKey, str | None]] = set()
    old: list[str] = []
    cursor: str | None = None
    while True:
        records = instance.get_run_records(
            filters=dg.RunsFilter(statuses=FINISHED), limit=_PAGE, cursor=cursor
        )
        for record in records:
            run_id = record.dagster_run.run_id
            made = _materialised(instance, run_id)
            is_newest = bool(made - shown)
            shown |= made
            created = record.create_timestamp.replace(tzinfo=None)
            if created < before and not is_newest:
                old.append(run_id)
        if len(records) < _PAGE:
            return old
        cursor = records[-1].dagster_run.run_id


def delete_runs(instance: dg.DagsterInstance, run_ids: list[str]) -> None:
    """Delete runs with their events; runs that are already deleted are skipped."""
    for run_id in run_ids:
        if instance.get_run_by_id(run_id) is not None:
            instance.delete_run(run_id)


def _materialised(
    instance: dg.DagsterInstance, run_id: str
) -> set[tuple[dg.AssetKey, str | None]]:
    entries = instance.all_logs(
        run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    events = (entry.dagster_event for entry in entries)
    return {
        (event.asset_key, event.partition)
        for event in events
        if event is not None and event.asset_key is not None
    }
