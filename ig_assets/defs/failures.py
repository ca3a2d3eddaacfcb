"""Between Dagster and the core: failures of one sentence, and run references."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from dagster import DagsterExecutionInterruptedError

from ig_assets.core.costs.ledger.ledger import RunRef
from ig_assets.errors import (
    IgAssetsError,
    TransientVendorError,
    WarehouseBusyError,
)

OWNERS = ["team:content-data"]

# What a run has that a sensor, a schedule or a condition started, here or headless.
_BY_ITSELF = (
    "dagster/sensor_name",
    "dagster/schedule_name",
    "dagster/auto_materialize",
    "dagster/from_automation_condition",
)

# A busy warehouse passes; paid calls have their own retries (tenacity), so that a
# step is not repeated for their sake: `plain_failures` forbids it.
RETRY_WHEN_BUSY = dg.RetryPolicy(
    max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL
)


@contextmanager
def plain_failures() -> Iterator[None]:
    """Turn our errors into Dagster failures of one sentence; the cause stays logged.

    Only a busy warehouse may be retried by Dagster; what costs money never is. Nor
    is a step that a person stopped, which Dagster would otherwise begin again.
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
        # Nobody knows what it had paid for, so a person decides whether to run again.
        raise dg.Failure(
            description=(
                f"Unexpected {type(error).__name__}; what was done is kept, the run's "
                "log has the traceback."
            ),
            allow_retries=False,
        ) from error


def run_ref(context: dg.AssetExecutionContext, month: str | None = None) -> RunRef:
    """On whose behalf the step makes calls."""
    return RunRef(context.run.run_id, context.asset_key.to_user_string(), month)


def started_by_person(context: dg.AssetExecutionContext) -> bool:
    """Whether somebody asked for this run, rather than a sensor or a schedule.

    Somebody did who runs a sensor's run again: the tags of the first stay with it.
    """
    tags = context.run.tags
    if "dagster/parent_run_id" in tags and "dagster/retry_number" not in tags:
        return True
    return not any(name in tags for name in _BY_ITSELF)
