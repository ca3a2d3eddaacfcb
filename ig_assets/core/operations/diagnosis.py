"""Defines the findings of `ig-assets doctor`: one line each, with advice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The state of a finding; `NOT_KNOWN` means that it could not be checked."""

    GOOD = "good"
    NOT_KNOWN = "not known"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """One finding: its subject, its state, what was seen, and what to do.

    `to_do` is empty if nothing has to be done. No field contains a secret.
    """

    subject: str
    state: State
    seen: str
    to_do: str = ""


def good(subject: str, seen: str) -> Finding:
    """Return a finding that needs no action."""
    return Finding(subject, State.GOOD, seen)


def not_known(subject: str, seen: str, to_do: str = "") -> Finding:
    """Return a finding about something that could not be checked."""
    return Finding(subject, State.NOT_KNOWN, seen, to_do)


def warning(subject: str, seen: str, to_do: str) -> Finding:
    """Return a finding about something that works today and may fail later."""
    return Finding(subject, State.WARNING, seen, to_do)


def failed(subject: str, seen: str, to_do: str) -> Finding:
    """Return a finding about something that does not work."""
    return Finding(subject, State.FAILED, seen, to_do)


def has_state(findings: Iterable[Finding], *states: State) -> bool:
    """Return whether any finding has one of the states."""
    return any(finding.state in states for finding in findings)
