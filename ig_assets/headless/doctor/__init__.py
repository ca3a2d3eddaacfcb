"""Checks everything that a data folder needs to work, and says what to do."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ig_assets.core.operations.diagnosis import (
    Finding,
    State,
    failed,
    has_state,
    not_known,
)
from ig_assets.errors import IgAssetsError, SettingsError
from ig_assets.headless.doctor.automation import automation_findings
from ig_assets.headless.doctor.machine import (
    alerts_finding,
    backup_finding,
    disk_finding,
    env_file_finding,
    studio_finding,
    version_findings,
)
from ig_assets.headless.doctor.warehouse import key_findings, warehouse_findings
from ig_assets.settings import load_settings
from ig_assets.wiring import make_money_clock, make_warehouse
from ig_assets.wiring.vendor_checks import configured_keys, vendor_findings

_log = logging.getLogger("ig_script_writer.doctor")


def diagnose() -> list[Finding]:
    """Return one finding per thing that was checked.

    Nothing is changed, except that the first sight of a key is recorded. A check that
    fails to run is a finding too. If the settings are invalid, this is the only
    finding, since all other checks depend on them.
    """
    try:
        settings = load_settings()
    except SettingsError as error:
        return [failed("settings", str(error), "Correct it; then run this again.")]
    clock = make_money_clock()
    found = _tried("settings", lambda: [env_file_finding(settings)])
    found += _tried("versions", version_findings)
    found += _tried("disk", lambda: [disk_finding(settings)])
    found += _tried("studio", lambda: [studio_finding()])
    found += _tried("backups", lambda: [backup_finding(settings, clock.now())])
    found += _tried("alerts", lambda: [alerts_finding(settings)])
    state = _tried("warehouse", lambda: warehouse_findings(settings, clock.now()))
    found += state
    if has_state(state, State.WARNING, State.FAILED):  # a migration is no check's to do
        found.append(not_known("keys", "Their ages are in the warehouse; see there."))
    else:
        found += _tried(
            "keys",
            lambda: key_findings(
                make_warehouse(settings, clock), clock, configured_keys(settings)
            ),
        )
    found += _tried("vendors", lambda: vendor_findings(settings, clock))
    found += _tried("automation", lambda: automation_findings(settings, clock.now()))
    return found


def _tried(subject: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return look()
    except IgAssetsError as error:
        return [failed(subject, str(error), "See docs/runbook.md.")]
    except Exception as error:  # a boundary: the other lines matter all the more
        _log.exception("The check of %s ended.", subject)
        return [
            failed(
                subject,
                f"It could not be looked at (unexpected {type(error).__name__}).",
                "Report the traceback in logs/ig-assets.log of the data folder.",
            )
        ]
