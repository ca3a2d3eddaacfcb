"""Several paid jobs side by side, bounded; the first failure starts nothing more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from ig_assets.core.costs.cancellation import CancelledError

T = TypeVar("T")
Job = Callable[[threading.Event], T]


def run_bounded(jobs: Iterable[Job[T]], max_in_flight: int) -> list[T]:
    """Results of the jobs, as they finish, with at most so many at a time.

    Jobs are drawn only when there is room. Each is given an event that is set as
    soon as one fails or the caller is interrupted: a job that has not sent its
    request by then must not. Those in flight are waited for; then the first
    failure is raised.
    """
    halt = threading.Event()
    results: list[T] = []
    with ThreadPoolExecutor(max_workers=max_in_flight) as pool:
        running: set[Future[T]] = set()
        try:
            for job in jobs:
                if len(running) == max_in_flight:
                    results += _finished(running)
                running.add(pool.submit(_unless_halted, job, halt))
            while running:
                results += _finished(running)
        except BaseException:
            halt.set()
            raise
    return results


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
