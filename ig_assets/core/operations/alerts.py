"""Alerts people once per event: stores an alert, then sends it until it arrives.

    raised → pending → sent, or failed after `GIVE_UP_AFTER`

A row with a date in the future was written with a wrong clock. Such a row suppresses no
later alert; if it is pending, it counts as raised when it is found. No alert is lost.
If a process dies after sending an alert and before recording this, the alert is sent
twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ig_assets.core.identity import next_instant
from ig_assets.core.operations.present import CLOCK_SLACK
from ig_assets.core.operations.redaction import redact
from ig_assets.core.ports import Clock
from ig_assets.core.ports.alerting import Alert, AlertChannel
from ig_assets.errors import VendorError
from ig_assets.warehouse.rows import fetch_dicts, insert_row
from ig_assets.warehouse.warehouse import Connection, Warehouse

GIVE_UP_AFTER = timedelta(hours=24)
RETRY_AFTER = timedelta(minutes=1)
"""Least time between two attempts to send an alert."""

_KNOWN = """
UPDATE alerts SET repeats = repeats + CASE WHEN reference = $2 THEN 0 ELSE 1 END,
    reference = $2
WHERE alert_key = $1 AND raised_at = (
    SELECT max(raised_at) FROM alerts WHERE alert_key = $1 AND raised_at <= $3
)
"""
_SETTLE = """
UPDATE alerts SET status = ?, channels_left = ?, detail = ?, settled_at = ?
WHERE alert_key = ? AND raised_at = ?
"""
_PENDING = """
SELECT alert_key, reference, sentence, section, link, raised_at, channels_left
FROM alerts WHERE status = 'pending' AND (tried_at < ? OR tried_at > ?)
ORDER BY raised_at, alert_key
"""
_TRIED = """
UPDATE alerts SET tried_at = ?
WHERE status = 'pending' AND (tried_at < ? OR tried_at > ?)
"""
_AHEAD = """
SELECT alert_key, raised_at FROM alerts WHERE status = 'pending' AND raised_at > ?
ORDER BY raised_at, alert_key
"""
_NEWEST = "SELECT max(raised_at) FROM alerts WHERE alert_key = ? AND raised_at <= ?"
_DATE_ANEW = """
UPDATE alerts SET raised_at = ? WHERE alert_key = ? AND raised_at = ?
"""


@dataclass(frozen=True)
class Alerts:
    """Sends alerts through all channels; `clock` is the system's, even in a loop."""

    warehouse: Warehouse
    clock: Clock
    channels: Sequence[AlertChannel]

    def tell(self, alert: Alert) -> bool:
        """Send the alert unless people know of it already; return whether it arrived.

        `tell_again` repeats the alert for a channel that refuses it. Raises
        WarehouseError.
        """
        if not self.channels:
            return False
        now = self.clock.now()
        with self.warehouse.transaction() as con:
            if not _record(con, alert, now, [c.name for c in self.channels]):
                return False
        return self._send(alert, now, self.channels)

    def tell_without_rows(self, alert: Alert) -> list[str]:
        """Send the alert without a row; return a sentence per channel that refused it.

        It is used while the warehouse cannot be written to.
        """
        return list(_refusals(alert, self.channels).values())

    def tell_again(self) -> int:
        """Send pending alerts; return the number of alerts that arrived.

        An alert is sent through the channels that have not accepted it. If none of them
        is configured any more, it is sent through all configured channels; without any
        channel it stays pending. Raises WarehouseError.
        """
        if not self.channels:
            return 0
        now, arrived = self.clock.now(), 0
        with self.warehouse.transaction() as con:
            _date_anew(con, now)
            due = [now - RETRY_AFTER, now + CLOCK_SLACK]
            pending = fetch_dicts(con, _PENDING, due)
            con.execute(_TRIED, [now, *due])
        for row in pending:
            alert = Alert(
                row["alert_key"],
                row["reference"],
                row["sentence"],
                row["section"],
                row["link"],
            )
            left = row["channels_left"].split(", ")
            channels = [c for c in self.channels if c.name in left]
            arrived += self._send(alert, row["raised_at"], channels or self.channels)
        return arrived

    def _send(
        self, alert: Alert, raised_at: datetime, channels: Sequence[AlertChannel]
    ) -> bool:
        refusals = _refusals(alert, channels)
        now = self.clock.now()
        status = "sent"
        if refusals:
            status = "failed" if now - raised_at >= GIVE_UP_AFTER else "pending"
        settled_at = None if status == "pending" else now
        detail = " ".join(refusals.values())
        with self.warehouse.transaction() as con:
            con.execute(
                _SETTLE,
                [
                    status,
                    ", ".join(refusals),
                    detail,
                    settled_at,
                    alert.key,
                    raised_at,
                ],
            )
        return status == "sent"


def ui_link(ui_url: str | None, path: str) -> str:
    """Return the address of a page of the UI; '' if the UI's address is unknown."""
    return f"{ui_url.rstrip('/')}/{path}" if ui_url else ""


def _record(
    con: Connection, alert: Alert, now: datetime, channels: Sequence[str]
) -> bool:
    """Write the alert's row; return False if people know of it already."""
    rows = con.execute(
        "SELECT raised_at, reference FROM alerts WHERE alert_key = ?", [alert.key]
    ).fetchall()
    is_known = any(reference == alert.reference for _, reference in rows)
    is_quiet = any(
        -CLOCK_SLACK <= now - raised_at < alert.quiet for raised_at, _ in rows
    )
    if is_known or is_quiet:
        con.execute(_KNOWN, [alert.key, alert.reference, now + CLOCK_SLACK])
        return False
    insert_row(
        con,
        "alerts",
        {
            "alert_key": alert.key,
            "reference": alert.reference,
            "raised_at": now,
            "sentence": redact(alert.sentence),
            "section": alert.section,
            "link": alert.link,
            "status": "pending",
            "channels_left": ", ".join(channels),
            "repeats": 0,
            "tried_at": now,
            "settled_at": None,
            "detail": "",
        },
    )
    return True


def _date_anew(con: Connection, now: datetime) -> None:
    """Set the time of pending alerts that are dated in the future to `now`.

    They can then be given up after a day like other alerts.
    """
    latest = now + CLOCK_SLACK
    for key, raised_at in con.execute(_AHEAD, [latest]).fetchall():
        ((newest,),) = con.execute(_NEWEST, [key, latest]).fetchall()
        con.execute(_DATE_ANEW, [next_instant(now, newest), key, raised_at])


def _refusals(alert: Alert, channels: Sequence[AlertChannel]) -> dict[str, str]:
    """Send the alert through every channel; return {channel: reason} of refusals."""
    found = {}
    for channel in channels:
        try:
            channel.send(alert)
        except VendorError as error:
            found[channel.name] = redact(str(error))
    return found
