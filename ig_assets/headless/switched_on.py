"""Which sensors and schedules are on, as the data folder's Dagster instance has it."""

from __future__ import annotations

from ig_assets.headless.dagster_home import (
    chosen_dagster_home,
    readable_dagster_home,
)
from ig_assets.settings import Settings


def switched_on(settings: Settings) -> list[str]:
    """Names of the sensors and schedules that run, sorted.

    They run while a daemon does, as beside `make dev`. Those that are on by default are
    known from its first start on. Nothing is created where there is no instance yet.
    Raises InputError where DAGSTER_HOME reads variables that are not set.
    """
    home = readable_dagster_home(chosen_dagster_home(settings))
    if not (home / "dagster.yaml").is_file():
        return []
    import dagster as dg  # a second that a folder without an instance need not wait

    with dg.DagsterInstance.from_config(str(home)) as instance:
        states = instance.all_instigator_state()
    return sorted({state.instigator_name for state in states if state.is_running})
