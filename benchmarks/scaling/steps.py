"""A job of steps that do nothing, on the executor of the settings: `IG_EXECUTOR`."""

import dagster as dg

from ig_assets.defs.executors import executor
from ig_assets.settings import load_settings

STEPS = 12
"""How many steps the job has, one after the other."""


def _step(number: int) -> dg.OpDefinition:
    @dg.op(name=f"step_{number}", ins={"after": dg.In(dg.Nothing)})
    def body() -> None:
        """Does nothing."""

    return body


@dg.op
def first() -> None:
    """Does nothing."""


@dg.job
def idle() -> None:
    """A chain of steps."""
    last = first()
    for number in range(1, STEPS):
        last = _step(number)(last)


defs = dg.Definitions(jobs=[idle], executor=executor(load_settings()))
