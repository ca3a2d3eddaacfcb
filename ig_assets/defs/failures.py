"""Converts our errors to Dagster failures, and contexts to run references."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster import DagsterExecutionInterruptedError

from ig_assets.core.costs.ledger.ledger import RunRef
from ig_assets.core.operations.log_lines import FAILURES, log_place
from ig_assets.core.operations.redaction import redact, redacted_error
from ig_assets.core.operations.runbook import (
    INTERRUPTED,
    UNEXPECTED,
    runbook_link,
    section_of,
)
from ig_assets.dagster_internals import GRPC_INFO_TAG
from ig_assets.errors import (
    IgAssetsError,
    SettingsError,
    TransientVendorError,
    WarehouseBusyError,
)
from ig_assets.run_tags import HEADLESS_RUNS
from ig_assets.settings import load_settings

_log = logging.getLogger(FAILURES)

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
    """Turn errors into Dagster failures with one sentence and a link to the runbook.

    The traceback is logged and stored by Dagster, both without secrets. Dagster may
    retry a step only if the warehouse was busy, since a step may have paid for calls. A
    step that a person stopped is not retried either.
    """
    with place_of_this_step():
        try:
            yield
        except (KeyboardInterrupt, DagsterExecutionInterruptedError) as error:
            raise _failure(
                "Stopped before its end. What was done is kept; run it again.",
                INTERRUPTED,
            ) from error
        except IgAssetsError as error:
            sentence = redact(str(error))
            raise _logged(
                error,
                _failure(
                    sentence,
                    section_of(error),
                    {
                        "what_to_do": sentence,
                        "kind": type(error).__name__,
                        "transient": isinstance(
                            error, (TransientVendorError, WarehouseBusyError)
                        ),
                    },
                    allow_retries=isinstance(error, WarehouseBusyError),
                ),
            ) from redacted_error(error)
        except dg.Failure:
            raise
        except Exception as error:
            # It is unknown what it had paid for, so a person decides whether to rerun.
            sentence = (
                f"Unexpected {type(error).__name__}; what was done is kept, the run's "
                "log has the traceback."
            )
            raise _logged(error, _failure(sentence, UNEXPECTED)) from redacted_error(
                error
            )


def _failure(
    sentence: str,
    section: str,
    metadata: Mapping[str, Any] | None = None,
    allow_retries: bool = False,
) -> dg.Failure:
    return dg.Failure(
        description=sentence,
        metadata={**(metadata or {}), "runbook": runbook_metadata(section)},
        allow_retries=allow_retries,
    )


def _logged(error: Exception, failure: dg.Failure) -> dg.Failure:
    """Log the error with its traceback, and return the failure."""
    _log.error("%s", failure.description, exc_info=error)
    return failure


def runbook_metadata(section: str) -> dg.MetadataValue[Any]:
    """Return the runbook's section as metadata: a link if one is known, else a text."""
    try:
        link = runbook_link(section, load_settings().code_url)
    except SettingsError:  # it may be what failed
        link = runbook_link(section)
    is_url = link.startswith("http")
    return dg.MetadataValue.url(link) if is_url else dg.MetadataValue.text(link)


@contextmanager
def place_of_this_step() -> Iterator[None]:
    """Add run, asset or op, and partitions of the running step to log lines."""
    try:
        context = dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:  # not in a step
        yield
        return
    keys = context.partition_keys if context.has_partition_key_range else ()
    if context.has_partition_key:
        keys = (context.partition_key,)
    first_to_last = keys if len(keys) < 2 else (keys[0], keys[-1])
    partitions = "...".join(first_to_last) or None
    with log_place(context.run_id, context.op.name, partitions):
        yield


def is_failed_check(failure: dg.DagsterEvent) -> bool:
    """Whether a step failed only because of a blocking check's result."""
    error = failure.step_failure_data.error
    return error is not None and error.cls_name == "DagsterAssetCheckFailedError"


def failed_check_reasons(
    evaluations: Iterable[dg.AssetCheckEvaluation],
) -> list[str]:
    """Return one sentence per failed blocking check: its asset and its description."""
    return [
        f"{check.asset_key.to_user_string()}: "
        + (check.description or f"the check {check.check_name} failed.")
        for check in evaluations
        if not check.passed and check.blocking
    ]


def run_ref(context: dg.AssetExecutionContext, month: str | None = None) -> RunRef:
    """Return the run, asset and month under which the step's calls are recorded."""
    return RunRef(context.run.run_id, context.asset_key.to_user_string(), month)


def started_by_person(context: dg.AssetExecutionContext) -> bool:
    """Whether a person started this run, not a sensor, schedule or condition.

    A re-execution by a person counts, though it keeps the tags of the sensor's run.
    """
    tags = context.run.tags
    if "dagster/parent_run_id" in tags and "dagster/retry_number" not in tags:
        return True
    return not any(name in tags for name in _AUTOMATIC)


def is_of_a_command(run: dg.DagsterRun) -> bool:
    """Return whether a command executes the run in its own process.

    A re-execution, or a copy opened in the Launchpad, keeps the tag of the command's
    run, but a launcher started it.
    """
    is_launched = run.parent_run_id is not None or GRPC_INFO_TAG in run.tags
    return not is_launched and any(
        tag.items() <= run.tags.items() for tag in HEADLESS_RUNS
    )
