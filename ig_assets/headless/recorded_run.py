"""Executes a job in this process as a run of the code location.

`JobDefinition.execute_in_process` leaves the run's job origin and the tag
`.dagster/repository` empty (Dagster 1.13.27, `core_execute_in_process`). The UI then
lists the run in Runs alone: Overview, the timeline and the job's page look for the tag,
and re-execution fails with an error about the missing origin. So the run is created
with its origin first, and executed afterwards.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import dagster as dg

from ig_assets.dagster_internals import (
    InMemoryJob,
    InProcessCodeLocationOrigin,
    LoadableTargetOrigin,
    RemoteRepositoryOrigin,
    execute_run_iterator,
    merge_run_tags,
)

CODE_LOCATION = "ig_assets"
"""The location's name in workspace.yaml and pyproject.toml."""
REPOSITORY = "__repository__"
"""The name that Dagster gives the one repository of a code location."""

_LOOK_EVERY_S = 1.0
_STOPPED = (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)

_ORIGIN = RemoteRepositoryOrigin(
    InProcessCodeLocationOrigin(
        LoadableTargetOrigin(module_name="ig_assets.definitions"),
        location_name=CODE_LOCATION,
    ),
    REPOSITORY,
)


def execute_recorded(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    *,
    assets: Sequence[dg.AssetKey] | None,
    partition: str | None,
    tags: Mapping[str, str],
    run_config: Mapping[str, object],
) -> dg.ExecuteInProcessResult:
    """Execute a job, or some of its assets, step by step in this process.

    A failed step is an event of the result and is not raised.
    """
    selection = frozenset(assets or ())
    run = instance.create_run_for_job(
        job_def=job,
        run_config=run_config,
        tags=merge_run_tags(
            job_def=job,
            partition_key=partition,
            tags=tags,
            asset_selection=list(selection),
            instance=instance,
            run_config=run_config,
        ),
        asset_selection=selection or None,
        remote_job_origin=_ORIGIN.get_job_origin(job.name),
    )
    # The same steps with the executor of one process and without stored outputs.
    in_process = job.as_ephemeral_job(resource_defs={}, input_values={})
    with _stoppable(instance, run.run_id):
        events = list(execute_run_iterator(InMemoryJob(in_process), run, instance))
    return dg.ExecuteInProcessResult(
        job_def=in_process,
        event_list=events,
        dagster_run=instance.get_run_by_id(run.run_id) or run,
        output_capture={},
    )


@contextmanager
def _stoppable(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Interrupt this process, as Ctrl-C does, when the UI asks to end the run."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_EVERY_S):
            run = instance.get_run_by_id(run_id)
            if run is not None and run.status in _STOPPED:
                os.kill(os.getpid(), signal.SIGINT)
                return

    watcher = threading.Thread(target=watch, name="run watcher", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
