"""Plans another try of rejected arms, on a person's request.

A new try has another id, so that drafts, attempts, figures and costs of the earlier
tries stay. The new try must pass the same gates within the same bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, cast

from ig_assets.core.generation.writing.arms import PlannedArm, arm_id
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

_TRIED = """
    SELECT d.variant_id,
        coalesce(v.rejection, d.rejection) IS NOT NULL AS is_rejected
    FROM drafts AS d
    LEFT JOIN variants AS v
        ON v.variant_id = d.variant_id
    WHERE d.month = ?
"""

_IN_A_TEST = """
    SELECT DISTINCT topic_id
    FROM experiments
    WHERE month = ?
"""

# One row per arm of a month: its last try.
_ARMS = """
    SELECT t.topic_id, t.topic, v.arm, v.rejection,
        coalesce(v.tried_before, 0) + 1 AS tries,
        e.topic_id IS NOT NULL AS is_in_a_test
    FROM latest_variants AS v
    JOIN topics AS t
        ON t.month = v.month
        AND t.topic_id = v.topic_id
    LEFT JOIN (
        SELECT DISTINCT month, topic_id
        FROM experiments
    ) AS e
        ON e.month = v.month
        AND e.topic_id = v.topic_id
    WHERE v.month = ?
        AND (? IS NULL OR v.topic_id = ?)
    ORDER BY t.due_on, t.topic_id, v.arm
"""


class ArmRow(TypedDict):
    """One arm of a month with its last try; `tries` is the number of all its tries."""

    topic_id: str
    topic: str
    arm: str
    rejection: str | None
    tries: int
    is_in_a_test: bool


@dataclass(frozen=True)
class RetryStatus:
    """The arms of a month by their last try: accepted, or rejected with reasons.

    `left_alone` is the number of rejected arms of topics that are being tested, for
    which another arm would come too late.
    """

    arms: int
    accepted: int
    left_alone: int
    rejected: tuple[ArmRow, ...]


def rejected_arms(
    con: Connection, month: str, arms: Sequence[PlannedArm]
) -> list[PlannedArm]:
    """Return the next try of each planned arm whose last try was rejected.

    Topics that are being tested are left out.
    """
    tried = {row["variant_id"]: row for row in fetch_dicts(con, _TRIED, [month])}
    tested = {topic_id for (topic_id,) in con.execute(_IN_A_TEST, [month]).fetchall()}
    retries = []
    for arm in arms:
        count = 0
        while arm_id(arm.topic, arm.arm, count) in tried:
            count += 1
        if not count or arm.topic.topic_id in tested:
            continue
        if tried[arm_id(arm.topic, arm.arm, count - 1)]["is_rejected"]:
            variant_id = arm_id(arm.topic, arm.arm, count)
            retries.append(replace(arm, variant_id=variant_id, tried_before=count))
    return retries


def retry_status(
    con: Connection, month: str, topic_id: str | None = None
) -> RetryStatus:
    """Return the present state of the arms of a month, or of one of its topics."""
    rows = cast(list[ArmRow], fetch_dicts(con, _ARMS, [month, topic_id, topic_id]))
    rejected = tuple(row for row in rows if row["rejection"])
    return RetryStatus(
        arms=len(rows),
        accepted=len(rows) - len(rejected),
        left_alone=sum(bool(row["is_in_a_test"]) for row in rejected),
        rejected=rejected,
    )
