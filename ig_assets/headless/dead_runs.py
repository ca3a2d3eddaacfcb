"""Ends runs whose processes are gone: they would hold their pools' slots for ever.

Dagster's daemon frees the slots of runs that have ended, but does not check whether a
run that is marked as started still has a process, as after a SIGKILL or a power cut.
"""

from __future__ import annotations

import os

import dagster as dg

from ig_assets.dagster_internals import SqliteRunStorage

_UNFINISHED = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """End the runs whose processes are all gone; return their ids.

    A run's events name its processes. They are processes of this machine where the
    instance is stored in SQLite files; for any other instance nothing is ended.
    """
    if not isinstance(instance.run_storage, SqliteRunStorage):
        return []
    dead = []
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=_UNFINISHED)):
        processes = _processes_of(instance, run.run_id)
        if processes and not any(map(_is_alive, processes)):
            end_run(instance, run)
            dead.append(run.run_id)
    return dead


def end_run(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Mark a run as failed and free its slots."""
    instance.report_run_failed(run, "The process was stopped before the run ended.")
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _processes_of(instance: dg.DagsterInstance, run_id: str) -> set[int]:
    """The process ids in a run's events."""
    found = set()
    for entry in instance.all_logs(run_id):
        event = entry.dagster_event
        data = event.event_specific_data if event is not None else None
        pid = (getattr(data, "metadata", None) or {}).get("pid")
        if pid is not None and str(pid.value).isdecimal():
            found.add(int(str(pid.value)))
    return found


def _is_alive(pid: int) -> bool:
    """Whether a process has this id, be it another one that was given it since."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
