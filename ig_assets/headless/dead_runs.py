"""Ends runs whose processes are gone; they would hold their pools' slots for ever.

After a SIGKILL or a power cut, a run stays marked as started. Dagster's daemon frees
the slots of runs that have ended, but does not check whether a started run still has a
process. On a server, `python -m ig_assets.headless.dead_runs HOST:PORT` ends the runs
of a code server before it starts again. All other runs without a process end by
`run_monitoring.max_runtime_seconds`.
"""

from __future__ import annotations

import json
import os
import sys

import dagster as dg

from ig_assets.dagster_internals import GRPC_INFO_TAG, SqliteRunStorage

_UNFINISHED = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """End the runs whose processes are all gone; return their ids.

    A run's events name its processes. If the instance is stored in SQLite files, these
    are processes of this machine. With any other storage nothing is ended; see
    `end_runs_of_server`.
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


def end_runs_of_server(instance: dg.DagsterInstance, address: str) -> list[str]:
    """End the unfinished runs of the code server at `host:port`; return their ids.

    Call it only before that server starts. The runs that Dagster's default launcher
    started there were child processes of the previous server, in the same container,
    and are gone. Runs of other servers, of pods and of commands are left alone.
    """
    dead = []
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=_UNFINISHED)):
        server = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
        if f"{server.get('host')}:{server.get('port')}" == address:
            end_run(instance, run)
            dead.append(run.run_id)
    return dead


def end_run(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Mark a run as failed, and free the slots of its pools."""
    instance.report_run_failed(run, "The process was stopped before the run ended.")
    instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _processes_of(instance: dg.DagsterInstance, run_id: str) -> set[int]:
    """Return the process ids that a run's events name."""
    found = set()
    for entry in instance.all_logs(run_id):
        event = entry.dagster_event
        data = event.event_specific_data if event is not None else None
        pid = (getattr(data, "metadata", None) or {}).get("pid")
        if pid is not None and str(pid.value).isdecimal():
            found.add(int(str(pid.value)))
    return found


def _is_alive(pid: int) -> bool:
    """Whether a process with this id exists; it may be a later one with the same id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def main(address: str) -> None:
    """End the runs of the code server that is about to start at `host:port`."""
    with dg.DagsterInstance.get() as instance:
        for run_id in end_runs_of_server(instance, address):
            print(
                f"The code server of run {run_id} has ended, and the run with it; "
                "the run was marked as failed.",
                file=sys.stderr,
            )


if __name__ == "__main__":
    main(sys.argv[1])
