"""Turns a row of `experiment_rows` into a sentence for a person to act on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ig_assets.core.experiments.phrases import lowered, not_judged
from ig_assets.core.experiments.stats.e_values import E_WINNER

_HELD = {
    "split": "its audience was not divided as planned, beyond chance: find out why "
    "before you believe it",
    "repeated z": "an earlier version decided it by a second look on z, which may be "
    "chance",
}
"""Why a winner is held, by the cause in `held_winners`."""

_DOUBT = {
    "split": "Its audience was not divided as planned, beyond chance, but ",
    "repeated z": "An earlier version decided it by a second look on z, but ",
    None: "",
}
"""Beginning of a warning about an accepted winner, by cause.

The causes are those of `unsound_experiments`; None means that there is no cause now.
"""

_LAPSED = " {} was accepted before; that ended when another arm won."

_NOT_JUDGED = (
    "Whether its audience was divided as planned is not judged on these counts, since "
    "those of its arms were read at different times."
)


def verdict(row: dict[str, Any]) -> str:
    """Return the verdict for a row of `experiment_rows`, with any warning."""
    sentence = _verdict(row) + lowered(row["lowered_arms"])
    if row["held_by"] is not None:
        lapsed = row["lapsed_arm"]
        return (
            f"{sentence} But {_HELD[row['held_by']]}. It is not learnt from until a "
            f"person accepts it: `ig-assets accept {row['experiment_id'][:12]} "
            '--reason "…"`.' + (_LAPSED.format(lapsed) if lapsed else "")
        )
    if row["accepted_by"] is not None:
        doubt = _DOUBT[row["cause"]]
        return f"{sentence} {doubt}{accepted(row)}."
    if row["split_alarms"]:
        return f"{sentence} But {_HELD['split']}."
    is_silent = row["randomised"] and row["pairs"] and not row["split_is_judged"]
    if is_silent and row["age_days"] is None:
        return f"{sentence} {_NOT_JUDGED}"
    return sentence


def accepted(row: Mapping[str, Any]) -> str:
    """Return who accepted a held winner, when and why (columns `accepted_…`)."""
    return (
        f"{row['accepted_by']} accepted it on {row['accepted_at']:%Y-%m-%d}: "
        f"{row['accepted_reason'].rstrip('.')}"
    )


def _verdict(row: dict[str, Any]) -> str:
    decision = row["decision"] or "running"
    if row["leader"] is None:
        if decision == "inconclusive":
            return str(row["reason"])
        return _waiting(row["arms"])
    leader, runner_up = row["leader"], row["runner_up"]
    days = row["age_days"]
    when = "in the final reading" if days is None else f"after {_days(days)}"
    if row["is_running"]:
        when = "so far"
    if row["lead"] is None or row["lead"] == 0:
        lead = f"{leader} and {runner_up} are level {when}"
        rates = {arm["arm"]: arm["rate"] for arm in row["arms"]}
        if row["lead"] is None and rates[leader] != rates[runner_up]:
            lead = f"{leader} leads {when}"
    else:
        lead = f"{leader} leads {runner_up} by {100 * row['lead']:.0f} % {when}"
    over = "" if row["rival"] == runner_up else f" over {row['rival']}"
    evidence = f"evidence {_short(row['evidence'])}{over} of {E_WINNER:.0f} needed"
    if row["is_of_earlier_look"]:
        evidence += " (reached at an earlier look)"
    if decision == "winner":
        return f"{leader} wins: it {lead.removeprefix(f'{leader} ')}, {_proof(row)}."
    if decision == "provisional":
        expected = 100 * math.expm1(row["shrunken_lift"])
        return (
            f"{leader} is the provisional winner: {lead}, of which {expected:.0f} % "
            "may be expected again; one post an arm proves no more."
        )
    why_not = not_judged(
        {
            arm["arm"]: (arm["events"], arm["trials"])
            for arm in row["arms"]
            if arm["events"] is not None
        },
        row["numerator"],
    )
    if why_not is not None:
        ended = "Inconclusive" if decision == "inconclusive" else "Too early to say"
        return f"{ended}: {lead}, but {why_not}, and nothing is judged on that."
    if decision == "inconclusive":
        return f"Inconclusive: {lead}; {evidence}, which is the usual outcome."
    if row["is_running"]:
        why = "until it is over,"
        if row["ends_at"] is not None:
            why = f"until counts of {row['ends_at']:%Y-%m-%d} or later are imported,"
        if row["z_is_spent"]:
            why = "its single look is spent, so"
        return (
            f"{lead}; {evidence}. The test is running: {why} only e-values look at it."
        )
    return f"{lead}; {evidence}; keep going."


def _proof(row: dict[str, Any]) -> str:
    """Return words on what decided a winner, by the rule of its standing."""
    if row["rule"] == "e":
        when = ", reached at an earlier look" if row["is_of_earlier_look"] else ""
        return f"with evidence {_short(row['evidence'])} of {E_WINNER:.0f} needed{when}"
    if row["z"] is None:
        return "at p < 0.025 in a look at its end"
    counts = ", at earlier counts" if row["is_of_earlier_look"] else ""
    return f"at p < 0.025 in the single look at its end{counts} (z = {row['z']:.1f})"


def _waiting(arms: list[dict[str, Any]]) -> str:
    declined = sum(arm["status"] == "declined" for arm in arms)
    if arms and len(arms) - declined < 2:
        return f"{declined} of {len(arms)} posts were declined; there is no comparison."
    proposed = sum(arm["status"] == "proposed" for arm in arms)
    if proposed:
        return f"{proposed} of {len(arms)} posts wait for approval."
    published = sum(arm["status"] == "published" for arm in arms)
    if published < len(arms):
        return f"{published} of {len(arms)} posts are out; no comparison yet."
    return "All posts are out; they were not read at a common whole day of age yet."


def _days(days: float) -> str:
    return "1 day" if days == 1 else f"{days:.0f} days"


def _short(e: float) -> str:
    if e >= 1e6:
        return "over a million"
    if e < 10 or (e < E_WINNER and round(e) >= E_WINNER):
        return f"{math.floor(10 * e) / 10:.1f}"  # never rounded up to what is needed
    return f"{e:,.0f}"
