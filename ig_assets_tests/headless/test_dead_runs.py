"""A run that was killed gives back its pool; one that lives keeps it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ig_assets.headless.dead_runs import end_dead_runs

JOB = """
import os, signal, sys
import dagster as dg

@dg.op(pool="writer_api")
def one() -> None:
    if sys.argv[1] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[1] == "wait":
        print("inside", flush=True)
        sys.stdin.read()

@dg.job(executor_def=dg.in_process_executor)
def write() -> None:
    one()

with dg.DagsterInstance.get() as instance:
    write.execute_in_process(instance=instance)
"""


@pytest.fixture
def instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\nconcurrency: {pools: {default_limit: 1}}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        yield instance


def run(how: str, **streams: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", JOB, how],
        text=True,
        stderr=subprocess.DEVNULL,
        env={**os.environ},
        **streams,
    )


def statuses(instance: dg.DagsterInstance) -> list[str]:
    return [run.status.value for run in instance.get_runs()]


def holders(instance: dg.DagsterInstance) -> int:
    info = instance.event_log_storage.get_concurrency_info("writer_api")
    return len(info.claimed_slots)


def test_a_killed_run_is_ended_and_another_may_write(
    instance: dg.DagsterInstance,
) -> None:
    assert run("die").wait(120) != 0
    assert (statuses(instance), holders(instance)) == (["STARTED"], 1)
    assert end_dead_runs(instance) == [instance.get_runs()[0].run_id]
    assert (statuses(instance), holders(instance)) == (["FAILURE"], 0)
    assert run("end").wait(120) == 0
    assert statuses(instance) == ["SUCCESS", "FAILURE"]
    assert end_dead_runs(instance) == []


def test_a_run_that_lives_is_left_alone(instance: dg.DagsterInstance) -> None:
    living = run("wait", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert living.stdout is not None and living.stdin is not None
    assert living.stdout.readline() == "inside\n"
    assert end_dead_runs(instance) == []
    assert (statuses(instance), holders(instance)) == (["STARTED"], 1)
    living.stdin.close()
    assert living.wait(120) == 0
    assert statuses(instance) == ["SUCCESS"]
