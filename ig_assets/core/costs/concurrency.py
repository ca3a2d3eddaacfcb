"""Several paid jobs side by side, bounded; the first failure starts nothing more."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, TypeVar

from ig_assets.core.costs.cancellation import CancelledError

T = TypeVar("T")
Job = Callable[[threading.Event], T]

GRACE_S = 2.0
"""How long an interrupted caller waits for the jobs in flight."""
INTERRUPTED = 130
"""The exit code of a process that ends while a job goes on."""

_left_running: set[Future[Any]] = set()
"""The jobs of interrupted callers that were not over when the caller went on."""


def run_bounded(
    jobs: Iterable[Job[T]],
    max_in_flight: int,
    report: Callable[[T], None] | None = None,
    grace_s: float = GRACE_S,
) -> list[T]:
    """Results of the jobs, as they finish, with at most so many at a time.

    Jobs are drawn only when there is room. Each is given an event that is set as
    soon as one fails or the caller is interrupted: a job that has not sent its
    request by then must not. After a failure those in flight are waited for; then
    the first failure is raised. After an interrupt (Ctrl-C, Terminate) they have
    `grace_s`: a person waits for the end, and a model may write for a minute. What
    is not answered by then goes on in the background and dies with the process.

    `report` is called with each result, in the caller's thread.
    """
    halt = threading.Event()
    results: list[T] = []
    running: set[Future[T]] = set()

    def take_finished() -> None:
        for result in _finished(running):
            results.append(result)
            if report is not None:
                report(result)

    try:
        for job in jobs:
            if len(running) == max_in_flight:
                take_finished()
            running.add(_start(job, halt))
        while running:
            take_finished()
    except Exception:
        halt.set()
        wait(running)
        raise
    except BaseException:
        halt.set()
        _left_running.update(wait(running, grace_s).not_done)
        raise
    return results


@atexit.register
def _end_without_the_jobs() -> None:
    """End the process here if a job still runs, before Python takes its parts away.

    Python up to 3.13 unwinds a thread that comes back from DuckDB or ONNX Runtime
    after that, their C++ code ends the process for it with SIGABRT, and the caller
    reads of a crash. What the job leaves half done is as after any kill.
    """
    if any(not job.done() for job in _left_running):
        try:
            logging.shutdown()
            for stream in filter(None, (sys.stdout, sys.stderr)):
                stream.flush()
        finally:
            os._exit(INTERRUPTED)


def _start(job: Job[T], halt: threading.Event) -> Future[T]:
    """Run a job in a thread that the end of the process does not wait for."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(_unless_halted(job, halt))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="paid job", daemon=True).start()
    return future


def _unless_halted(job: Job[T], halt: threading.Event) -> T:
    if halt.is_set():
        raise CancelledError
    try:
        return job(halt)
    except BaseException:
        halt.set()  # at once, not when the caller looks
        raise


def _finished(running: set[Future[T]]) -> list[T]:
    """Wait for at least one and take out all that are finished.

    A failure is raised rather than a halt that followed from it.
    """
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    running -= done
    errors = [e for e in (future.exception() for future in done) if e is not None]
    for error in errors:
        if not isinstance(error, CancelledError):
            raise error
    if errors:
        return []
    return [future.result() for future in done]
