"""Jobs run side by side, never more than allowed, and none after a failure."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from ig_assets.core.costs.cancellation import CancelledError
from ig_assets.core.costs.concurrency import run_bounded

Job = Callable[[threading.Event], int]


class Counter:
    """Makes jobs that note how many run at once; `together` must meet."""

    def __init__(self, together: int) -> None:
        self.started: list[int] = []
        self.most = 0
        self._running = 0
        self._lock = threading.Lock()
        self._meeting = threading.Barrier(together)

    def job(self, number: int) -> Job:
        def run(halt: threading.Event) -> int:
            with self._lock:
                self.started.append(number)
                self._running += 1
                self.most = max(self.most, self._running)
            self._meeting.wait(20)
            with self._lock:
                self._running -= 1
            return number

        return run


def test_as_many_as_allowed_run_at_once_and_not_one_more() -> None:
    counter = Counter(together=3)
    results = run_bounded(map(counter.job, range(9)), 3)
    assert sorted(results) == list(range(9)) and counter.most == 3


def test_jobs_are_drawn_only_when_there_is_room() -> None:
    drawn: list[int] = []
    finished: list[int] = []

    def jobs() -> Iterator[Job]:
        for number in range(6):
            drawn.append(number)
            assert len(drawn) - len(finished) <= 2
            yield lambda halt, n=number: finished.append(n) or n  # type: ignore

    assert sorted(run_bounded(jobs(), 1)) == list(range(6))


def test_each_result_is_reported_once() -> None:
    reported: list[int] = []
    jobs: list[Job] = [lambda halt, n=n: n for n in range(5)]  # type: ignore
    results = run_bounded(jobs, 2, reported.append)
    assert results == reported and sorted(reported) == list(range(5))


def test_an_interrupted_caller_does_not_wait_for_an_answer_but_for_a_grace() -> None:
    asked, answer, told = threading.Event(), threading.Event(), threading.Event()

    def slow(halt: threading.Event) -> int:
        asked.set()
        assert halt.wait(20)
        told.set()
        assert answer.wait(20)
        return 1

    def jobs() -> Iterator[Job]:
        yield slow
        assert asked.wait(20)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_bounded(jobs(), 2, grace_s=0.01)
    assert told.wait(20) and not answer.is_set()
    answer.set()

    quick = threading.Event()

    def almost(halt: threading.Event) -> int:
        assert halt.wait(20)
        quick.set()
        return 1

    def stopped() -> Iterator[Job]:
        yield almost
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_bounded(stopped(), 2, grace_s=20)
    assert quick.is_set(), "what is answered within the grace is kept"


def test_after_the_first_failure_nothing_is_started_and_it_is_what_is_raised() -> None:
    started: list[int] = []
    failed = threading.Event()
    kept: list[int] = []

    def fails(halt: threading.Event) -> int:
        failed.set()
        raise ValueError("the first failure")

    def in_flight(halt: threading.Event) -> int:
        assert failed.wait(20) and halt.wait(20), "those in flight are told"
        kept.append(1)
        return 1

    def later(halt: threading.Event) -> int:
        started.append(1)
        return 2

    with pytest.raises(ValueError, match="the first failure"):
        run_bounded([in_flight, fails, *[later] * 20], 2)
    assert kept == [1], "what was in flight came to its end"
    assert started == []


def test_a_job_that_stopped_for_another_s_failure_does_not_hide_it() -> None:
    def gives_up(halt: threading.Event) -> int:
        assert halt.wait(20)
        raise CancelledError

    def fails(halt: threading.Event) -> int:
        raise ValueError("the cause")

    for _ in range(20):
        with pytest.raises(ValueError, match="the cause"):
            run_bounded([gives_up, gives_up, fails], 3)


def test_an_interrupt_waits_for_what_is_in_flight_and_starts_nothing() -> None:
    done: list[bool] = []

    def in_flight(halt: threading.Event) -> int:
        done.append(halt.wait(20))
        return 1

    def jobs() -> Iterator[Job]:
        yield in_flight
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_bounded(jobs(), 2)
    assert done == [True]


ENDS_WHILE_DUCKDB_ANSWERS = """
import threading
import duckdb
from ig_assets.core.costs.concurrency import run_bounded

def writes(halt):
    con = duckdb.connect()
    while True:
        asked.set()
        con.execute("SELECT sum(range % 7) FROM range(3_000_000)").fetchall()

def frees(halt):
    con = duckdb.connect()
    con.execute("CREATE TABLE much AS SELECT range FROM range(3_000_000)")
    asked.set()
    halt.wait(60)
    raise RuntimeError("what it read is freed when its thread ends")

def jobs():
    for _ in range(4):
        yield {job}
    assert asked.wait(60)
    raise KeyboardInterrupt

asked = threading.Event()
try:
    run_bounded(jobs(), 5, grace_s={grace_s})
except KeyboardInterrupt:
    print("stopped")
    raise SystemExit(130)
"""


@pytest.mark.parametrize(("job", "grace_s"), [("writes", 0.05), ("frees", 20)])
def test_a_process_ends_in_order_while_a_job_still_asks_the_warehouse(
    job: str, grace_s: float
) -> None:
    """Python 3.11 with DuckDB 1.5.5 ended by SIGABRT in some of such ends."""
    program = ENDS_WHILE_DUCKDB_ANSWERS.format(job=job, grace_s=grace_s)
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (ended.returncode, ended.stdout) == (130, "stopped\n"), ended.stderr
