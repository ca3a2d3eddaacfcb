"""Holds phrases used both in the reasons of decisions and in verdicts for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ig_assets.core.experiments.stats.e_values import MIN_EVENTS

HELD_FOR = {
    "split": "held: audience not divided as planned",
    "repeated z": "held: decided by a second look on z",
}
"""Why a winner is held, by the cause in `held_winners`."""


def lowered(arms: Sequence[str]) -> str:
    """Return a sentence on arms whose final count fell, or "".

    It says that earlier looks used wrong counts, so that their e and z no longer count.
    It begins with a space.
    """
    if not arms:
        return ""
    return (
        f" A count of {' and of '.join(arms)} was lowered since an earlier look, so "
        "that look no longer counts."
    )


def not_judged(
    counts: Mapping[str, tuple[float, float]], events: str = "events"
) -> str | None:
    """Return why the arms' counts (events, trials) cannot be judged, or None."""
    few = [arm for arm, (n, _) in counts.items() if n < MIN_EVENTS]
    if few:
        which = few[0] if len(few) == 1 else "each of " + ", ".join(few)
        return f"{which} has fewer than {MIN_EVENTS} {events}"
    over = [arm for arm, (n, trials) in counts.items() if n > trials]
    if over:
        which = over[0] if len(over) == 1 else "each of " + ", ".join(over)
        return f"{which} has more {events} than there can be"
    if sum(n >= trials for n, trials in counts.values()) > 1:
        return f"{events} and trials are the same number, so no rate varies"
    return None
