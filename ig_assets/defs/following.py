"""Finds out what became of a sensor's request, and whether another run is needed.

A request is identified by its run key, which re-executions of its run keep. Whether a
source was imported is read from the tables (`SourceState`), not from the sensor's
cursor, since the daemon, the headless loop, the command line and people all start runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import dagster as dg
from pydantic import BaseModel

from ig_assets.core.ports import Clock
from ig_assets.core.source_states import SourceState
from ig_assets.dagster_internals import RUN_KEY_TAG
from ig_assets.defs.whole_runs import ran_whole_job

FIRST_RETRY = timedelta(minutes=5)
LONGEST_RETRY = timedelta(days=1)
SUCCEEDED, CANCELLED = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED


@dataclass(frozen=True)
class WantedRun:
    """A run that must succeed once for each `state` of `subject`.

    `subject` names what is watched, e.g. `library`, and begins the run key. `state`,
    e.g. a fingerprint, changes when another run is needed. With `is_work`, `state`
    describes the work that waits, e.g. posts that are due: a run changes the state by
    doing the work, and no run is needed if no work waits.

    `job` is set if the sensor has several jobs, or with `taken_in`. `taken_in` is the
    state of a source that the tables imported last, by whichever run. `asked_under` is
    the run key under which a schedule may have requested the run already; its run then
    counts as the first attempt.
    """

    subject: str
    state: str
    partition: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    is_work: bool = False
    job: str | None = None
    taken_in: SourceState | None = None
    asked_under: str | None = None


class Request(BaseModel):
    """The last request for a subject: one entry of the cursor."""

    state: str
    run_key: str
    partition: str | None = None
    is_work: bool = False
    ended: bool = False  # only for work: the run's end was noticed
    succeeded: bool = False  # never for work
    failures: int = 0
    retry_at: datetime | None = None
    reader_before: str | None = None  # the source's last run when this was requested


Followed = tuple[Request, str | None]
"""A request, and why no run is requested now, or None.

With None, the request has succeeded, or it has no run key and needs a new run.
"""


def new_request(run: WantedRun) -> Request:
    """Return the request for a run that was not requested yet; its run key is ''."""
    return Request(
        state=run.state,
        run_key="",
        partition=run.partition,
        is_work=run.is_work,
        reader_before=run.taken_in.run_id if run.taken_in else None,
    )


def latest_run(instance: dg.DagsterInstance, request: Request) -> dg.DagsterRun | None:
    """Return the requested run or its latest re-execution; None if it was deleted."""
    tags = {RUN_KEY_TAG: request.run_key}
    runs = instance.get_runs(dg.RunsFilter(tags=tags), limit=1)
    return runs[0] if runs else None


def follow(instance: dg.DagsterInstance, clock: Clock, request: Request) -> Followed:
    """Return what became of a request, by the state of its run."""
    if request.succeeded:
        return request, None
    run = latest_run(instance, request)
    if run is None:
        return request.model_copy(update={"run_key": ""}), None
    if run.status is SUCCEEDED:
        return request.model_copy(update={"succeeded": True}), None
    return _follow_unsuccessful(clock, run, request)


def follow_source(
    context: dg.SensorEvaluationContext,
    clock: Clock,
    wanted: WantedRun,
    taken_in: SourceState,
    request: Request,
) -> Followed:
    """Return what became of a request for a source, by what the tables have imported.

    The request has succeeded if the tables imported the wanted state last, by a run of
    the whole job. It no longer counts once another run imported another state. A run
    may succeed and leave another state, if it reads another place than this sensor or
    if the source has changed meanwhile; it is then repeated after the delay of a
    failure.
    """
    instance = context.instance
    reader = instance.get_run_by_id(taken_in.run_id) if taken_in.run_id else None
    is_taken_in = taken_in.state == wanted.state
    is_own = reader is not None and reader.tags.get(RUN_KEY_TAG) == request.run_key
    if is_taken_in and reader is not None and not is_own:
        if not reader.is_finished:
            return request, f"Run {reader.run_id} has not ended yet."
        if reader.status is SUCCEEDED and ran_whole_job(context, reader, wanted.job):
            done = {"run_key": request.run_key, "succeeded": True}
            return new_request(wanted).model_copy(update=done), None
    if request.state != wanted.state:
        return new_request(wanted), None
    noticed = request.succeeded
    request, reason = follow(instance, clock, request)
    if not request.succeeded:
        return request, reason
    if is_taken_in and (reader is None or is_own):
        return request, None
    was_moved = noticed or taken_in.run_id != request.reader_before
    if was_moved and not is_own and (reader is not None or taken_in.state is None):
        return new_request(wanted), None
    return _retry_later(
        clock,
        request.model_copy(update={"succeeded": False}),
        f"A run for the {wanted.subject} succeeded, and the tables have another state "
        "of it: it changed meanwhile, or the run reads or writes another place than "
        "this sensor",
    )


def follow_work(
    instance: dg.DagsterInstance, clock: Clock, wanted: WantedRun, request: Request
) -> Followed:
    """Return what became of a request for work (`WantedRun.is_work`).

    Once its run has ended, the request's `state` is the work that the run left undone.
    """
    run = latest_run(instance, request)
    if run is None:
        return new_request(wanted), None
    if run.is_finished:
        is_new = wanted.state != request.state
        if is_new and (request.ended or run.status is SUCCEEDED):
            return new_request(wanted), None
        request = request.model_copy(update={"state": wanted.state, "ended": True})
    if run.status is SUCCEEDED:
        return _retry_later(clock, request, f"Run {run.run_id} left its work undone")
    return _follow_unsuccessful(clock, run, request)


def _follow_unsuccessful(
    clock: Clock, run: dg.DagsterRun, request: Request
) -> Followed:
    if run.status is CANCELLED:
        return request, (
            f"Run {run.run_id} was cancelled; re-execute it, or reset this sensor's "
            "cursor to request it again."
        )
    if not run.is_finished:
        return request, f"Run {run.run_id} has not ended yet."
    return _retry_later(clock, request, f"Run {run.run_id} failed")


def _retry_later(clock: Clock, request: Request, why: str) -> Followed:
    if request.retry_at is None:
        delay = min(FIRST_RETRY * 2**request.failures, LONGEST_RETRY)
        request = request.model_copy(
            update={"failures": request.failures + 1, "retry_at": clock.now() + delay}
        )
    assert request.retry_at is not None
    if clock.now() < request.retry_at:
        return request, (
            f"{why}; it is requested again at {request.retry_at:%Y-%m-%d %H:%M} UTC."
        )
    update = {"run_key": "", "retry_at": None, "ended": False}
    return request.model_copy(update=update), None
