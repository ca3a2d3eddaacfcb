"""Rejected arms that a person asks for again: a new row each, what was paid for stays.

A new try has an id of its own, so that drafts, attempts, figures and costs of the old
one remain what they were. It is held to the same gates and bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

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

# Of each arm its last try. An arm stands where one of its tries does.
_ARMS = """
    SELECT t.topic_id, t.topic, v.arm, v.rejection,
        coalesce(v.tried_before, 0) + 1 AS tries,
        e.topic_id IS NOT NULL AS is_in_a_test
    FROM variants AS v
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
    QUALIFY row_number() OVER (
        PARTITION BY v.topic_id, v.arm
        ORDER BY coalesce(v.tried_before, 0) DESC
    ) = 1
    ORDER BY t.due_on, t.topic_id, v.arm
"""


@dataclass(frozen=True)
class RetryStatus:
    """How the arms of a month stand: how many, and the rejected ones with reasons.

    `left_alone` of these are of topics that are being tested, where another arm
    would come too late.
    """

    arms: int
    standing: int
    left_alone: int
    rejected: tuple[dict[str, Any], ...]


def rejected_arms(
    con: Connection, month: str, arms: Sequence[PlannedArm]
) -> list[PlannedArm]:
    """Of the planned arms those whose last try was rejected, as their next try.

    Topics that are being tested already are left alone.
    """
    tried = {row["variant_id"]: row for row in fetch_dicts(con, _TRIED, [month])}
    tested = {topic_id for (topic_id,) in con.execute(_IN_A_TEST, [month]).fetchall()}
    again = []
    for arm in arms:
        count = 0
        while arm_id(arm.topic, arm.arm, count) in tried:
            count += 1
        if not count or arm.topic.topic_id in tested:
            continue
        if tried[arm_id(arm.topic, arm.arm, count - 1)]["is_rejected"]:
            variant_id = arm_id(arm.topic, arm.arm, count)
            again.append(replace(arm, variant_id=variant_id, tried_before=count))
    return again


def standing(con: Connection, month: str, topic_id: str | None = None) -> RetryStatus:
    """How the arms of a month, or of one topic of it, stand now."""
    rows = fetch_dicts(con, _ARMS, [month, topic_id, topic_id])
    rejected = tuple(row for row in rows if row["rejection"])
    return RetryStatus(
        arms=len(rows),
        standing=len(rows) - len(rejected),
        left_alone=sum(bool(row["is_in_a_test"]) for row in rejected),
        rejected=rejected,
    )
