"""Which variant goes out as which post, in which slot: the plan, made once.

A topic with at least two usable variants becomes one experiment with one post a
variant, in a randomised order of slots. A share of the experiments gets an A/A
duplicate: the words of one arm as one more post, which is no rival of the arms and
shows how far two posts of one script lie apart. What is planned is never changed by a
rerun.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from ig_assets.core.experiments.constants import EXPERIMENT_LENGTH
from ig_assets.core.experiments.stats.post_variance import planned_sigma
from ig_assets.core.identity import seeded_unit, stable_id
from ig_assets.core.ports import Clock
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

SLOT_TIME = time(9, 0)
SLOT_DISTANCE = timedelta(hours=24)
MIN_ARMS = 2
TWIN = "A/A"

_VARIANTS = """
SELECT t.topic_id, t.due_on, v.variant_id, v.arm, v.hook_style
FROM topics AS t
JOIN variants AS v
  ON v.month = t.month
 AND v.topic_id = t.topic_id
WHERE t.month = ?
  AND v.rejection IS NULL
ORDER BY t.topic_id, v.arm, v.variant_id
"""

_PLANNED = """
SELECT DISTINCT topic_id
FROM experiments
WHERE month = ?
  AND segment = ?
"""


@dataclass(frozen=True)
class PlanSummary:
    """What one call planned anew; posts are proposed or, by themselves, approved."""

    experiments: int
    proposed: int
    approved: int


def plan_posts(
    warehouse: Warehouse,
    clock: Clock,
    month: str,
    *,
    segment: str = "all",
    sigma: float | Literal["pairs"],
    seed: int,
    platform: str,
    simulated: bool,
    approval: Literal["auto", "manual"],
    numerator: str = "likes",
    denominator: str = "reach",
    aa_share: float = 0.0,
) -> PlanSummary:
    """Plan the month's topics that have two usable variants and no experiment yet.

    The arms take the slots (the topic's due day at 09:00 UTC, then every 24 h) in an
    order drawn with `seed`, which each post's detail records. `sigma` is the sd from
    post to post on the log scale ("pairs": estimated from A/A pairs), fixed here for
    the experiment's whole life; so is the metric (numerator per denominator).
    `aa_share` of the experiments get a post more, whose `duplicate_of` names the post
    it repeats.
    """
    status = "approved" if approval == "auto" else "proposed"
    experiments: list[dict[str, Any]] = []
    posts: list[dict[str, Any]] = []
    with warehouse.transaction() as con:
        fixed_sigma = planned_sigma(con, sigma, simulated=simulated)
        for topic_id, arms in _unplanned(con, month, segment).items():
            experiment_id = stable_id("experiment", month, topic_id, segment)
            arms = _with_duplicate(arms, seed, aa_share, experiment_id)
            drawn = _draw_order(arms, seed, experiment_id)
            first = _first_slot(drawn[0]["due_on"], month)
            experiments.append(
                {
                    "experiment_id": experiment_id,
                    "month": month,
                    "topic_id": topic_id,
                    "segment": segment,
                    "numerator": numerator,
                    "denominator": denominator,
                    "randomised": False,
                    "sigma": fixed_sigma,
                    "simulated": simulated,
                    "started_at": first,
                    "ends_at": first + EXPERIMENT_LENGTH,
                    "status": "running",
                    "intent_key": experiment_id,
                }
            )
            for place, arm in enumerate(drawn):
                original = stable_id("post", arm["variant_id"])
                post_id = original
                if twin := arm.get("twin"):
                    post_id = stable_id("post", arm["variant_id"], twin)
                posts.append(
                    {
                        "post_id": post_id,
                        "duplicate_of": original if twin else None,
                        "experiment_id": experiment_id,
                        "variant_id": arm["variant_id"],
                        "arm": f"{arm['arm']} ({twin})" if twin else arm["arm"],
                        "hook_style": arm["hook_style"],
                        "slot": first + place * SLOT_DISTANCE,
                        "platform": platform,
                        "intent_key": post_id,
                        "status": status,
                        "detail": f"slot {place + 1} of {len(drawn)}, seed {seed}",
                    }
                )
        merge_rows(con, "experiments", experiments, replace=False)
        merge_rows(con, "posts", posts, replace=False)
    approved = len(posts) if status == "approved" else 0
    return PlanSummary(len(experiments), len(posts) - approved, approved)


def _unplanned(
    con: Connection, month: str, segment: str
) -> dict[str, list[dict[str, Any]]]:
    planned = {t for (t,) in con.execute(_PLANNED, [month, segment]).fetchall()}
    topics: dict[str, list[dict[str, Any]]] = {}
    for row in fetch_dicts(con, _VARIANTS, [month]):
        if row["topic_id"] not in planned:
            topics.setdefault(row["topic_id"], []).append(row)
    return {t: arms for t, arms in topics.items() if len(arms) >= MIN_ARMS}


def _draw_order(
    arms: list[dict[str, Any]], seed: int, experiment_id: str
) -> list[dict[str, Any]]:
    def place(arm: dict[str, Any]) -> float:
        twin = [arm["twin"]] if "twin" in arm else []
        return seeded_unit(seed, "slot", experiment_id, arm["variant_id"], *twin)

    return sorted(arms, key=place)


def _with_duplicate(
    arms: list[dict[str, Any]], seed: int, share: float, experiment_id: str
) -> list[dict[str, Any]]:
    """The arms, and in a share of the experiments one of them, drawn, once more."""
    if seeded_unit(seed, "duplicate", experiment_id) >= share:
        return arms
    unit = seeded_unit(seed, "which is duplicated", experiment_id)
    return [*arms, {**arms[int(unit * len(arms))], "twin": TWIN}]


def _first_slot(due_on: date | None, month: str) -> datetime:
    day = due_on or date.fromisoformat(f"{month}-01")
    return datetime.combine(day, SLOT_TIME)
