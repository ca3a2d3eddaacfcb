"""`ig-assets status`: shows the state of the data folder, and what needs a person."""

from __future__ import annotations

from dataclasses import asdict

from ig_assets.cli.output import AsJson, console, plain_errors, print_json, print_table
from ig_assets.core.reports.status import DataFolderState, data_folder_state
from ig_assets.headless.switched_on import switched_on
from ig_assets.settings import load_settings
from ig_assets.wiring import Services

_NONE_ON = (
    "no sensor or schedule yet; those that are free start with the daemon "
    "(`make dev`), the others when you switch them on in the UI"
)
_NO_SCRIPTS = "none: ig-assets sync reads the library"


@plain_errors
def status(as_json: AsJson = False) -> None:
    """Say what this data folder holds, what is live, and what waits for you.

    Example: `ig-assets status`
    """
    services = Services(load_settings())
    settings, now = services.settings, services.clock.now()
    with services.warehouse.transaction() as con:
        state = data_folder_state(con, now)
    simulated = settings.uses_simulated_clock
    on = switched_on(settings)
    if as_json:
        print_json(
            {
                "data_dir": str(settings.data_dir),
                "now": now,
                "clock": "simulated" if simulated else "system",
                "social": settings.social,
                "switched_on": on,
                **asdict(state),
            }
        )
        return
    clock = "the simulated clock" if simulated else "UTC"
    for name, value in (
        ("data folder", settings.data_dir),
        ("time", f"{now:%Y-%m-%d %H:%M}, {clock}"),
        ("audience", settings.social),
        ("scripts", state.scripts_in_words or _NO_SCRIPTS),
        ("active model", _active(state)),
        ("on trial", state.on_trial or "no model"),
        ("ranker", state.ranker or "none yet; `ig-assets ranker fit` makes one"),
        ("switched on", ", ".join(on) or _NONE_ON),
    ):
        console.print(f"{name}: {value}", markup=False, highlight=False)
    if state.months:
        print_table(
            [asdict(month) for month in state.months],
            ["month", "topics", "published", "decided", "undecided", "fine_tune"],
        )
    if state.withdrawn:
        console.print(
            f"withdrawn topics: {state.withdrawn} (ig-assets topics list)",
            highlight=False,
        )
    for failure in state.failures:
        console.print(
            f"Failed on {failure.failed_at:%Y-%m-%d %H:%M}: {failure.job}: "
            f"{failure.sentence}",
            markup=False,
        )
    if not state.waiting:
        console.print("Nothing waits for you.")
    for waiting in state.waiting:
        console.print(f"{waiting.sentence}: {waiting.command}", markup=False)


def _active(state: DataFolderState) -> str:
    if state.active_model:
        return state.active_model
    if not state.models:
        return "none: no draft was written yet"
    known = f"{state.models} {'is' if state.models == 1 else 'are'} registered"
    return f"none is active: {known}; ig-assets models promote ID --reason WHY"
