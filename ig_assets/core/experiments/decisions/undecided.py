"""Loads the undecided experiments: their arms, and their counts at whole days of age.

The arms of all experiments are numbered consecutively, sorted by experiment and arm, as
`stats/decision_rule.py` expects them; columns are days of age 1 to 14.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from ig_assets.core.experiments.constants import UNKNOWN_SIGMA
from ig_assets.core.experiments.decisions.previous_looks import (
    known_pairs,
    lowered_arms,
    previous_state,
    seen_before,
)
from ig_assets.core.experiments.decisions.readings import counts_at_days, read_readings
from ig_assets.core.experiments.stats.decision_rule import (
    Bools,
    Ints,
    PreviousState,
)
from ig_assets.core.experiments.stats.e_values import Floats
from ig_assets.core.identity import next_instant
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

READING_PERIOD = timedelta(days=28)
"""Time from an organic experiment's start, or its last post, until it is over.

The later of the two counts.
"""

_ARMS = """
SELECT e.experiment_id, e.sigma, e.randomised, e.ends_at,
       coalesce(e.is_running, FALSE) AS is_running,
       p.arm, p.post_id, p.variant_id, p.script_id, p.published_at,
       p.published_revision_hash AS revision_hash, p.status
FROM experiments AS e
LEFT JOIN posts AS p
  ON p.experiment_id = e.experiment_id
 AND p.status IS DISTINCT FROM 'failed'
 AND p.duplicate_of IS NULL
WHERE e.status <> 'decided'
ORDER BY e.experiment_id, p.arm, p.post_id
"""


class ArmPost(NamedTuple):
    """An arm of an undecided experiment: its post, and which words were published."""

    arm: str
    post_id: str
    variant_id: str | None
    script_id: str | None
    revision_hash: str | None
    status: str
    published_at: datetime | None


@dataclass(frozen=True)
class UndecidedExperiments:
    """Undecided experiments, one per entry of `ids`, and their arms.

    The arms of experiment i are `starts[i]` to `starts[i + 1] - 1` of `arms`, `events`
    and `trials`; `starts` has shape (experiments + 1). `events` and `trials` (arms, 14)
    are NaN at ages without a value. `is_final` marks experiments with final readings
    only (imports: readings without an age), which count as day 14; `is_running` marks
    those imports whose audience is still being divided. `randomised` marks experiments
    whose split can be tested. `before` is the state after earlier looks. An experiment
    with final readings is evaluated again if it has newer counts or another arm, and
    once it is over.

    `last_as_of` and `last_observed` (arms) are the times of each arm's latest reading
    and of its storage; `read_until` is the latest reading of all posts.
    `evaluated_through` is {experiment id: latest look}, and `lowered` {experiment id:
    arms whose final count fell since a look}.
    """

    ids: list[str]
    sigma: Floats
    ends_at: list[datetime | None]
    starts: Ints
    arms: list[ArmPost]
    events: Floats
    trials: Floats
    is_final: Bools
    is_running: Bools
    randomised: Bools
    before: PreviousState
    last_as_of: list[datetime | None]
    last_observed: list[datetime | None]
    read_until: datetime | None
    evaluated_through: dict[str, datetime]
    lowered: dict[str, list[str]]

    def arms_of(self, i: int) -> range:
        """The positions of experiment `i`'s arms in `arms`."""
        return range(int(self.starts[i]), int(self.starts[i + 1]))

    def data_through(self, i: int, day: int) -> datetime | None:
        """Return the time up to which data were used for experiment `i` at `day`.

        This is when the arm that was published last reached an age of `day` whole days.
        For final readings it is the time of the latest reading, or just after the
        previous look if that is later. None if no arm is published or has a reading.
        """
        arms = self.arms_of(i)
        if self.is_final[i]:
            before = self.evaluated_through.get(self.ids[i])
            known = self.last_as_of if before is None else self.last_observed
            last = max((t for a in arms if (t := known[a]) is not None), default=None)
            return last if last is None else next_instant(last, before)
        births = [b for a in arms if (b := self.arms[a].published_at) is not None]
        return max(births) + timedelta(days=day) if births else None

    def latest_look(self, evaluated: Bools, i: int) -> datetime | None:
        """Return the time of experiment `i`'s latest look, new or earlier.

        `evaluated` (days) marks its new looks.
        """
        days = np.flatnonzero(evaluated)
        if days.size:
            return self.data_through(i, int(days[-1]) + 1)
        return self.evaluated_through.get(self.ids[i])

    def is_over(self, i: int, now: datetime) -> bool:
        """Return whether experiment `i` can get no further comparable reading.

        An experiment is over 28 days after its start or its last post, whichever is
        later. If it has posts, engagement must also have been read up to that time, so
        that a backfill reads everything before a decision.
        """
        if self.is_running[i]:
            return False
        end = self.ends_at[i]
        if self.is_final[i] or end is None:
            return True
        arms = [self.arms[a] for a in self.arms_of(i)]
        if any(arm.status in ("approved", "ambiguous") for arm in arms):
            return False
        births = [arm.published_at for arm in arms if arm.published_at is not None]
        if len(births) < len(arms) or not arms:
            return now >= end
        if self.read_until is None:
            return False
        last = max(end, max(births) + READING_PERIOD)
        return bool(min(now, self.read_until) >= last)


def load_undecided(con: Connection) -> UndecidedExperiments:
    """Read all undecided experiments, with their counts and earlier looks."""
    ids: list[str] = []
    sizes: list[int] = []
    sigma: list[float] = []
    ends_at: list[datetime | None] = []
    flags: list[tuple[bool, bool]] = []
    arms: list[ArmPost] = []
    for row in fetch_dicts(con, _ARMS):
        if not ids or ids[-1] != row["experiment_id"]:
            ids.append(row["experiment_id"])
            sizes.append(0)
            unknown = 0.0 if row["randomised"] else UNKNOWN_SIGMA
            sigma.append(unknown if row["sigma"] is None else row["sigma"])
            ends_at.append(row["ends_at"])
            flags.append((row["is_running"], bool(row["randomised"])))
        if row["post_id"] is not None:
            sizes[-1] += 1
            arms.append(ArmPost(*(row[name] for name in ArmPost._fields)))
    starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)
    readings = read_readings(con, [arm.post_id for arm in arms], starts)
    events, trials = counts_at_days(readings)
    running, randomised = np.array(flags, dtype=np.bool_).reshape(-1, 2).T
    known, evaluated_through = known_pairs(con)
    labels = [arm.arm for arm in arms]
    finals = np.where(
        np.repeat(readings.is_final, np.diff(starts))[:, None],
        np.stack([events[:, -1], trials[:, -1]], axis=1),
        np.nan,
    )
    before = previous_state(known, ids, labels, starts, finals)
    # The same final counts are not evaluated twice while their test is running.
    seen = seen_before(known, ids, labels, starts, events[:, -1], trials[:, -1])
    before.until[readings.is_final & running & seen] = events.shape[1]
    ((read_until,),) = con.execute(
        "SELECT max(as_of) FROM engagement WHERE age_hours IS NOT NULL"
    ).fetchall()
    return UndecidedExperiments(
        ids=ids,
        sigma=np.array(sigma, dtype=np.float64),
        ends_at=ends_at,
        starts=starts,
        arms=arms,
        events=events,
        trials=trials,
        is_final=readings.is_final,
        is_running=running,
        randomised=randomised,
        before=before,
        last_as_of=readings.last_as_of,
        last_observed=readings.last_observed,
        read_until=read_until,
        evaluated_through=evaluated_through,
        lowered=lowered_arms(known, ids, labels, starts, finals),
    )
