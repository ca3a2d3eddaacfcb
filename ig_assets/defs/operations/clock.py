"""The job that moves the simulated clock; a person starts it in Dagster's Launchpad."""

from typing import Any

import dagster as dg
from pydantic import Field

from ig_assets.core.operations.clock import advance_clock as advance
from ig_assets.core.ports import Clock
from ig_assets.dagster_internals import reload_code_location
from ig_assets.defs.failures import plain_failures

_UNDONE = (
    "Nothing was published, read or decided for the time in between: that is what "
    "`ig-assets loop` does. A backfill of engagement_metrics reads these days."
)
_RELOAD = (
    'To see the new days and months, press "Reload definitions" on the page '
    "Deployment."
)


class ClockForm(dg.Config):
    """The form of `advance_clock`."""

    to: str = Field(
        "",
        description=(
            "A day or minute in UTC, 2026-02-01 or 2026-02-01 09:05; empty: the start "
            "of the next day."
        ),
    )


@dg.op(description="Moves the simulated clock forward; refuses on the system's clock.")
def move_clock(
    context: dg.OpExecutionContext, config: ClockForm, clock: dg.ResourceParam[Clock]
) -> None:
    """Move the clock, log it, and reload the definitions.

    After that the UI shows the partitions up to the new time.
    """
    with plain_failures():
        before, after = advance(clock, config.to)
    context.log.info(
        f"The simulated clock was at {before:%Y-%m-%d %H:%M} UTC and is at "
        f"{after:%Y-%m-%d %H:%M} UTC now. {_UNDONE}"
    )
    if not reload_code_location(context.run):
        context.log.info(_RELOAD)


@dg.config_mapping
def clock_form(form: ClockForm) -> dict[str, Any]:
    """Convert the flat form into the op's nested configuration."""
    return {"ops": {"move_clock": {"config": form.model_dump()}}}


@dg.job(
    config=clock_form,
    description=(
        "Moves the simulated clock of this data folder forward. Fill in the form in "
        "the Launchpad: `to` is a day, or empty for the next one."
    ),
)
def advance_clock() -> None:
    """Move the simulated clock forward."""
    move_clock()
