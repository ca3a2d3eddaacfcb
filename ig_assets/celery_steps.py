"""Let a run wait for its steps at Celery workers, and notice when a step is lost.

Dagster's own loop has three faults. After a run was stopped or a worker failed, the
loop asks Redis for the results of the other steps without a pause, so a core is busy
until they end. A worker that vanishes (a power cut, SIGKILL) leaves no result, so its
run would wait until `max_runtime_seconds`. And a stopped run waits for a worker to say
that it skipped the waiting steps, though there may be no worker. Here a worker marks in
Redis, repeatedly, that it holds a step. A run asks once a second, fails when the mark
is gone, and does not wait for a revoked step that no worker began.

Only this module imports from inside `dagster_celery` (verified with 0.29.27).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from celery.exceptions import TaskRevokedError
from dagster_celery import celery_executor
from dagster_celery.core_execution_loop import core_celery_execution_loop
from dagster_celery.executor import CeleryExecutor, _submit_task

from ig_assets.errors import IgAssetsError

HELD_S = 300
"""Seconds after which a step counts as lost if its worker has not marked it again.

This is long enough for code that blocks other threads for a while.
"""
MARK_S = 20
"""Seconds between two marks by a worker."""
ASK_S = 1.0
"""Seconds between two requests of a run for the result of a step."""
LOOK_S = 10.0
"""Seconds between two checks of the mark by a run."""
_log = logging.getLogger("ig_script_writer.celery_steps")


class LostStepError(IgAssetsError):
    """The worker of a step has vanished."""


class Marks:
    """The marks of steps, in the Redis server that stores Celery's results.

    The mark `begun` is set once per step and stays after the step's end: if two workers
    get the same step, only one of them begins it. The mark `held` is renewed as long as
    a worker has the step.
    """

    def __init__(self, app: Any, begun_s: int) -> None:
        # Another kind of store for results has no marks; Dagster's events remain.
        self._redis = getattr(app.backend, "client", None)
        self._begun_s = begun_s

    @contextmanager
    def taken(self, task: str) -> Iterator[bool]:
        """Mark a step as begun and held; yield False if another worker began it."""
        if self._redis is None:
            yield True
            return
        self._hold(task)  # before `begun`: begun and not held means lost
        if not self._redis.set(_begun(task), 1, nx=True, ex=self._begun_s):
            yield False
            return
        ended = threading.Event()
        holder = threading.Thread(
            target=self._go_on_holding, args=(task, ended), daemon=True
        )
        holder.start()
        try:
            yield True
        finally:
            ended.set()  # the mark itself stays until the result is stored
            holder.join()

    def is_gone(self, task: str, revoked: bool) -> bool:
        """Return whether no worker works, or will work, on a step that has no result.

        Either a worker began it and no longer holds it, or none began it before it was
        revoked.
        """
        if self._redis is None:
            return False
        if not self._redis.exists(_begun(task)):
            return revoked
        return not self._redis.exists(_held(task))

    def _hold(self, task: str) -> None:
        assert self._redis is not None
        self._redis.set(_held(task), 1, ex=HELD_S)

    def _go_on_holding(self, task: str, ended: threading.Event) -> None:
        while not ended.wait(MARK_S):
            try:
                self._hold(task)
            except Exception as error:  # Redis starts again; the next mark may do
                _log.warning("A step could not be marked: %s.", type(error).__name__)


class AwaitedStep:
    """The pending result of a step, with the methods that Dagster's loop calls."""

    def __init__(self, result: Any, marks: Marks, step: str) -> None:
        self._result, self._marks, self._step = result, marks, step
        self._asked = self._looked = time.monotonic()
        self._revoked = self._gone = False

    def ready(self) -> bool:
        """Return whether the step has ended or is gone.

        It sleeps first if needed, so that a result is requested at most once a second.
        """
        time.sleep(max(0.0, self._asked + ASK_S - time.monotonic()))
        self._asked = time.monotonic()
        if self._result.ready():
            return True
        if self._asked - self._looked >= LOOK_S:
            self._looked = self._asked
            # It may have ended between the two questions.
            self._gone = (
                self._marks.is_gone(self._result.id, self._revoked)
                and not self._result.ready()
            )
        return self._gone

    def get(self) -> Any:
        """Return the step's events. Raises what the step raised, or LostStepError."""
        if not self._gone:
            return self._result.get()
        if self._revoked:
            raise TaskRevokedError(self._step)
        raise LostStepError(
            f"The worker of step {self._step} has vanished: no sign of it for "
            f"{HELD_S // 60} minutes. Look at its log, start it again, and execute the "
            "run again from its failure."
        )

    def revoke(self) -> None:
        """Tell the workers not to begin the step."""
        self._revoked, self._looked = True, time.monotonic()
        self._result.revoke()


class PatientExecutor(CeleryExecutor):  # type: ignore[misc]  # Dagster's has no types
    """Dagster's Celery executor, which waits for steps as this module describes."""

    def __init__(self, begun_s: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._begun_s = begun_s

    def execute(self, plan_context: Any, execution_plan: Any) -> Any:
        """Submit the steps of a run and yield the events of the run."""
        return core_celery_execution_loop(
            plan_context, execution_plan, step_execution_fn=self._submit
        )

    def _submit(self, app: Any, context: Any, step: Any, *arguments: Any) -> Any:
        result = _submit_task(app, context, step, *arguments)
        return AwaitedStep(result, Marks(app, self._begun_s), step.key)


def patient_executor(begun_s: int) -> dg.ExecutorDefinition:
    """Return the executor's definition, configured as `celery_executor` is.

    `begun_s` is how many seconds the mark `begun` is kept. It must be longer than Redis
    may take to give the step to another worker.
    """

    def create(context: dg.InitExecutorContext) -> Any:
        made = celery_executor.executor_creation_fn(context)
        config = context.executor_config
        names = ("broker", "backend", "include", "config_source")
        settings = {name: config.get(name) for name in names}
        return PatientExecutor(begun_s, retries=made.retries, **settings)

    return dg.ExecutorDefinition(
        name="celery",
        config_schema=celery_executor.config_schema,
        requirements=dg.multiple_process_executor_requirements(),
        executor_creation_fn=create,
    )


def _begun(task: str) -> str:
    return f"ig-step-begun:{task}"


def _held(task: str) -> str:
    return f"ig-step-held:{task}"
