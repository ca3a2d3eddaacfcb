"""What a person sees of a failed step, and that a planted key is nowhere in it."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from ig_assets.core.operations.log_lines import FAILURES, TREE, prepare_records
from ig_assets.core.operations.runbook import SECTIONS, UNEXPECTED, section_of
from ig_assets.defs.failures import plain_failures
from ig_assets.errors import BudgetError, IgAssetsError, WarehouseBusyError
from ig_assets_tests.defs.ticking import DagsterEnv

PLANTED = "sk-proj-planted0123456789abcdef"
CAPTURED = {
    "python_logs": {"managed_python_loggers": [TREE], "python_log_level": "INFO"}
}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """One that captures the log as `dagster.yaml` says."""
    prepare_records()
    with dg.instance_for_test(overrides=CAPTURED) as instance:
        yield instance


def fail_with(
    instance: dg.DagsterInstance, error: Exception, cause: Exception | None = None
) -> tuple[dg.DagsterEvent, str]:
    """The failure of a step that raises the error, and all that is stored of it."""

    @dg.op(name="step_of_a_test")
    def step() -> None:
        with plain_failures():
            raise error from cause

    @dg.job
    def job_of_a_test() -> None:
        step()

    result = job_of_a_test.execute_in_process(instance=instance, raise_on_error=False)
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    return failure, "\n".join(map(str, instance.all_logs(result.run_id)))


def test_our_own_error_is_a_sentence_with_a_link_and_its_traceback_is_on_the_page(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IG_CODE_URL", "https://git.example.com/ig/blob/main/")
    failure, stored = fail_with(instance, BudgetError("Budget reached: no more."))
    data = failure.step_failure_data.user_failure_data
    assert data is not None and data.description == "Budget reached: no more."
    assert data.metadata["runbook"] == dg.MetadataValue.url(
        "https://git.example.com/ig/blob/main/docs/runbook.md#a-budget-is-reached"
    )
    assert data.metadata["transient"] == dg.MetadataValue.bool(False)
    assert FAILURES not in (data.description or "")
    assert stored.count("raise error from cause") >= 2, "the log line and the cause"


def test_an_unexpected_error_is_a_sentence_that_names_its_kind_alone(
    instance: dg.DagsterInstance,
) -> None:
    failure, stored = fail_with(instance, KeyError("month"))
    data = failure.step_failure_data.user_failure_data
    assert data is not None and data.description is not None
    assert data.description.startswith("Unexpected KeyError; what was done is kept")
    assert data.metadata["runbook"] == dg.MetadataValue.text(
        f"docs/runbook.md#{UNEXPECTED}"
    )
    assert "KeyError: 'month'" in stored


@pytest.mark.parametrize("kind", [IgAssetsError, RuntimeError])
def test_a_key_in_an_error_or_in_its_cause_is_stored_nowhere(
    instance: dg.DagsterInstance, kind: type[Exception]
) -> None:
    cause = ConnectionError(f"POST https://ana:{PLANTED}@host: no answer")
    failure, stored = fail_with(instance, kind(f"Refused: {PLANTED}"), cause)
    data = failure.step_failure_data.user_failure_data
    assert data is not None and PLANTED not in str(data)
    assert PLANTED not in stored
    assert "ConnectionError: POST https://[redacted]@host: no answer" in stored


def test_every_kind_of_our_errors_has_a_section() -> None:
    def kinds(base: type[IgAssetsError]) -> Iterator[type[IgAssetsError]]:
        yield base
        for kind in base.__subclasses__():
            yield from kinds(kind)

    of_errors = [kind for kind in kinds(IgAssetsError) if "errors" in kind.__module__]
    assert len(of_errors) > 10
    assert section_of(WarehouseBusyError("x")) == "the-warehouse-is-busy"
    assert [kind for kind in of_errors if not section_of(kind("x"))] == []
    own = [kind for kind in of_errors if kind.__module__ == "ig_assets.errors"]
    assert [
        k.__name__ for k in own if not any(b in SECTIONS for b in k.__mro__[:2])
    ] == []


@pytest.mark.parametrize("moment", ["unfinished_warning", "_count"])
def test_a_step_stopped_before_or_after_its_own_work_is_not_retried(
    dagster_env: DagsterEnv, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def stop(*arguments: object) -> None:
        raise dg.DagsterExecutionInterruptedError

    monkeypatch.setattr(f"ig_assets.defs.stage.{moment}", stop)
    dagster_env.add_script("bread")
    result = dagster_env.materialise("raw_scripts")
    assert not result.success
    assert not [e for e in result.all_events if e.is_step_up_for_retry]
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    reported = failure.step_failure_data.user_failure_data
    assert reported is not None and reported.description is not None
    assert reported.description.startswith("Stopped before its end.")
