"""Between Dagster and the core: failures, run references and metadata."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster import DagsterExecutionInterruptedError

from ig_assets.core.costs.ledger.ledger import RunRef
from ig_assets.errors import (
    IgAssetsError,
    TransientVendorError,
    WarehouseBusyError,
)

OWNERS = ["team:content-data"]
SAMPLE_ROWS = 20

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


def counts(summary: Any) -> dict[str, Any]:
    """A summary dataclass's numbers, booleans and short texts as metadata."""
    return {
        field.name: value
        for field in dataclasses.fields(summary)
        if isinstance(value := getattr(summary, field.name), (int, float, str, bool))
    }


def sample_table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """At most 20 rows of ids, labels and numbers; never the text of a script."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    records = [
        dg.TableRecord({name: _scalar(row.get(name)) for name in names})
        for row in rows[:SAMPLE_ROWS]
    ]
    schema = dg.TableSchema(
        columns=[dg.TableColumn(name, _column_type(rows, name)) for name in names]
    )
    return dg.MetadataValue.table(records=records, schema=schema)


def _scalar(value: Any) -> str | int | float | bool:
    if value is None:
        return ""
    return value if isinstance(value, (int, float, bool)) else str(value)


def picture(png: bytes, caption: str) -> dg.MarkdownMetadataValue:
    """A small PNG as Markdown with a data URI."""
    encoded = base64.b64encode(png).decode("ascii")
    return dg.MetadataValue.md(f"![{caption}](data:image/png;base64,{encoded})")


def _column_type(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    for row in rows:
        value = row.get(name)
        if isinstance(value, bool):
            return "bool"
        if isinstance(value, int):
            return "int"
        if isinstance(value, float):
            return "float"
        if value is not None:
            return "string"
    return "string"
