"""Decides whether a run executed a whole job, on the tables of this code location.

It does not matter who started the run. Two kinds of runs do not count: those of a part
of the job's assets, although they have the job's name too (1.13.27,
`DagsterRun.asset_selection`), and those of a code location with other tables, which may
share the Dagster instance and the names of jobs.
"""

from __future__ import annotations

import dagster as dg

from ig_assets.core.identity import fields_hash
from ig_assets.dagster_internals import ASSET_RESUME_RETRY_TAG, RESUME_RETRY_TAG
from ig_assets.settings import load_settings

EvaluationContext = dg.SensorEvaluationContext | dg.ScheduleEvaluationContext


def _warehouse_hash() -> str:
    location = load_settings().warehouse_location
    if "@" in location:  # a password may change, the tables stay
        scheme, _, rest = location.partition("://")
        location = f"{scheme}://{rest.rpartition('@')[2]}"
    return fields_hash({"home": location})[:16]


_WAREHOUSE = _warehouse_hash()
WAREHOUSE_TAG = {"ig/warehouse": _WAREHOUSE}
"""The tag of jobs that names the warehouse of their runs, by a hash of its location."""
WAREHOUSE_TAGS = (WAREHOUSE_TAG, {"ig/home": _WAREHOUSE})
"""`WAREHOUSE_TAG`, and the tag that earlier versions wrote in its place."""


def ran_whole_job(
    context: EvaluationContext, run: dg.DagsterRun, job: str | None
) -> bool:
    """Whether a run was for all assets of the job.

    A re-execution from the failed steps or assets completes its parent run, so the
    first run of the chain decides.
    """
    if job is None or run.job_name != job:
        return False
    if context.repository_def is None:
        raise dg.DagsterInvariantViolationError("Evaluated without a repository.")
    layer = context.repository_def.get_job(job).asset_layer
    keys = set(layer.executable_asset_keys)
    while RESUME_RETRY_TAG in run.tags or ASSET_RESUME_RETRY_TAG in run.tags:
        parent = run.parent_run_id and context.instance.get_run_by_id(run.parent_run_id)
        if not parent:
            return False
        run = parent
    selected, steps = run.asset_selection, run.step_keys_to_execute
    return (not selected or keys <= selected) and (  # headless: an empty selection
        steps is None or {key.to_python_identifier() for key in keys} <= set(steps)
    )
