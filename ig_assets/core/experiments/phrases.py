"""Phrases that the reason of a decision and the verdict for people have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ig_assets.core.experiments.stats.e_values import MIN_EVENTS

HELD_FOR = {
    "split": "held: audience not divided as planned",
    "repeated z": "held: decided by a second look on z",
}
"""Why a winner is held, by the cause in `held_winners`."""


def lowered(arms: Sequence[str]) -> str:
    """A sentence, with a space before it, on arms whose final count fell; or nothing.

    Their looks at the higher counts were at wrong ones, so neither e nor z of them
    says anything any more.
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
    """Why counts (events, trials) by arm are no evidence; None where they can be."""
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
