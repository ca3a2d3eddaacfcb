"""Tells people once: an alert is a row before it is sent, and is sent until it arrives.

    raised → pending → sent, or after `GIVE_UP_AFTER` given up

A process that dies after it has sent and before it has said so sends twice; no alert is
lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ig_assets.core.operations.redaction import redact
from ig_assets.core.ports import Clock
from ig_assets.core.ports.alerting import Alert, AlertChannel
from ig_assets.errors import VendorError
from ig_assets.warehouse.rows import fetch_dicts, insert_row
from ig_assets.warehouse.warehouse import Connection, Warehouse

GIVE_UP_AFTER = timedelta(hours=24)
RETRY_AFTER = timedelta(minutes=1)
"""An alert that another process is sending is left to it for so long."""

_KNOWN = """
UPDATE alerts SET repeats = repeats + CASE WHEN reference = $2 THEN 0 ELSE 1 END,
    reference = $2
WHERE alert_key = $1 AND raised_at = (
    SELECT max(raised_at) FROM alerts WHERE alert_key = $1
)
"""
_SETTLE = """
UPDATE alerts SET status = ?, channels_left = ?, detail = ?, settled_at = ?
WHERE alert_key = ? AND raised_at = ?
"""
_PENDING = """
SELECT alert_key, reference, sentence, section, link, raised_at, channels_left
FROM alerts WHERE status = 'pending' AND tried_at < ? ORDER BY raised_at, alert_key
"""


@dataclass(frozen=True)
class Alerts:
    """Raises alerts through all channels; `clock` is the system's, also in a loop."""

    warehouse: Warehouse
    clock: Clock
    channels: Sequence[AlertChannel]

    def tell(self, alert: Alert) -> bool:
        """Tell people, unless they know of it; whether it was sent just now.

        What a channel refuses is tried again by `tell_again`. Raises WarehouseError.
        """
        if not self.channels:
            return False
        now = self.clock.now()
        with self.warehouse.transaction() as con:
            if not _record(con, alert, now, [c.name for c in self.channels]):
                return False
        return self._send(alert, now, self.channels)

    def tell_without_rows(self, alert: Alert) -> list[str]:
        """Send at once, where no row can be written; the refusals, as sentences."""
        return list(_refusals(alert, self.channels).values())

    def tell_again(self) -> int:
        """Send what is pending; how many arrived. Raises WarehouseError."""
        now, arrived = self.clock.now(), 0
        with self.warehouse.transaction() as con:
            pending = fetch_dicts(con, _PENDING, [now - RETRY_AFTER])
            con.execute(
                "UPDATE alerts SET tried_at = ? WHERE status = 'pending' "
                "AND tried_at < ?",
                [now, now - RETRY_AFTER],
            )
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
            arrived += self._send(alert, row["raised_at"], channels)
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
    """A page of the UI; empty where its address is not known."""
    return f"{ui_url.rstrip('/')}/{path}" if ui_url else ""


def _record(
    con: Connection, alert: Alert, now: datetime, channels: Sequence[str]
) -> bool:
    """Write the intent to tell; False where people know of it."""
    rows = con.execute(
        "SELECT raised_at, reference FROM alerts WHERE alert_key = ?", [alert.key]
    ).fetchall()
    is_known = any(reference == alert.reference for _, reference in rows)
    is_quiet = any(now - raised_at < alert.quiet for raised_at, _ in rows)
    if is_known or is_quiet:
        con.execute(_KNOWN, [alert.key, alert.reference])
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


def _refusals(alert: Alert, channels: Sequence[AlertChannel]) -> dict[str, str]:
    """By channel, why it did not take the alert; one that fails stops no other."""
    found = {}
    for channel in channels:
        try:
            channel.send(alert)
        except VendorError as error:
            found[channel.name] = redact(str(error))
    return found
