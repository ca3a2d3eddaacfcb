"""Steps that waited in a queue and that nobody wants any more."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from ig_assets.headless.workers.unwanted_steps import (
    why_run_is_over,
    why_step_is_repeated,
)


@dg.op
def pays() -> None:
    """Something that must not be done twice."""


@dg.job(executor_def=dg.in_process_executor)
def one_step() -> None:
    """A run of one step."""
    pays()


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


# A queued run needs a code location, which a test has not.
@pytest.mark.parametrize(
    "status", [s for s in dg.DagsterRunStatus if s != dg.DagsterRunStatus.QUEUED]
)
def test_only_a_run_that_goes_on_wants_its_steps(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    run = instance.create_run_for_job(one_step, status=status)
    why = why_run_is_over(instance, run.run_id)
    goes_on = status == dg.DagsterRunStatus.STARTED
    assert why == (None if goes_on else f"its run is {status.value}")


def test_a_deleted_run_wants_no_step(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(one_step)
    instance.delete_run(run.run_id)
    assert why_run_is_over(instance, run.run_id) == "its run was deleted"


def test_a_step_that_began_is_not_begun_again_but_as_a_retry(
    instance: dg.DagsterInstance,
) -> None:
    run_id = one_step.execute_in_process(instance=instance).run_id
    why = why_step_is_repeated(instance, run_id, ["pays"], attempts=0)
    assert why == "pays had begun at another worker"
    assert why_step_is_repeated(instance, run_id, ["pays"], attempts=1) is None
    assert why_step_is_repeated(instance, run_id, ["other"], attempts=0) is None
