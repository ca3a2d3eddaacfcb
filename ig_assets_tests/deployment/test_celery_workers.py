"""Runs whose steps are done by real Celery workers over a real Redis server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest

pytest.importorskip("dagster_celery", reason="needs the extra `celery`")

ROOT = Path(__file__).resolve().parent.parent.parent
REDIS = shutil.which("redis-server")
PASSWORD = "planted-broker-password"
LONG_S = 120.0

pytestmark = [
    pytest.mark.further,
    pytest.mark.skipif(REDIS is None, reason="needs redis-server on the PATH"),
]


@dataclass
class Plant:
    """A Redis server, a Dagster instance and the workers that a test starts."""

    folder: Path
    port: int
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DAGSTER_HOME": str(self.folder / "home"),
            "IG_DATA_DIR": str(self.folder / "data"),
            "IG_EXECUTOR": "celery",
            "IG_CELERY_BROKER": f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0",
            "CELERY_TEST_FOLDER": str(self.folder),
            "PYTHONPATH": str(ROOT),
        }

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a Python module as a process; its output goes to NAME.log."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env=self.environment,
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.started.append(process)
        return process

    def worker(self, name: str) -> subprocess.Popen[bytes]:
        """Start a worker of one step at a time and wait until it takes steps."""
        app = "ig_assets.headless.workers.step_worker"
        options = ["--concurrency", "1", "--hostname", f"{name}@test"]
        process = self.start(
            name, "celery", "--app", app, "worker", "--loglevel", "INFO", *options
        )
        self.until(lambda: " ready." in self.log(name))
        return process

    def run(self, name: str = "run") -> subprocess.Popen[bytes]:
        """Start a run of three steps; its loop waits for the workers."""
        module = "ig_assets_tests.deployment.celery_location"
        job = ["-m", module, "-j", "three_steps"]
        return self.start(name, "dagster", "job", "execute", *job)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def began(self, step: str) -> list[str]:
        """The processes that began a step, one a time it began."""
        path = self.folder / f"{step}.began"
        return path.read_text(encoding="utf-8").split() if path.exists() else []

    def go(self) -> None:
        (self.folder / "go").touch()

    def until(self, so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LONG_S
        while not so():
            logs = sorted(self.folder.glob("*.log"))
            assert time.monotonic() < deadline, [
                self.log(log.stem)[-2000:] for log in logs
            ]
            time.sleep(0.1)

    def redis(self) -> Any:
        import redis

        return redis.Redis(port=self.port, password=PASSWORD)

    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(str(self.folder / "home"))


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    (tmp_path / "home").mkdir()
    shutil.copy(ROOT / "dagster.yaml", tmp_path / "home")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert REDIS is not None
    redis = subprocess.Popen(
        [REDIS, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        + ["--requirepass", PASSWORD, "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    made = Plant(tmp_path, port)
    yield made
    made.go()
    for process in [*reversed(made.started), redis]:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()


def test_two_workers_share_the_steps_of_a_run_and_no_password_is_stored(
    plant: Plant,
) -> None:
    plant.worker("one"), plant.worker("two")
    run = plant.run()
    plant.until(lambda: bool(plant.began("first")) and bool(plant.began("second")))
    assert plant.began("first") != plant.began("second")
    plant.go()
    assert run.wait(timeout=LONG_S) == 0, plant.log("run")
    assert len(plant.began("short")) == 1
    with plant.instance() as instance:
        (stored,) = instance.get_runs()
        assert stored.status == dg.DagsterRunStatus.SUCCESS
        tasks = [str(entry.dagster_event) for entry in instance.all_logs(stored.run_id)]
        assert {w for w in ("one@test", "two@test") if w in str(tasks)} == {
            "one@test",
            "two@test",
        }
    files = [path for path in (plant.folder / "home").rglob("*") if path.is_file()]
    assert files and not [p for p in files if PASSWORD.encode() in p.read_bytes()]
    assert PASSWORD not in plant.log("run") + plant.log("one") + plant.log("two")


def test_a_stopped_run_s_waiting_step_is_left_out(plant: Plant) -> None:
    plant.worker("one")
    run = plant.run()
    plant.until(lambda: len(plant.began("first") + plant.began("second")) == 1)
    done, waiting = sorted(["first", "second"], key=plant.began, reverse=True)
    with plant.instance() as instance:
        (stored,) = instance.get_runs()
        instance.report_run_failed(stored, "Stopped by a test.")
    run.kill()
    run.wait()
    plant.go()
    plant.until(lambda: "Left out step" in plant.log("one"))
    assert f"Left out step {waiting} of run" in plant.log("one")
    assert len(plant.began(done)) == 1 and not plant.began(waiting)


def test_a_terminated_run_ends_and_nothing_new_begins(plant: Plant) -> None:
    plant.worker("one")
    run = plant.run()
    plant.until(lambda: len(plant.began("first") + plant.began("second")) == 1)
    with plant.instance() as instance:
        (stored,) = instance.get_runs()
        # What *Terminate* does: the wish is recorded, then the process interrupted.
        instance.report_run_canceling(stored)
        run.send_signal(signal.SIGINT)
        plant.until(lambda: _has_event(instance, stored, "revoking active tasks"))
        process = psutil.Process(run.pid)
        before = process.cpu_times()
        time.sleep(5)  # it waits for the step in hand, and lets others have the core
        after = process.cpu_times()
        assert after.user + after.system - before.user - before.system < 2
        plant.go()
        run.wait(timeout=LONG_S)
        (stored,) = instance.get_runs()
        assert stored.status == dg.DagsterRunStatus.CANCELED
    assert len(plant.began("first") + plant.began("second")) == 1
    assert not plant.began("short")


def test_a_step_that_is_delivered_twice_is_done_once(plant: Plant) -> None:
    plant.worker("one")
    run = plant.run()
    plant.until(lambda: len(plant.began("first") + plant.began("second")) == 1)
    queue = plant.redis()
    plant.until(lambda: bool(_waiting(queue)))
    for key, messages in _waiting(queue).items():
        queue.lpush(key, *messages)
    plant.go()
    assert run.wait(timeout=LONG_S) == 0, plant.log("run")
    plant.until(lambda: "had begun at another worker" in plant.log("one"))
    assert [len(plant.began(s)) for s in ("first", "second", "short")] == [1, 1, 1]


def test_a_worker_that_is_asked_to_stop_ends_the_step_in_hand(plant: Plant) -> None:
    worker = plant.worker("one")
    run = plant.run()
    plant.until(lambda: len(plant.began("first") + plant.began("second")) == 1)
    worker.send_signal(signal.SIGTERM)
    plant.until(lambda: "Warm shutdown" in plant.log("one"))
    plant.go()
    assert worker.wait(timeout=LONG_S) == 0
    assert len(list(plant.folder.glob("*.ended"))) == 1
    plant.worker("two")
    assert run.wait(timeout=LONG_S) == 0, plant.log("run")
    assert [len(plant.began(s)) for s in ("first", "second", "short")] == [1, 1, 1]


def test_a_run_fails_whose_worker_vanished(plant: Plant) -> None:
    _kill(plant.worker("one"), after=lambda: _begin(plant))
    plant.go()
    (held,) = plant.redis().keys("ig-step-held:*")
    assert 0 < plant.redis().ttl(held) <= 300
    plant.redis().delete(held)  # as it would be some minutes later
    plant.worker("two")
    assert plant.started[1].wait(timeout=LONG_S) != 0
    assert "has vanished" in plant.log("run")
    with plant.instance() as instance:
        (stored,) = instance.get_runs()
        assert stored.status == dg.DagsterRunStatus.FAILURE
    assert not plant.began("short")
    assert len(plant.began("first") + plant.began("second")) == 2


def test_a_run_can_be_terminated_when_no_worker_is_left(plant: Plant) -> None:
    _kill(plant.worker("one"), after=lambda: _begin(plant))
    (held,) = plant.redis().keys("ig-step-held:*")
    plant.redis().delete(held)
    with plant.instance() as instance:
        (stored,) = instance.get_runs()
        instance.report_run_canceling(stored)
        plant.started[1].send_signal(signal.SIGINT)
        plant.started[1].wait(timeout=LONG_S)
        (stored,) = instance.get_runs()
        assert stored.status == dg.DagsterRunStatus.CANCELED


def test_of_two_workers_that_are_given_a_step_at_once_one_begins_it(
    plant: Plant,
) -> None:
    from celery import Celery

    from ig_assets.celery_steps import Marks

    address = f"redis://:{PASSWORD}@127.0.0.1:{plant.port}/0"
    one, two = (Marks(Celery(backend=address), begun_s=60) for _ in range(2))
    plant.until(lambda: _answers(plant))
    with one.taken("step") as ones, two.taken("step") as twos:
        assert (ones, twos) == (True, False)
        assert not one.is_gone("step", revoked=True)
    assert one.is_gone("other", revoked=True)
    assert not one.is_gone("other", revoked=False)


def _answers(plant: Plant) -> bool:
    import redis

    try:
        return bool(plant.redis().ping())
    except redis.ConnectionError:
        return False


def _begin(plant: Plant) -> None:
    """Start a run and wait until one of its two first steps began."""
    plant.run()
    plant.until(lambda: len(plant.began("first") + plant.began("second")) == 1)


def _kill(worker: subprocess.Popen[bytes], after: Callable[[], None]) -> None:
    """Kill a worker with the processes of its steps, as a power cut does."""
    after()
    children = psutil.Process(worker.pid).children(recursive=True)
    for process in [psutil.Process(worker.pid), *children]:
        process.kill()


def _has_event(instance: dg.DagsterInstance, run: dg.DagsterRun, words: str) -> bool:
    """Whether a run has an event of these words; a process prints no DEBUG ones."""
    return any(words in entry.message for entry in instance.all_logs(run.run_id))


def _waiting(queue: Any) -> dict[bytes, list[bytes]]:
    """The steps that wait, by queue: Redis has one list for each three priorities."""
    lists = [k for k in queue.keys("dagster*") if queue.type(k) == b"list"]
    return {key: queue.lrange(key, 0, -1) for key in lists}
