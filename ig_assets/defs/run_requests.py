"""Run requests of sensors: each wanted state is run until one run of it succeeds.

Dagster skips a request whose run key an earlier run of the sensor had, even if that run
failed or the cursor was reset, and the tick gives no reason (1.13.27, the sensor
daemon's `_get_or_create_sensor_run`). So no run key is used twice here. The cursor
records what was requested under which key, and whether that run succeeded. The daemon
and the headless loop have separate cursors; what was imported, by either of them, a
command or a person, both read from the tables (`following`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import ParamSpec, TypeVar

import dagster as dg
from pydantic import TypeAdapter, ValidationError

from ig_assets.core.identity import fields_hash
from ig_assets.core.ports import Clock
from ig_assets.defs.following import (
    CANCELLED,
    SUCCEEDED,
    Request,
    WantedRun,
    follow,
    follow_source,
    follow_work,
    latest_run,
    new_request,
)
from ig_assets.errors import WarehouseBusyError
from ig_assets.warehouse.warehouse import waiting_at_most

__all__ = ["WantedRun", "request_runs", "skip_when_busy", "state_of"]

TICK_WAIT_S = 15.0
"""How long a transaction of a tick waits for the warehouse."""

_Parameters = ParamSpec("_Parameters")
_Tick = TypeVar("_Tick")


_CURSOR = TypeAdapter(dict[str, Request])


def state_of(items: Iterable[str]) -> str:
    """Return the state of work that consists of these items, as a hash."""
    return fields_hash({"items": list(items)})


def request_runs(
    context: dg.SensorEvaluationContext,
    clock: Clock,
    wanted: Sequence[WantedRun],
    when_done: str,
    notice: str = "",
) -> dg.SensorResult:
    """Request the wanted runs that have not succeeded yet.

    A failed run is requested again `FIRST_RETRY` after its failure was noticed, then
    after twice as long each time, at most `LONGEST_RETRY`, by `clock`. A cancelled run
    is left to people. A cursor that was reset, or cannot be read, starts from the
    beginning. `when_done` is the reason for a tick with nothing left to do; `notice` is
    appended to every reason.

    Work has one run at a time, however it changes meanwhile. After a success, work that
    has changed is requested again at once, and unchanged work after the delay of a
    failure. After a failure, work is requested until a run succeeds, even if nothing
    waits any more: the failed run may have done only a part of it.
    """
    instance = context.instance
    before = _read(context.cursor)
    after: dict[str, Request] = {}
    requests, reasons = [], []
    for run in [*wanted, *_owed_runs(instance, before, wanted)]:
        request, reason = before.get(run.subject) or _asked_before(run), None
        if request is not None and run.is_work:
            request, reason = follow_work(instance, clock, run, request)
        elif request is not None and run.taken_in is not None:
            request, reason = follow_source(context, clock, run, run.taken_in, request)
        elif request is not None and request.state == run.state:
            request, reason = follow(instance, clock, request)
        else:
            request = new_request(run)
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
    said = [*(reasons or [when_done]), notice]
    return dg.SensorResult(
        run_requests=requests or None,
        skip_reason=None if requests else " ".join(filter(None, said)),
        cursor=_CURSOR.dump_json(after).decode(),
    )


def _asked_before(run: WantedRun) -> Request | None:
    """Return the request under `run.asked_under`, or None if that is not set.

    A run of this request need not exist.
    """
    if run.asked_under is None:
        return None
    return new_request(run).model_copy(update={"run_key": run.asked_under})


def _owed_runs(
    instance: dg.DagsterInstance,
    before: Mapping[str, Request],
    wanted: Sequence[WantedRun],
) -> list[WantedRun]:
    """Return runs for work that waits no longer, if its last run failed or goes on."""
    listed = {run.subject for run in wanted}
    return [
        WantedRun(subject, request.state, request.partition, is_work=True)
        for subject, request in before.items()
        if request.is_work and subject not in listed
        if (run := latest_run(instance, request)) is not None
        if run.status not in (SUCCEEDED, CANCELLED)
    ]


def _read(cursor: str | None) -> dict[str, Request]:
    try:
        return _CURSOR.validate_json(cursor or "{}")
    except ValidationError:  # from a version that kept the bare fingerprint
        return {}


def skip_when_busy(
    evaluate: Callable[_Parameters, _Tick],
) -> Callable[_Parameters, _Tick | dg.SkipReason]:
    """Make a sensor or schedule skip its tick while the warehouse is busy.

    Dagster allows a tick 60 s. A tick that waited that long for the warehouse would be
    reported as an unreachable code server.
    """

    @wraps(evaluate)
    def evaluated(
        *args: _Parameters.args, **kwargs: _Parameters.kwargs
    ) -> _Tick | dg.SkipReason:
        try:
            with waiting_at_most(TICK_WAIT_S):
                return evaluate(*args, **kwargs)
        except WarehouseBusyError as error:
            return dg.SkipReason(str(error))

    return evaluated
