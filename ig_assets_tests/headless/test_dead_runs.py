"""A run that was killed gives back its pool; one that lives keeps it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import dagster as dg
import pytest

from ig_assets.headless.dagster_home import ensure_dagster_home
from ig_assets.headless.dead_runs import end_dead_runs
from ig_assets.headless.runner import open_instance
from ig_assets.run_tags import HEADLESS_RUN
from ig_assets.settings import load_settings
from ig_assets_tests.factories.processes import CONTEXT, started

Events = tuple[Event, Event]


def one_run(home: Path, how: str, events: Events) -> None:
    """Run a job on the instance of a folder to its end, to a kill or to a word."""
    os.environ["DAGSTER_HOME"] = str(home)
    inside, go_on = events

    @dg.op(pool="writer_api")
    def one() -> None:
        inside.set()
        if how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "wait":
            assert go_on.wait(120)

    @dg.job(executor_def=dg.in_process_executor)
    def write() -> None:
        one()

    with dg.DagsterInstance.get() as instance:
        write.execute_in_process(instance=instance)


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


def run(home: Path, how: str) -> tuple[BaseProcess, Events]:
    events = CONTEXT.Event(), CONTEXT.Event()
    return started(one_run, home, how, events), events


def exit_code(process: BaseProcess) -> int | None:
    process.join(120)
    return process.exitcode


def statuses(instance: dg.DagsterInstance) -> list[str]:
    return [run.status.value for run in instance.get_runs()]


def holders(instance: dg.DagsterInstance) -> int:
    info = instance.event_log_storage.get_concurrency_info("writer_api")
    return len(info.claimed_slots)


def test_a_killed_run_is_ended_and_another_may_write(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    dead, _ = run(tmp_path, "die")
    assert exit_code(dead) == -signal.SIGKILL
    assert (statuses(instance), holders(instance)) == (["STARTED"], 1)
    assert end_dead_runs(instance) == [instance.get_runs()[0].run_id]
    assert (statuses(instance), holders(instance)) == (["FAILURE"], 0)
    next_one, _ = run(tmp_path, "end")
    assert exit_code(next_one) == 0
    assert statuses(instance) == ["SUCCESS", "FAILURE"]
    assert end_dead_runs(instance) == []


def test_a_run_that_lives_is_left_alone(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    living, (inside, go_on) = run(tmp_path, "wait")
    assert inside.wait(120)
    assert end_dead_runs(instance) == []
    assert (statuses(instance), holders(instance)) == (["STARTED"], 1)
    go_on.set()
    assert exit_code(living) == 0
    assert statuses(instance) == ["SUCCESS"]


def test_a_command_ends_its_killed_runs_and_none_that_the_ui_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    settings = load_settings(data_dir=tmp_path)
    home = ensure_dagster_home(settings)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    started_run = dg.DagsterRunStatus.STARTED
    killed = dg.DagsterRun("sync_corpus", tags=HEADLESS_RUN, status=started_run)
    again = dg.DagsterRun(
        "sync_corpus",
        tags=HEADLESS_RUN,
        status=started_run,
        root_run_id=killed.run_id,
        parent_run_id=killed.run_id,
    )
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for run in (killed, again):
            instance.add_run(run)
    with open_instance(settings) as instance:
        found = {run.run_id: run.status.value for run in instance.get_runs()}
    assert found == {killed.run_id: "FAILURE", again.run_id: "STARTED"}
