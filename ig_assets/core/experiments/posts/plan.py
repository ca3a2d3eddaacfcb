"""Plans which variant is published in which slot; a rerun never changes a plan.

A topic with at least two usable variants becomes one experiment with one post per
variant, in a randomised order of slots. If a choice among its hooks is recorded
(`hook_choices`), only the chosen ones are posted. A share of the experiments gets an
A/A duplicate: one more post with the words of one arm. It takes no part in the decision
and measures the variance between two posts of the same words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from ig_assets.core.experiments.constants import EXPERIMENT_LENGTH
from ig_assets.core.experiments.stats.post_variance import planned_sigma
from ig_assets.core.identity import seeded_unit, stable_id
from ig_assets.core.ports import Clock
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

SLOT_TIME = time(9, 0)
SLOT_DISTANCE = timedelta(hours=24)
MIN_ARMS = 2
AA_DUPLICATE = "A/A"

_VARIANTS = """
SELECT t.topic_id, t.due_on, v.variant_id, v.arm, v.hook_style
FROM topics AS t
JOIN variants AS v
  ON v.month = t.month
 AND v.topic_id = t.topic_id
ANTI JOIN withdrawn_topics AS w
  ON w.month = t.month
 AND w.topic_id = t.topic_id
LEFT JOIN hook_choices AS c
  ON c.variant_id = v.variant_id
WHERE t.month = ?
  AND v.rejection IS NULL
  AND (
      c.role <> 'not posted'
      OR NOT EXISTS (
          SELECT 1
          FROM hook_choices AS o
          WHERE o.month = v.month AND o.topic_id = v.topic_id
      )
  )
ORDER BY t.topic_id, v.arm, v.variant_id
"""

_PLANNED = """
SELECT DISTINCT topic_id
FROM experiments
WHERE month = ?
  AND segment = ?
"""


@dataclass(frozen=True)
class PostArm:
    """A variant that becomes a post of an experiment, as an arm or an A/A duplicate."""

    due_on: date | None
    variant_id: str
    arm: str
    hook_style: str | None
    is_duplicate: bool = False

    @property
    def post_name(self) -> str:
        """The name of the post's arm; it marks an A/A duplicate."""
        return f"{self.arm} ({AA_DUPLICATE})" if self.is_duplicate else self.arm


@dataclass(frozen=True)
class PlanSummary:
    """The results of `plan_posts`: numbers of experiments and of posts.

    A planned post is `proposed` if a person must approve it, otherwise `approved`.
    """

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
    order drawn with `seed`; each post's detail records the seed. `sigma` is the
    standard deviation between posts on the log scale ("pairs": estimated from A/A
    pairs). It is fixed here for the experiment's lifetime, and so is the metric
    (`numerator` per `denominator`). The share `aa_share` (0 to 1) of the experiments
    gets an additional post, whose `duplicate_of` names the post that it repeats.
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
            first = _first_slot(drawn[0].due_on, month)
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
            for number, arm in enumerate(drawn):
                original = stable_id("post", arm.variant_id)
                repeats = (AA_DUPLICATE,) if arm.is_duplicate else ()
                post_id = stable_id("post", arm.variant_id, *repeats)
                posts.append(
                    {
                        "post_id": post_id,
                        "duplicate_of": original if arm.is_duplicate else None,
                        "experiment_id": experiment_id,
                        "variant_id": arm.variant_id,
                        "arm": arm.post_name,
                        "hook_style": arm.hook_style,
                        "slot": first + number * SLOT_DISTANCE,
                        "platform": platform,
                        "intent_key": post_id,
                        "status": status,
                        "detail": f"slot {number + 1} of {len(drawn)}, seed {seed}",
                    }
                )
        merge_rows(con, "experiments", experiments, replace=False)
        merge_rows(con, "posts", posts, replace=False)
    approved = len(posts) if status == "approved" else 0
    return PlanSummary(len(experiments), len(posts) - approved, approved)


def _unplanned(con: Connection, month: str, segment: str) -> dict[str, list[PostArm]]:
    """Return {topic: arms} of topics with two or more arms and no experiment yet."""
    planned = {t for (t,) in con.execute(_PLANNED, [month, segment]).fetchall()}
    topics: dict[str, list[PostArm]] = {}
    for topic_id, *arm in con.execute(_VARIANTS, [month]).fetchall():
        if topic_id not in planned:
            topics.setdefault(topic_id, []).append(PostArm(*arm))
    return {t: arms for t, arms in topics.items() if len(arms) >= MIN_ARMS}


def _draw_order(arms: list[PostArm], seed: int, experiment_id: str) -> list[PostArm]:
    def draw(arm: PostArm) -> float:
        repeats = (AA_DUPLICATE,) if arm.is_duplicate else ()
        return seeded_unit(seed, "slot", experiment_id, arm.variant_id, *repeats)

    return sorted(arms, key=draw)


def _with_duplicate(
    arms: list[PostArm], seed: int, share: float, experiment_id: str
) -> list[PostArm]:
    """Return the arms; in a share of experiments, add an A/A duplicate of one arm.

    `experiment_id` and `seed` decide whether it is added, and of which arm.
    """
    if seeded_unit(seed, "duplicate", experiment_id) >= share:
        return arms
    unit = seeded_unit(seed, "which is duplicated", experiment_id)
    return [*arms, replace(arms[int(unit * len(arms))], is_duplicate=True)]


def _first_slot(due_on: date | None, month: str) -> datetime:
    day = due_on or date.fromisoformat(f"{month}-01")
    return datetime.combine(day, SLOT_TIME)
