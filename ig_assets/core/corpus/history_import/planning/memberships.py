"""Handles posts that are arms of several tests: each has one row of `posts` per test.

A row of a file that names a test has the counts of the arm in that test. A row that
names no test has the counts of all arms of its post (`KnownLookup.arms_by_name`). If a
post becomes an arm of another test, its earlier readings also stay in the first test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from ig_assets.core.corpus.history_import.identity.known_posts import KnownPost
from ig_assets.core.corpus.history_import.identity.recognition import is_same_post
from ig_assets.core.corpus.history_import.identity.vendor_names import VendorName
from ig_assets.core.corpus.history_import.planning.arms import ImportedArm
from ig_assets.warehouse.warehouse import Connection

# Excludes split tests: each counts its own share of the audience.
_BRING = """
INSERT INTO engagement (post_id, metric, as_of, observed_at, value, age_hours)
SELECT m.post_id, g.metric, g.as_of, g.observed_at, g.value, g.age_hours
FROM (
    SELECT unnest(?::TEXT[]) AS post_id, unnest(?::TEXT[]) AS known_id
) AS m
JOIN posts AS p
  ON p.post_id = m.post_id
JOIN posts AS k
  ON k.post_id = m.known_id
JOIN engagement AS g
  ON g.post_id = m.known_id
 AND g.age_hours IS NULL
WHERE NOT EXISTS (
    SELECT 1
    FROM experiments AS e
    WHERE e.experiment_id IN (p.experiment_id, k.experiment_id)
      AND e.randomised
)
  AND NOT EXISTS (
    SELECT 1
    FROM engagement AS x
    WHERE x.post_id = m.post_id
      AND x.metric = g.metric
      AND x.as_of = g.as_of
      AND x.observed_at = g.observed_at
)
"""


class Membership(NamedTuple):
    """A new arm, and the known arm of another test that shows the same post."""

    arm: ImportedArm
    known: KnownPost


def new_memberships(
    arms: Sequence[ImportedArm], known: Sequence[KnownPost]
) -> list[Membership]:
    """Return the new arms whose post is already an arm of another test.

    Posts are compared by the vendor's names.
    """
    by_name: dict[VendorName, list[KnownPost]] = defaultdict(list)
    for post in known:
        for name in post.names if post.experiment_id is not None else ():
            by_name[name].append(post)
    found = []
    for arm in arms:
        if arm.known is None and arm.experiment_id is not None:
            same = {
                post.post_id: post
                for name in arm.post.names
                for post in by_name[name]
                if is_same_post(arm.post, post)
            }
            if same:
                found.append(Membership(arm, same[min(same)]))
    return found


def bring_readings(con: Connection, memberships: Sequence[Membership]) -> None:
    """Copy the final readings of the known posts to the new arms."""
    if memberships:
        ids = [(item.arm.post_id, item.known.post_id) for item in memberships]
        con.execute(_BRING, [list(column) for column in zip(*ids, strict=True)])


def membership_notes(
    arms: Sequence[ImportedArm], memberships: Sequence[Membership]
) -> tuple[str, ...]:
    """Return notes on how many posts are arms of several tests."""
    rows: dict[int, set[str]] = defaultdict(set)
    for arm in arms:
        if arm.experiment_id is not None:
            rows[arm.row.number].add(arm.experiment_id)
    shared = sum(len(tests) > 1 for tests in rows.values())
    notes = []
    if memberships:
        notes.append(
            f"Posts that are arms of other tests already: {len(memberships):,}. Each "
            "is an arm of both, and keeps the readings that it has."
        )
    if shared:
        notes.append(
            f"Posts that are arms of several tests: {shared:,}. Their counts are those "
            "of each."
        )
    return tuple(notes)
