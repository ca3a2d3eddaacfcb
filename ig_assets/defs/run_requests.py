"""Requests of sensors: each wanted state is run until one run of it has succeeded.

Dagster skips a run key that any earlier run of the sensor had, also a failed one, also
after the cursor was reset, and the tick gives no reason (1.13.27,
the sensor daemon's `_get_or_create_sensor_run`). So no run key is used twice
here, and the cursor records what was requested under which key, and whether that run
succeeded. The daemon and the headless loop follow the same cursor.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import ParamSpec, TypeVar

import dagster as dg
from pydantic import BaseModel, TypeAdapter, ValidationError

from ig_assets.core.ports import Clock
from ig_assets.dagster_internals import RUN_KEY_TAG
from ig_assets.errors import WarehouseBusyError

FIRST_RETRY = timedelta(minutes=5)
LONGEST_RETRY = timedelta(days=1)

_Parameters = ParamSpec("_Parameters")
_Tick = TypeVar("_Tick")


@dataclass(frozen=True)
class WantedRun:
    """A run that must succeed once for each `state` of `subject`.

    `subject` names what is followed, e.g. `library`; it begins the run key. `state`
    changes when another run is wanted, e.g. a fingerprint.
    """

    subject: str
    state: str
    partition: str | None = None


class _Request(BaseModel):
    """The last request for a subject: one entry of the cursor."""

    state: str
    run_key: str
    succeeded: bool = False
    failures: int = 0
    retry_at: datetime | None = None


_CURSOR = TypeAdapter(dict[str, _Request])


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
    """
    before = _read(context.cursor)
    after: dict[str, _Request] = {}
    requests, reasons = [], []
    for run in wanted:
        request = before.get(run.subject)
        if request is None or request.state != run.state:
            request = _Request(state=run.state, run_key="")
        else:
            request, reason = _follow(context.instance, clock, request)
            reasons += [reason] if reason else []
        if not request.run_key:
            request.run_key = f"{run.subject} {uuid.uuid4().hex}"
            requests.append(
                dg.RunRequest(run_key=request.run_key, partition_key=run.partition)
            )
        after[run.subject] = request
    return dg.SensorResult(
        run_requests=requests or None,
        skip_reason=None if requests else " ".join(reasons) or when_done,
        cursor=_CURSOR.dump_json(after).decode(),
    )


def _follow(
    instance: dg.DagsterInstance, clock: Clock, request: _Request
) -> tuple[_Request, str | None]:
    """What became of a request, and why no run is requested now (None: it succeeded).

    A request that needs a new run comes back without a run key.
    """
    if request.succeeded:
        return request, None
    runs = instance.get_runs(
        dg.RunsFilter(tags={RUN_KEY_TAG: request.run_key}), limit=1
    )
    if not runs:  # a person deleted it
        return request.model_copy(update={"run_key": ""}), None
    run = runs[0]
    if run.status is dg.DagsterRunStatus.SUCCESS:
        return request.model_copy(update={"succeeded": True}), None
    if run.status is dg.DagsterRunStatus.CANCELED:
        return request, (
            f"Run {run.run_id} was cancelled; re-execute it, or reset this sensor's "
            "cursor to request it again."
        )
    if run.status is not dg.DagsterRunStatus.FAILURE:
        return request, f"Run {run.run_id} has not ended yet."
    if request.retry_at is None:
        delay = min(FIRST_RETRY * 2**request.failures, LONGEST_RETRY)
        request = request.model_copy(
            update={"failures": request.failures + 1, "retry_at": clock.now() + delay}
        )
    assert request.retry_at is not None
    if clock.now() < request.retry_at:
        return request, (
            f"Run {run.run_id} failed; it is requested again at "
            f"{request.retry_at:%Y-%m-%d %H:%M} UTC."
        )
    return request.model_copy(update={"run_key": "", "retry_at": None}), None


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
