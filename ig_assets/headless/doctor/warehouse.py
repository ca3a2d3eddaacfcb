"""Checks the warehouse (lock, version), the machine's clock, and the ages of keys."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from ig_assets.core.operations.diagnosis import (
    Finding,
    State,
    failed,
    good,
    not_known,
    warning,
)
from ig_assets.core.operations.key_rotation import key_ages
from ig_assets.core.operations.present import CLOCK_SLACK
from ig_assets.core.operations.runbook import PAGE, section_of
from ig_assets.core.ports import Clock
from ig_assets.errors import (
    WarehouseBusyError,
    WarehouseDamagedError,
    WarehouseError,
    WarehouseGoneError,
    WarehouseNewerError,
)
from ig_assets.settings import Settings
from ig_assets.warehouse.backends import Home
from ig_assets.warehouse.moving.state import HomeState, home_state
from ig_assets.warehouse.warehouse import Warehouse

LOCK_WAIT_S = 5.0


def warehouse_findings(settings: Settings, now: datetime) -> list[Finding]:
    """Check that the warehouse opens, its schema version, and the machine's clock."""
    url = settings.warehouse_location
    home = Home(url)
    where = "The server" if home.path is None else f"The file {home.path}"
    try:
        state = home_state(url, LOCK_WAIT_S)
        state.check()
    except WarehouseBusyError:
        return [
            warning(
                "warehouse",
                f"{where} is held by another process for more than {LOCK_WAIT_S:.0f} s"
                f"{_holders(home.path)}.",
                "Wait for a long step; else close the SQL client that has it open.",
            )
        ]
    except WarehouseError as error:
        return [failed("warehouse", str(error), _remedy(error))]
    if not state.applied:
        return [good("warehouse", f"{where} is new; the first command makes it.")]
    found = [good("warehouse", f"{where} opens and has {state.rows:,} rows.")]
    if state.pending:
        found.append(
            warning(
                "schema",
                f"{len(state.pending)} migrations are pending.",
                "Back up (`ig-assets db backup FOLDER`), then `ig-assets db migrate`.",
            )
        )
    if clock := _clock_finding(state, now):
        found.append(clock)
    return found


def _remedy(error: WarehouseError) -> str:
    """Return what to do about a warehouse that does not open."""
    if isinstance(error, WarehouseGoneError):
        return f"Mount or restore it; {PAGE}#{section_of(error)}."
    if isinstance(error, WarehouseDamagedError):
        return (
            "Restore the newest backup: `ig-assets db restore FOLDER --newest "
            "--replace`; the damaged file is kept beside it."
        )
    if isinstance(error, WarehouseNewerError):
        return "Install that version of ig-assets; migrations are never reversed."
    return f"See {PAGE}#{section_of(error)}."


def key_findings(
    warehouse: Warehouse, clock: Clock, keys: Mapping[str, str]
) -> list[Finding]:
    """Check the age of each configured key; a new key is recorded as first seen now.

    Without a warehouse file nothing is recorded, and no file is made.
    """
    if not keys:
        return [good("keys", "None is set.")]
    if warehouse.path is not None and not warehouse.path.exists():  # none is made here
        return [
            not_known("keys", "Their ages count from the first command of this folder.")
        ]
    found = []
    for age in key_ages(warehouse, clock, keys):
        to_do = "Replace it without downtime: docs/runbook.md, Replacing a key."
        to_do = "" if age.state is State.GOOD else to_do
        found.append(Finding(f"age of {age.name}", age.state, age.sentence, to_do))
    warehouse.close()
    return found


def _clock_finding(state: HomeState, now: datetime) -> Finding | None:
    """Return a finding if the ledger has a future call: the clock was set back."""
    newest = state.newest_call_at
    if newest is None or newest <= now + CLOCK_SLACK:
        return None
    return failed(
        "clock",
        f"It says {now:%Y-%m-%d %H:%M} UTC, and the ledger has a call of "
        f"{newest:%Y-%m-%d %H:%M}.",
        "Let the machine follow a time server (timedatectl set-ntp true); budgets by "
        "day and month count wrong until then.",
    )


def _holders(path: Path | None) -> str:
    """Return this user's processes that have the file open, as a clause in brackets."""
    if path is None:
        return ""
    import psutil

    holders = []
    for process in psutil.process_iter(["pid", "name"]):
        try:
            if any(file.path == str(path) for file in process.open_files()):
                holders.append(f"{process.info['name']} {process.info['pid']}")
        except psutil.Error:
            continue
    return f" ({', '.join(holders)})" if holders else ""
