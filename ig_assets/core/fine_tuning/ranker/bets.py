"""Places the bets that prove a ranker; each is recorded and never placed again.

A refit uses new experiments, later counts, and fewer texts after a forgetting. If it
placed all bets again, the best of many replays could reach a proof by chance. A bet on
a comparison is therefore placed once, when its experiment is over, by a ranker that was
fitted on the comparisons recorded before. Bets stay recorded, and their evidence
accumulates. This gives a single path, however often it is evaluated, as `proof.py`
requires.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import DisjointSet

from ig_assets.core.fine_tuning.similarity.near_duplicates import near_duplicate_pairs
from ig_assets.core.models.ranker.arms import PastArm, PastHooks
from ig_assets.core.models.ranker.outcomes import Floats, Ints, Outcomes
from ig_assets.core.models.ranker.proof import (
    GroupBets,
    Proof,
    place_bets,
    sound_bets,
)
from ig_assets.core.models.ranker.ranker import Features
from ig_assets.core.models.ranker.vectors import ENCODER
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection

NEAR_DUPLICATE_COSINE = 0.88
"""Cosine from which two hooks are nearly equal, for centred encoder vectors.

Centred means without the mean, which all hooks share. Among 7,252 real headlines this
bound finds about as many pairs (722) as 0.92 of retrieval vectors (738).
"""

Group = tuple[str, str]
"""(id of an experiment, image shown with its hooks or '')."""

_RECORDED = """
SELECT number, experiment_id, image, sum(log_e) AS log_e
FROM ranker_bets
WHERE series = $1
GROUP BY number, experiment_id, image
ORDER BY number
"""

_NO_BET: dict[str, Any] = dict.fromkeys(
    ("post_a", "post_b", "expected", "variance", "difference")
)


@dataclass(frozen=True)
class Record:
    """The comparisons of one series of bets so far, in the order of recording.

    `log_e` is the evidence (ln e) of each comparison, 0 if no bet was placed on it.
    """

    series: str
    groups: tuple[Group, ...]
    log_e: tuple[float, ...]

    @property
    def proof(self) -> Proof:
        """Return the cumulative evidence after each comparison."""
        return Proof(np.cumsum(np.array(self.log_e, dtype=np.float64)))


@dataclass(frozen=True)
class NewBets:
    """The bets of one fit: new rows of `ranker_bets`, and the extended record."""

    rows: list[dict[str, Any]]
    record: Record


def read_record(con: Connection, series: str) -> Record:
    """Read the record of a series."""
    rows = fetch_dicts(con, _RECORDED, [series])
    groups = tuple((row["experiment_id"], row["image"]) for row in rows)
    return Record(series, groups, tuple(float(row["log_e"]) for row in rows))


def new_bets(
    record: Record,
    past: PastHooks,
    features: Features,
    settled: frozenset[str],
    now: datetime,
) -> NewBets:
    """Place bets on comparisons that are over and not in the record; write no rows.

    Each bet is placed by a ranker that was fitted on the record and on the new
    comparisons before this one, never on later ones. `settled` has the ids of
    experiments that are over; `features` belong to the hooks of `past`.
    """
    present = {group: number for number, group in enumerate(past.groups)}
    known = [group for group in record.groups if group in present]
    recorded = set(record.groups)
    fresh = [g for g in past.groups if g not in recorded and g[0] in settled]
    order = [*known, *fresh]
    here = _Here(past, features, [present[group] for group in order])
    rows: list[dict[str, Any]] = []
    log_e = list(record.log_e)
    for bets in here.bets(after=len(known)):
        number = len(log_e) + 1
        log_e.append(bets.log_e)
        shared = {
            "series": record.series,
            "experiment_id": order[bets.group][0],
            "image": order[bets.group][1],
            "number": number,
            "placed_at": now,
        }
        rows += [shared | row for row in here.rows(bets)]
    groups = (*record.groups, *fresh)
    return NewBets(rows, Record(record.series, groups, tuple(log_e)))


def record_bets(con: Connection, bets: NewBets) -> None:
    """Write new bets; recorded ones are never changed."""
    merge_rows(con, "ranker_bets", bets.rows, replace=False)


class _Here:
    """The comparisons that still have hooks, recorded and new, numbered from 0.

    `order` lists their positions in `past.groups`.
    """

    def __init__(self, past: PastHooks, features: Features, order: list[int]) -> None:
        place = np.full(len(past.groups), -1, dtype=np.int64)
        place[order] = np.arange(len(order))
        group = place[past.outcomes.group]
        self._rows = np.flatnonzero(group >= 0)
        self._past = past
        self._features: Mapping[str, Floats] = {
            name: block[self._rows] for name, block in features.items()
        }
        outcomes = past.outcomes.take(self._rows)
        self._outcomes = Outcomes(group[self._rows], outcomes.y, outcomes.variance)

    def bets(self, after: int) -> list[GroupBets]:
        """Return the bets on the comparisons from number `after` on."""
        group = self._outcomes.group
        if not group.size:
            return []
        events = np.array(self._past.events)[self._rows]
        trials = np.array(self._past.trials)[self._rows]
        return list(
            place_bets(
                self._features,
                self._outcomes,
                clusters(self._features[ENCODER], group),
                sound=sound_bets(group, events, trials),
                after=after,
            )
        )

    def rows(self, bets: GroupBets) -> list[dict[str, Any]]:
        """Return the rows of one comparison: one per pair.

        If no bet was placed, one row says why.
        """
        if not bets.pairs:
            member = int(np.flatnonzero(self._outcomes.group == bets.group)[0])
            row = {"pair": 0, "passed_over": bets.passed_over, "log_e": 0.0}
            return [_NO_BET | row | {"month": self._month(member)}]
        return [
            {
                "pair": n,
                "passed_over": None,
                "post_a": self._arm(pair.first).post_id,
                "post_b": self._arm(pair.second).post_id,
                "expected": pair.expected,
                "variance": pair.variance,
                "difference": pair.difference,
                "log_e": pair.log_e,
                "month": self._month(pair.first),
            }
            for n, pair in enumerate(bets.pairs, start=1)
        ]

    def _arm(self, row: int) -> PastArm:
        return self._past.hooks[int(self._rows[row])].arms[0]

    def _month(self, row: int) -> str | None:
        started = self._arm(row).started_at
        return None if started is None else f"{started:%Y-%m}"


def clusters(vectors: Floats, group: Ints) -> Ints:
    """Return a cluster number per group; groups with nearly equal hooks share one.

    `vectors` (arms, columns) are the encoder's, and `group` (arms) has the group number
    of each arm.
    """
    centre = vectors - vectors.mean(axis=0)
    near = near_duplicate_pairs(
        {str(n): row for n, row in enumerate(centre)}, NEAR_DUPLICATE_COSINE
    )
    groups = int(group.max(initial=-1)) + 1
    sets = DisjointSet(range(groups))
    for a, b in near:
        sets.merge(int(group[int(a)]), int(group[int(b)]))
    roots = [sets[n] for n in range(groups)]
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)
