"""Decides whether a step that waited in a queue should still run.

A queue outlives the runs that filled it: a run may have been stopped or have failed
while its step waited, and a broker may deliver a step twice. Such a step would pay or
publish for a run that is over, so a worker asks here before it begins a step.
"""

from __future__ import annotations

from collections.abc import Collection

import dagster as dg

_STARTS = {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_RESTARTED}


def why_run_is_over(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """Return why no step of this run may begin; None while the run is in progress."""
    run = instance.get_run_by_id(run_id)
    if run is None:
        return "its run was deleted"
    if run.status == dg.DagsterRunStatus.STARTED:
        return None
    return f"its run is {run.status.value}"


def why_step_is_repeated(
    instance: dg.DagsterInstance, run_id: str, steps: Collection[str], attempts: int
) -> str | None:
    """Return why these steps count as delivered before; None at their first delivery.

    `attempts` is the number of attempts that asked to be retried; that many start
    events are expected for each step.
    """
    started: dict[str, int] = {}
    for entry in instance.all_logs(run_id, of_type=_STARTS):
        if entry.step_key is not None:
            started[entry.step_key] = started.get(entry.step_key, 0) + 1
    again = [step for step in steps if started.get(step, 0) > attempts]
    return f"{', '.join(again)} had begun at another worker" if again else None
