"""Lists the sensors and schedules that are on, according to Dagster's instance."""

from __future__ import annotations

from ig_assets.headless.dagster_home import (
    chosen_dagster_home,
    readable_dagster_home,
)
from ig_assets.settings import Settings


def switched_on(settings: Settings) -> list[str]:
    """Return the names of the sensors and schedules that are on, sorted.

    They run only while a daemon runs, for example in `make dev`. Those that are on by
    default appear after the daemon's first start. If there is no instance yet, none is
    created. Raises InputError if DAGSTER_HOME's configuration reads variables that are
    not set.
    """
    home = readable_dagster_home(chosen_dagster_home(settings))
    if not (home / "dagster.yaml").is_file():
        return []
    import dagster as dg  # a second that a folder without an instance need not wait

    with dg.DagsterInstance.from_config(str(home)) as instance:
        states = instance.all_instigator_state()
    return sorted({state.instigator_name for state in states if state.is_running})
