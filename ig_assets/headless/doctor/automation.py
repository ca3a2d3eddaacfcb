"""Checks Dagster: whether the daemon lives, and which schedules and sensors are off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from ig_assets.core.operations.diagnosis import (
    Finding,
    failed,
    good,
    not_known,
    warning,
)
from ig_assets.core.operations.present import CLOCK_SLACK
from ig_assets.errors import InputError
from ig_assets.headless.dagster_home import (
    chosen_dagster_home,
    readable_dagster_home,
)
from ig_assets.settings import Settings

SILENT_AFTER = timedelta(minutes=5)
_STARTED = "RUNNING"


def automation_findings(settings: Settings, now: datetime) -> list[Finding]:
    """Check the daemon's last heartbeat, and the state of each schedule and sensor."""
    home = chosen_dagster_home(settings)
    if not (home / "dagster.yaml").is_file() or not _has_storage(home):
        return [
            not_known(
                "automation",
                "Dagster has not run for this data folder yet.",
                "Start `make dev`, or the daemon of docs/production.md.",
            )
        ]
    try:
        readable_dagster_home(home)
    except InputError as error:
        return [failed("automation", str(error), "Then run `ig-assets doctor` again.")]
    with dg.DagsterInstance.from_config(str(home)) as instance:
        found = [_daemon_finding(instance, now)]
        stored = {
            state.instigator_name: state.status.value
            for state in instance.all_instigator_state()
        }
    running: list[str] = []
    halted: list[str] = []
    optional: list[str] = []
    for name, default in sorted(_declared().items()):
        value = stored.get(name, default)
        is_running = value == _STARTED or (
            value == "DECLARED_IN_CODE" and default == _STARTED
        )
        stopped = halted if default == _STARTED else optional
        (running if is_running else stopped).append(name)
    if halted:
        found.append(
            warning(
                "schedules and sensors",
                f"Stopped by a person: {', '.join(halted)}.",
                "Start them in the UI (Automation), or know why they are stopped.",
            )
        )
    found.append(
        good(
            "schedules and sensors",
            f"{len(running)} run; {len(optional)} that cost money or leave the machine "
            f"are stopped{': ' if optional else ''}{', '.join(optional)}.",
        )
    )
    return found


def _has_storage(home: Path) -> bool:
    """Whether Dagster has stored anything; true if the storage is on a server."""
    text = (home / "dagster.yaml").read_text("utf-8")
    return "storage:" in text or (home / "history").exists()


def _daemon_finding(instance: dg.DagsterInstance, now: datetime) -> Finding:
    beats = instance.get_daemon_heartbeats()
    if not beats:
        return warning(
            "daemon",
            "It has never run for this data folder, so nothing runs by itself.",
            "Start `make dev`, or `dagster-daemon run`.",
        )
    newest = max(beat.timestamp for beat in beats.values())
    at = datetime.fromtimestamp(newest, UTC).replace(tzinfo=None)
    if at > now + CLOCK_SLACK:
        return warning(
            "daemon",
            f"Its last sign of life is dated {at:%Y-%m-%d %H:%M} UTC, ahead of the "
            f"machine's clock ({now:%Y-%m-%d %H:%M}); it may not live.",
            "See that the machine's clock is right; then start the daemon again.",
        )
    troubles = sorted(name for name, beat in beats.items() if beat.errors)
    if now - at > SILENT_AFTER:
        return warning(
            "daemon",
            f"Its last sign of life is of {at:%Y-%m-%d %H:%M} UTC.",
            "Start it again: `make dev`, or `dagster-daemon run`.",
        )
    if troubles:
        return warning(
            "daemon",
            f"It lives, and reports errors in {', '.join(troubles)}.",
            "Look at Deployment > Daemons in the UI.",
        )
    return good("daemon", f"It lives; its last sign is of {at:%Y-%m-%d %H:%M} UTC.")


def _declared() -> dict[str, str]:
    """Return {name: default status} of each schedule and sensor in the code."""
    from ig_assets.definitions import defs

    repository = defs().get_repository_def()
    schedules = {s.name: s.default_status.value for s in repository.schedule_defs}
    return schedules | {s.name: s.default_status.value for s in repository.sensor_defs}
