"""Run a bounded number of paid jobs at a time; start no more after a failure."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TypeVar

from ig_assets.core.costs.cancellation import CancelledError

T = TypeVar("T")
Job = Callable[[threading.Event], T]

GRACE_S = 2.0
"""Seconds for which an interrupted caller waits for the jobs in flight."""
INTERRUPTED = 130
"""The exit code of a process that ends while a job is still running."""

_END_S = 0.5
"""Seconds for which an ending process waits for threads whose job is done."""

_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
"""The threads of jobs; a thread lives on for a moment after its job is done."""


def run_bounded(
    jobs: Iterable[Job[T]],
    max_in_flight: int,
    report: Callable[[T], None] | None = None,
    grace_s: float = GRACE_S,
) -> list[T]:
    """Run jobs, at most `max_in_flight` at a time, and return their results.

    The results come in the order in which jobs finish. A job is taken from `jobs` only
    when there is room. Each job receives an event that is set once a job fails or the
    caller is interrupted; after that, a job must not send its request. `report` is
    called with each result, in the caller's thread.

    After a failure, the function waits for the jobs in flight and raises the first
    failure. After an interrupt (Ctrl-C, Terminate), it waits for at most `grace_s`
    seconds, since a person waits and a model may write for a minute. Jobs that are not
    done by then go on in the background and die with the process.
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
        wait(running, grace_s)
        raise
    return results


@atexit.register
def _end_without_the_jobs() -> None:
    """End the process here if a job is still running.

    Otherwise Python (up to 3.13) unwinds, after the interpreter has been dismantled,
    the threads that return from DuckDB or ONNX Runtime. The C++ code of these libraries
    then ends the process with SIGABRT, which looks like a crash. The jobs' unfinished
    work is left as after a kill.
    """
    give_up_s = time.monotonic() + _END_S
    for thread in list(_threads):
        thread.join(max(0.0, give_up_s - time.monotonic()))
    if any(thread.is_alive() for thread in list(_threads)):
        try:
            logging.shutdown()
            for stream in filter(None, (sys.stdout, sys.stderr)):
                stream.flush()
        finally:
            os._exit(INTERRUPTED)


def _start(job: Job[T], halt: threading.Event) -> Future[T]:
    """Run a job in a daemon thread, which does not keep the process alive."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(_unless_halted(job, halt))
        except BaseException as error:
            future.set_exception(error)

    thread = threading.Thread(target=run, name="paid job", daemon=True)
    _threads.add(thread)
    thread.start()
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
    """Wait for at least one job; remove all finished jobs and return their results.

    Raises a job's error if one failed. The list is empty if a finished job was
    cancelled.
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
