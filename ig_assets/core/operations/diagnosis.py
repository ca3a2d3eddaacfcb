"""What `ig-assets doctor` finds: a line each, with what a person has to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a line stands; `NOT_KNOWN` is what could not be found out."""

    GOOD = "good"
    NOT_KNOWN = "not known"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it stands, what was seen, what to do.

    `to_do` is empty where there is nothing to do. Neither text holds a key.
    """

    subject: str
    state: State
    seen: str
    to_do: str = ""


def good(subject: str, seen: str) -> Finding:
    """A line with nothing to do."""
    return Finding(subject, State.GOOD, seen)


def not_known(subject: str, seen: str, to_do: str = "") -> Finding:
    """A line about what could not be found out."""
    return Finding(subject, State.NOT_KNOWN, seen, to_do)


def warning(subject: str, seen: str, to_do: str) -> Finding:
    """A line about what works today and may not tomorrow."""
    return Finding(subject, State.WARNING, seen, to_do)


def failed(subject: str, seen: str, to_do: str) -> Finding:
    """A line about what does not work."""
    return Finding(subject, State.FAILED, seen, to_do)


def has_state(findings: Iterable[Finding], *states: State) -> bool:
    """Whether a line stands so."""
    return any(finding.state in states for finding in findings)
