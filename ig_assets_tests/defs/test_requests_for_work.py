"""Sensors that request runs while work waits: winners, due posts, ended batches."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from ig_assets_tests.defs.test_run_requests import (
    ENDED_BATCH,
    WORK_SENSORS,
    FixedClock,
)
from ig_assets_tests.defs.test_sensors import EXPERIMENT, POST, add_winner
from ig_assets_tests.defs.ticking import DagsterEnv

Status = dg.DagsterRunStatus
# Dagster takes no queued run without one.
ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(
        InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="m")), "repository"
    ),
    "job",
)
SUBJECTS = {
    "feedback_sensor": "winners",
    "publishing_sensor": "posts 2026-01",
    "embedding_batch_sensor": "batches",
}
TAGS = {
    "feedback_sensor": "ig/winners",
    "embedding_batch_sensor": "ig/embedding_batches",
}
NOTHING_WAITS = {
    "feedback_sensor": "Every winner is a script already.",
    "publishing_sensor": "No variant waits for a plan and no post is due.",
    "embedding_batch_sensor": "No embedding batch is under way.",
}


def add_due_post(env: DagsterEnv, number: int) -> None:
    env.write("experiments", EXPERIMENT)
    slot = datetime(2026, 1, 1)
    env.write("posts", POST | {"post_id": f"p{number}", "slot": slot})


def add_ended_batch(env: DagsterEnv, number: int) -> None:
    env.write("embedding_batches", ENDED_BATCH | {"intent_key": f"b{number}"})


ADD: dict[str, Callable[[DagsterEnv, int], None]] = {
    "feedback_sensor": lambda env, number: add_winner(env, number=number),
    "publishing_sensor": add_due_post,
    "embedding_batch_sensor": add_ended_batch,
}
DO = {
    "feedback_sensor": "DELETE FROM decisions WHERE experiment_id = 'e{}'",
    "publishing_sensor": "UPDATE posts SET status = 'published' WHERE post_id = 'p{}'",
    "embedding_batch_sensor": (
        "UPDATE embedding_batches SET status = 'collected' WHERE intent_key = 'b{}'"
    ),
}


@dataclass
class Work:
    """One sensor with its cursor, the work that it sees, and the runs it requested."""

    env: DagsterEnv
    sensor: str
    clock: FixedClock = field(default_factory=FixedClock)
    cursor: str | None = None
    skip_reason: str = ""

    def add(self, number: int) -> None:
        ADD[self.sensor](self.env, number)

    def do(self, number: int) -> None:
        """As a run or a person does."""
        self.env.execute(DO[self.sensor].format(number))

    def tick(self) -> list[dg.RunRequest]:
        tick = self.env.sensor(self.sensor, self.cursor, money_clock=self.clock)
        self.cursor, self.skip_reason = tick.cursor, str(tick.skip_message)
        return list(tick.run_requests)

    def request(self) -> dg.RunRequest:
        """The only request of a tick."""
        [request] = self.tick()
        return request

    def set_run(self, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
        """Let the requested run have this status."""
        tags = {"dagster/run_key": str(request.run_key)}
        for run in self.env.instance.get_runs(dg.RunsFilter(tags=tags)):
            self.env.instance.delete_run(run.run_id)
        self.env.instance.add_run(
            dg.DagsterRun("job", tags=tags, status=status, remote_job_origin=ORIGIN)
        )

    def wait(self, **delay: float) -> None:
        self.clock.present += timedelta(**delay)


@pytest.fixture(params=WORK_SENSORS)
def work(
    request: pytest.FixtureRequest,
    dagster_env: DagsterEnv,
    monkeypatch: pytest.MonkeyPatch,
) -> Work:
    """Each sensor, before there is any work."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-key")
    return Work(dagster_env, request.param)


def test_work_is_requested_once_while_its_run_is_queued_or_running(work: Work) -> None:
    assert work.tick() == [] and work.skip_reason == NOTHING_WAITS[work.sensor]
    work.add(1)
    request = work.request()
    assert str(request.run_key).startswith(f"{SUBJECTS[work.sensor]} ")
    is_monthly = work.sensor == "publishing_sensor"
    assert request.partition_key == ("2026-01" if is_monthly else None)
    if not is_monthly:
        assert request.tags[TAGS[work.sensor]] == "1"
    for status in (Status.QUEUED, Status.STARTING, Status.STARTED, Status.CANCELING):
        work.set_run(request, status)
        work.wait(days=1)
        assert work.tick() == [] and work.skip_reason.endswith("has not ended yet.")
    work.add(2)
    assert work.tick() == [], "new work waits for the end of the run"
    work.do(1)
    assert work.tick() == [], "what the run did already is no new state"


def test_a_failed_run_is_requested_again_later_and_later(work: Work) -> None:
    work.add(1)
    run_keys = set()
    for minutes in (5, 10, 20, 40):
        request = work.request()
        run_keys.add(request.run_key)
        work.set_run(request, Status.FAILURE)
        assert work.tick() == []
        retry_at = work.clock.present + timedelta(minutes=minutes)
        assert work.skip_reason.endswith(
            f"failed; it is requested again at {retry_at:%Y-%m-%d %H:%M} UTC."
        )
        work.wait(minutes=minutes - 1)
        assert work.tick() == []
        work.wait(minutes=1)
    assert len(run_keys) == 4


def test_new_work_does_not_wait_for_the_retry_of_a_failed_run(work: Work) -> None:
    work.add(1)
    work.set_run(work.request(), Status.FAILURE)
    assert work.tick() == []
    work.add(2)
    work.set_run(work.request(), Status.FAILURE)
    assert work.tick() == []
    assert json.loads(str(work.cursor))[SUBJECTS[work.sensor]]["failures"] == 1


def test_after_a_success_new_work_is_requested_again(work: Work) -> None:
    work.add(1)
    first = work.request()
    work.set_run(first, Status.SUCCESS)
    work.do(1)
    assert work.tick() == [] and work.skip_reason == NOTHING_WAITS[work.sensor]
    assert work.cursor == "{}"
    work.add(2)
    second = work.request()
    assert second.run_key != first.run_key
    work.set_run(second, Status.SUCCESS)
    work.add(3)  # while the second run does the second item
    work.do(2)
    work.set_run(work.request(), Status.SUCCESS)
    work.do(3)
    assert work.tick() == []


def test_work_that_comes_back_is_requested_again(work: Work) -> None:
    """A run key made of the work would be skipped for ever."""
    work.add(1)
    work.set_run(work.request(), Status.SUCCESS)
    work.do(1)
    assert work.tick() == []
    work.add(1)
    assert len(work.tick()) == 1


def test_a_success_that_left_its_work_undone_is_repeated_later(work: Work) -> None:
    work.add(1)
    for minutes in (5, 10):
        work.set_run(work.request(), Status.SUCCESS)
        assert work.tick() == [] and "left its work undone" in work.skip_reason
        work.wait(minutes=minutes - 1)
        assert work.tick() == []
        work.wait(minutes=1)
    assert len(work.tick()) == 1


def test_the_work_of_a_cancelled_run_is_left_to_people_until_there_is_more(
    work: Work,
) -> None:
    work.add(1)
    work.add(2)
    request = work.request()
    work.do(1)
    work.set_run(request, Status.CANCELED)
    for _ in range(2):
        assert work.tick() == [] and "was cancelled" in work.skip_reason
        work.wait(days=1)
    work.add(3)
    assert len(work.tick()) == 1


def test_a_cancelled_run_is_forgotten_once_its_work_is_done(work: Work) -> None:
    work.add(1)
    work.set_run(work.request(), Status.CANCELED)
    assert work.tick() == []
    work.do(1)
    assert work.tick() == [] and work.skip_reason == NOTHING_WAITS[work.sensor]
    work.add(1)
    assert len(work.tick()) == 1


def test_a_run_that_failed_after_its_work_is_requested_until_it_succeeds(
    work: Work,
) -> None:
    """Embedding and index follow a promoted winner in the same run."""
    work.add(1)
    first = work.request()
    work.do(1)
    work.set_run(first, Status.FAILURE)
    assert work.tick() == [] and "failed; it is requested again" in work.skip_reason
    work.wait(minutes=5)
    second = work.request()
    assert second.partition_key == first.partition_key
    work.set_run(second, Status.SUCCESS)
    assert work.tick() == [] and work.skip_reason == NOTHING_WAITS[work.sensor]
    work.wait(days=1)
    assert work.tick() == []


@pytest.mark.parametrize("work", ["embedding_batch_sensor"], indirect=True)
def test_a_run_that_a_refused_account_failed_is_not_requested_again(work: Work) -> None:
    work.add(1)
    work.set_run(work.request(), Status.FAILURE)
    denied = {"status": "denied", "reason": "insufficient_quota"}
    work.env.write("embedding_batches", ENDED_BATCH | denied)
    for _ in range(2):
        assert work.tick() == [] and "insufficient_quota" in work.skip_reason
        work.wait(days=1)
    work.do(1)  # a person put it right
    assert len(work.tick() + work.tick()) == 0
    work.wait(minutes=5)
    assert len(work.tick()) == 1


@pytest.mark.parametrize("work", ["publishing_sensor"], indirect=True)
def test_a_post_whose_outcome_is_unknown_is_looked_up_at_once(work: Work) -> None:
    """Publishing changed its status, so that it is another state of the work."""
    work.add(1)
    work.set_run(work.request(), Status.SUCCESS)
    work.env.execute("UPDATE posts SET status = 'ambiguous'")
    assert len(work.tick()) == 1
