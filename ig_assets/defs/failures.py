"""Between Dagster and the core: failures with one sentence, and run references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import dagster as dg
from dagster import DagsterExecutionInterruptedError

from ig_assets.core.costs.ledger.ledger import RunRef
from ig_assets.errors import (
    IgAssetsError,
    TransientVendorError,
    WarehouseBusyError,
)

# Tags of runs that a sensor, schedule or condition started, by the daemon or headless.
_AUTOMATIC = (
    "dagster/sensor_name",
    "dagster/schedule_name",
    "dagster/auto_materialize",
    "dagster/from_automation_condition",
)

# For a busy warehouse only. Paid calls have retries of their own (tenacity), so
# `plain_failures` forbids Dagster to repeat a step because of them.
RETRY_WHEN_BUSY = dg.RetryPolicy(
    max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL
)


@contextmanager
def plain_failures() -> Iterator[None]:
    """Turn errors into Dagster failures with one sentence; their cause is logged.

    Dagster may retry a step only where the warehouse was busy: a step may have paid for
    calls. A step that a person stopped is not retried either.
    """
    try:
        yield
    except (KeyboardInterrupt, DagsterExecutionInterruptedError) as error:
        raise dg.Failure(
            description="Stopped before its end. What was done is kept; run it again.",
            allow_retries=False,
        ) from error
    except IgAssetsError as error:
        raise dg.Failure(
            description=str(error),
            metadata={
                "what_to_do": str(error),
                "kind": type(error).__name__,
                "transient": isinstance(
                    error, (TransientVendorError, WarehouseBusyError)
                ),
            },
            allow_retries=isinstance(error, WarehouseBusyError),
        ) from error
    except dg.Failure:
        raise
    except Exception as error:
        # It is unknown what it had paid for, so a person decides whether to rerun it.
        raise dg.Failure(
            description=(
                f"Unexpected {type(error).__name__}; what was done is kept, the run's "
                "log has the traceback."
            ),
            allow_retries=False,
        ) from error


def is_failed_check(failure: dg.DagsterEvent) -> bool:
    """Whether a step failed because of a blocking check's result alone."""
    error = failure.step_failure_data.error
    return error is not None and error.cls_name == "DagsterAssetCheckFailedError"


def failed_check_reasons(
    evaluations: Iterable[dg.AssetCheckEvaluation],
) -> list[str]:
    """One sentence per failed blocking check: its asset and its description."""
    return [
        f"{check.asset_key.to_user_string()}: "
        + (check.description or f"the check {check.check_name} failed.")
        for check in evaluations
        if not check.passed and check.blocking
    ]


def run_ref(context: dg.AssetExecutionContext, month: str | None = None) -> RunRef:
    """The run, asset and month that the step's calls are recorded under."""
    return RunRef(context.run.run_id, context.asset_key.to_user_string(), month)


def started_by_person(context: dg.AssetExecutionContext) -> bool:
    """Whether a person started this run, not a sensor, schedule or condition.

    A person who re-executes a sensor's run did, though the run keeps the tags of the
    first one.
    """
    tags = context.run.tags
    if "dagster/parent_run_id" in tags and "dagster/retry_number" not in tags:
        return True
    return not any(name in tags for name in _AUTOMATIC)
