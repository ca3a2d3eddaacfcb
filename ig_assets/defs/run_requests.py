"""Requests of sensors: each wanted state is run until one run of it has succeeded.

Dagster skips a run key that any earlier run of the sensor had, also a failed one, also
after the cursor was reset, and the tick gives no reason (1.13.27,
the sensor daemon's `_get_or_create_sensor_run`). So no run key is used twice
here, and the cursor records what was requested under which key, and whether that run
succeeded. The daemon and the headless loop follow the same cursor.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import wraps
from typing import ParamSpec, TypeVar

import dagster as dg
from pydantic import BaseModel, TypeAdapter, ValidationError

from ig_assets.core.identity import fields_hash
from ig_assets.core.ports import Clock
from ig_assets.dagster_internals import RUN_KEY_TAG
from ig_assets.errors import WarehouseBusyError

FIRST_RETRY = timedelta(minutes=5)
LONGEST_RETRY = timedelta(days=1)
_SUCCEEDED, _CANCELLED = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED

_Parameters = ParamSpec("_Parameters")
_Tick = TypeVar("_Tick")


@dataclass(frozen=True)
class WantedRun:
    """A run that must succeed once for each `state` of `subject`.

    `subject` names what is followed, e.g. `library`; it begins the run key. `state`
    changes when another run is wanted, e.g. a fingerprint. Where it `is_work`, `state`
    lists what waits for a run, e.g. posts that are due: runs change it themselves, and
    nothing is wanted once nothing waits. `job` is named where the sensor has several.
    A run `asked_under` this run key by others counts as the first request.
    """

    subject: str
    state: str
    partition: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    is_work: bool = False
    job: str | None = None
    asked_under: str | None = None


class _Request(BaseModel):
    """The last request for a subject: one entry of the cursor."""

    state: str
    run_key: str
    partition: str | None = None
    is_work: bool = False
    ended: bool = False  # only for work: the run's end was noticed
    succeeded: bool = False  # never for work
    failures: int = 0
    retry_at: datetime | None = None


_CURSOR = TypeAdapter(dict[str, _Request])


def state_of(items: Iterable[str]) -> str:
    """The state of work that consists of these items."""
    return fields_hash({"items": list(items)})


def request_runs(
    context: dg.SensorEvaluationContext,
    clock: Clock,
    wanted: Sequence[WantedRun],
    when_done: str,
) -> dg.SensorResult:
    """Request the wanted runs that have not succeeded yet.

    A failed run is requested again `FIRST_RETRY` after its failure was noticed, then
    after twice as long each time, at most `LONGEST_RETRY`, by `clock`. A cancelled run
    is left to people. A cursor that was reset, or cannot be read, starts from the
    beginning. `when_done` is the reason for a tick on which nothing is left to do.

    Work has one run at a time, however it changes meanwhile. After a success, work that
    has changed is requested again at once, and work that is still the same after the
    delay of a failure. After a failure it is requested until a run succeeds, also
    where the work is gone: the run may have done a part of it and owe what follows.
    """
    instance = context.instance
    before = _read(context.cursor)
    after: dict[str, _Request] = {}
    requests, reasons = [], []
    for run in [*wanted, *_owed_runs(instance, before, wanted)]:
        request, reason = before.get(run.subject) or _asked_before(run), None
        if request is not None and run.is_work:
            request, reason = _follow_work(instance, clock, run, request)
        elif request is not None and request.state == run.state:
            request, reason = _follow(instance, clock, request)
        else:
            request = _new_request(run)
        reasons += [reason] if reason else []
        if not request.run_key:
            request.run_key = f"{run.subject} {uuid.uuid4().hex}"
            requests.append(
                dg.RunRequest(
                    run_key=request.run_key,
                    job_name=run.job,
                    partition_key=run.partition,
                    tags=dict(run.tags),
                )
            )
        after[run.subject] = request
    return dg.SensorResult(
        run_requests=requests or None,
        skip_reason=None if requests else " ".join(reasons) or when_done,
        cursor=_CURSOR.dump_json(after).decode(),
    )


def _new_request(run: WantedRun) -> _Request:
    return _Request(
        state=run.state, run_key="", partition=run.partition, is_work=run.is_work
    )


def _asked_before(run: WantedRun) -> _Request | None:
    """What others asked for; without such a run it is as if theirs was deleted."""
    if run.asked_under is None:
        return None
    return _new_request(run).model_copy(update={"run_key": run.asked_under})


def _owed_runs(
    instance: dg.DagsterInstance,
    before: Mapping[str, _Request],
    wanted: Sequence[WantedRun],
) -> list[WantedRun]:
    """Runs for work that is gone, where the requested run failed or has not ended."""
    listed = {run.subject for run in wanted}
    return [
        WantedRun(subject, request.state, request.partition, is_work=True)
        for subject, request in before.items()
        if request.is_work and subject not in listed
        if (run := _latest_run(instance, request)) is not None
        if run.status not in (_SUCCEEDED, _CANCELLED)
    ]


def _follow(
    instance: dg.DagsterInstance, clock: Clock, request: _Request
) -> tuple[_Request, str | None]:
    """What became of a request, and why no run is requested now (None: it succeeded).

    A request that needs a new run comes back without a run key.
    """
    if request.succeeded:
        return request, None
    run = _latest_run(instance, request)
    if run is None:
        return request.model_copy(update={"run_key": ""}), None
    if run.status is _SUCCEEDED:
        return request.model_copy(update={"succeeded": True}), None
    return _follow_unsuccessful(clock, run, request)


def _follow_work(
    instance: dg.DagsterInstance, clock: Clock, wanted: WantedRun, request: _Request
) -> tuple[_Request, str | None]:
    """As `_follow`, for work: `request.state` becomes what the ended run left."""
    run = _latest_run(instance, request)
    if run is None:
        return _new_request(wanted), None
    if run.is_finished:
        is_new = wanted.state != request.state
        if is_new and (request.ended or run.status is _SUCCEEDED):
            return _new_request(wanted), None
        request = request.model_copy(update={"state": wanted.state, "ended": True})
    if run.status is _SUCCEEDED:
        return _retry_later(clock, request, f"Run {run.run_id} left its work undone")
    return _follow_unsuccessful(clock, run, request)


def _follow_unsuccessful(
    clock: Clock, run: dg.DagsterRun, request: _Request
) -> tuple[_Request, str | None]:
    if run.status is _CANCELLED:
        return request, (
            f"Run {run.run_id} was cancelled; re-execute it, or reset this sensor's "
            "cursor to request it again."
        )
    if not run.is_finished:
        return request, f"Run {run.run_id} has not ended yet."
    return _retry_later(clock, request, f"Run {run.run_id} failed")


def _retry_later(
    clock: Clock, request: _Request, why: str
) -> tuple[_Request, str | None]:
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


def _latest_run(
    instance: dg.DagsterInstance, request: _Request
) -> dg.DagsterRun | None:
    """The requested run or its latest re-execution; None where a person deleted it."""
    tags = {RUN_KEY_TAG: request.run_key}
    runs = instance.get_runs(dg.RunsFilter(tags=tags), limit=1)
    return runs[0] if runs else None


def _read(cursor: str | None) -> dict[str, _Request]:
    try:
        return _CURSOR.validate_json(cursor or "{}")
    except ValidationError:  # from a version that kept the bare fingerprint
        return {}


def skip_when_busy(
    evaluate: Callable[_Parameters, _Tick],
) -> Callable[_Parameters, _Tick | dg.SkipReason]:
    """Make a sensor or schedule skip its tick while the warehouse is busy."""

    @wraps(evaluate)
    def evaluated(
        *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> _Tick | dg.SkipReason:
        try:
            return evaluate(*args, **kwargs)
        except WarehouseBusyError as error:
            return dg.SkipReason(str(error))

    return evaluated
