"""Checks the machine: the settings file, package versions, disk, backups and alerts."""

from __future__ import annotations

import shutil
import stat
import sys
from datetime import datetime, timedelta
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement

from ig_assets import __version__
from ig_assets.core.operations.diagnosis import (
    Finding,
    failed,
    good,
    not_known,
    warning,
)
from ig_assets.files import from_home
from ig_assets.settings import Settings
from ig_assets.warehouse.moving.rotation import (
    backups_ahead,
    broken_backups,
    own_backups,
)

OLD = timedelta(hours=50)  # two days, of which one may have failed
LOW_BYTES, EMPTY_BYTES = 5_000_000_000, 500_000_000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def env_file_finding(settings: Settings) -> Finding:
    """Check whether other users may read the settings file, which holds keys."""
    path = Path(str(settings.model_config.get("env_file")))
    if not path.is_file():
        return good("settings", "They are valid; there is no .env in this folder.")
    if path.stat().st_mode & _OTHERS:
        return warning(
            "settings",
            "They are valid, but other users of the machine may read "
            f"{path.absolute()}.",
            f"chmod 600 {path.absolute()}",
        )
    return good("settings", "They are valid, and .env is yours alone.")


def version_findings() -> list[Finding]:
    """Check the versions of Python and of each required package."""
    python = sys.version.split()[0]
    wrong = []
    for text in metadata.requires("ig-assets") or ():
        needed = Requirement(text)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{needed.name} is missing")
            continue
        if not needed.specifier.contains(found, prereleases=True):
            wrong.append(f"{needed.name} is {found} and must be {needed.specifier}")
    if wrong:
        return [
            failed(
                "versions",
                "; ".join(wrong) + ".",
                "Install ig-assets again in an environment of its own (make setup).",
            )
        ]
    dagster, duckdb = metadata.version("dagster"), metadata.version("duckdb")
    said = (
        f"ig-assets {__version__}, Python {python}, Dagster {dagster}, DuckDB {duckdb}"
    )
    return [good("versions", f"{said}; every package is in its range.")]


def studio_finding() -> Finding:
    """Check whether the package for `ig-assets studio` is installed."""
    if find_spec("streamlit") is None:
        return not_known(
            "studio",
            "Its extra is not installed; only `ig-assets studio` needs it.",
            'To have it: `pip install "ig-assets[studio]"`.',
        )
    found = metadata.version("streamlit")
    return good("studio", f"Streamlit {found} is installed; `ig-assets studio`.")


def backup_finding(settings: Settings, now: datetime) -> Finding:
    """Check the age of the newest backup of this data folder."""
    if settings.backups is None:
        seen = "The schedule makes none."
        if settings.social == "simulated":
            return good("backups", seen)
        return warning("backups", seen, "Set IG_BACKUPS to a folder on another disk.")
    into, folder = from_home(settings.backups), settings.data_dir
    if not into.is_dir():
        seen = (
            "is a file, no folder."
            if into.exists()
            else "does not exist; is its disk mounted?"
        )
        return warning(
            "backups",
            f"{into} {seen}",
            "Mount the disk of IG_BACKUPS, or name a folder on it; the first backup "
            f"makes it: `ig-assets db backup {into}`.",
        )
    to_do = "Look at the newest run of back_up_warehouse, and at backup_schedule."
    made = own_backups(into, folder, now)
    if broken := broken_backups(into, folder):
        names = ", ".join(path.name for path in broken)
        return warning(
            "backups",
            f"{_age_said(made, now, 'whole')} Broken, since their file is missing or "
            "cut off: "
            f"{names}.",
            f"Find out what removed it, then delete them in {into}.",
        )
    if ahead := backups_ahead(into, folder, now):
        names = ", ".join(path.name for path in ahead)
        return warning(
            "backups",
            f"{_age_said(made, now)} Dated after the machine's time, so left out: "
            f"{names}.",
            "Correct the clock; if it is right, delete them in " f"{into}.",
        )
    if not made:
        return warning("backups", f"{into} has none of ours.", to_do)
    seen, is_old = _age_said(made, now), now - made[-1] >= OLD
    return warning("backups", seen, to_do) if is_old else good("backups", seen)


def _age_said(made: list[datetime], now: datetime, what: str = "of the past") -> str:
    if not made:
        return f"None is {what}."
    hours = (now - made[-1]).total_seconds() / 3600
    return f"The newest of {len(made)} is {hours:,.0f} h old."


def alerts_finding(settings: Settings) -> Finding:
    """Check which channels carry alerts; no message is sent."""
    channels = []
    if settings.alert_webhook is not None:
        channels.append("by webhook")
    if settings.alert_email is not None:
        channels.append(f"by e-mail to {settings.alert_email} through {settings.smtp}")
    if channels:
        said = f"They are sent {' and '.join(channels)}; none was sent as a test."
        return good("alerts", said)
    seen = "No channel is set, so no failed run, check or spent budget is reported."
    if settings.social == "simulated":
        return good("alerts", seen)
    return warning("alerts", seen, "Set IG_ALERT_WEBHOOK or IG_ALERT_EMAIL.")


def disk_finding(settings: Settings) -> Finding:
    """Check the free space on the data folder's disk."""
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    seen = f"{free / 1e9:,.1f} GB are free for {settings.data_dir}."
    to_do = "Make room, or point IG_DATA_DIR at a larger disk."
    if free < EMPTY_BYTES:
        return failed("disk", seen, to_do)
    return warning("disk", seen, to_do) if free < LOW_BYTES else good("disk", seen)
