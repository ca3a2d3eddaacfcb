"""Port: where alerts go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

REPEAT_AFTER = timedelta(hours=24)
"""What goes on for longer than this is reported again."""


@dataclass(frozen=True)
class Alert:
    """One thing that a person should know.

    `key` names the thing, `reference` this occurrence of it (a run, a day of a budget):
    an occurrence is reported once, and another of the same thing only after `quiet`.
    `sentence` has no secret; `link` is its page in the UI, "" where none is known;
    `section` is the anchor of the runbook.
    """

    key: str
    reference: str
    sentence: str
    section: str
    link: str = ""
    quiet: timedelta = REPEAT_AFTER


class AlertChannel(Protocol):
    """A way to people."""

    @property
    def name(self) -> str:
        """Which it is, in a table and in a sentence: `webhook`, `e-mail`."""
        ...

    def send(self, alert: Alert) -> None:
        """Tell people. Raises VendorError with a sentence without secrets."""
        ...
