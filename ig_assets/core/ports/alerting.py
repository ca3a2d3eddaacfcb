"""Port to the channels that carry alerts to people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

REPEAT_AFTER = timedelta(hours=24)
"""Time after which a problem that persists is reported again."""


@dataclass(frozen=True)
class Alert:
    """One event that a person should know of.

    `key` names the problem, `reference` one occurrence of it (a run, a day of a
    budget). An occurrence is reported once; another occurrence of the same problem is
    reported only after `quiet`. `sentence` has no secret. `link` is the URL of the
    occurrence's page in the UI, "" if none is known; `section` is the anchor of the
    runbook.
    """

    key: str
    reference: str
    sentence: str
    section: str
    link: str = ""
    quiet: timedelta = REPEAT_AFTER


class AlertChannel(Protocol):
    """A channel that carries alerts to people, such as e-mail."""

    @property
    def name(self) -> str:
        """The channel's name in tables and sentences: `webhook`, `e-mail`."""
        ...

    def send(self, alert: Alert) -> None:
        """Send the alert. Raises VendorError with a sentence without secrets."""
        ...
