"""Limits the length of a canary's trial, and names the candidate that waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from ig_assets.core.models.registry import canary_model, candidate_model
from ig_assets.warehouse.warehouse import Connection

TRIAL = timedelta(days=366)
"""Longest trial of a canary before a newer candidate may replace it.

A month is one observation, and fewer than five cannot reach the e-value of a promotion,
however consistent they are. `IG_CANARY_DAYS` sets another length.
"""


def trial_note(con: Connection, now: datetime, trial: timedelta = TRIAL) -> str | None:
    """Return a sentence on the end of the canary's trial, or None without a canary.

    It also names the candidate that waits for that end.
    """
    canary = canary_model(con)
    if canary is None:
        return None
    end = canary.changed_at + trial
    note = (
        f"Model {canary.model_id} is on trial until {end:%Y-%m-%d}, {trial.days} days "
        "at most (IG_CANARY_DAYS)"
    )
    if now >= end:
        note = (
            f"Model {canary.model_id} was on trial for {trial.days} days "
            "(IG_CANARY_DAYS), so the next candidate that passes replaces it"
        )
    candidate = candidate_model(con)
    if candidate is None:
        return f"{note}."
    waits = "waits until then" if now < end else "is next"
    return (
        f"{note}; candidate {candidate.model_id} {waits}. `ig-assets models promote "
        'ID --reason "…"` decides at once.'
    )
