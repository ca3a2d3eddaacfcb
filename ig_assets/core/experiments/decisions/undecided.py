"""Loads the undecided experiments: their arms, and their counts at whole days of age.

The arms of all experiments are numbered through, sorted by experiment and arm, as
`stats/decision_rule.py` expects them; columns are days of age 1 to 14.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from ig_assets.core.experiments.constants import UNKNOWN_SIGMA
from ig_assets.core.experiments.decisions.readings import counts_at_days, read_readings
from ig_assets.core.experiments.stats.decision_rule import (
    Bools,
    Ints,
    PreviousState,
    arm_pairs,
)
from ig_assets.core.experiments.stats.e_values import Floats
from ig_assets.core.identity import next_instant
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

READING_PERIOD = timedelta(days=28)
"""An organic experiment is over so long after its start or its last post."""

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

# `z` is that of the experiment's single look on z, which is spent for all pairs.
# `events_a` and so on are those of the latest look.
_PREVIOUS = """
SELECT s.experiment_id, s.arm_a, s.arm_b,
       max(coalesce(s.age_days, 0)) AS age_days,
       max(s.data_through) AS data_through,
       bool_or(k.experiment_id IS NOT NULL) AS z_taken,
       max(CASE WHEN s.data_through = k.data_through THEN s.z END) AS z,
       max(CASE WHEN s.log_rate_ratio > 0 THEN s.log_e ELSE 0 END) AS ahead_a,
       max(CASE WHEN s.log_rate_ratio < 0 THEN s.log_e ELSE 0 END) AS ahead_b,
       arg_max(s.events_a, s.data_through) AS events_a,
       arg_max(s.trials_a, s.data_through) AS trials_a,
       arg_max(s.events_b, s.data_through) AS events_b,
       arg_max(s.trials_b, s.data_through) AS trials_b
FROM evidence AS s
JOIN experiments AS e
  ON e.experiment_id = s.experiment_id
LEFT JOIN z_looks AS k
  ON k.experiment_id = s.experiment_id
WHERE e.status <> 'decided'
GROUP BY s.experiment_id, s.arm_a, s.arm_b
"""


class ArmPost(NamedTuple):
    """An arm of an undecided experiment: its post, and the words that are out."""

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

    `starts` (experiments + 1) delimits each experiment's arms in `arms`, `events` and
    `trials` (arms, 14), where NaN is an age without a figure. `is_final` marks
    experiments whose readings are all final ones (imports: readings without an age),
    which count as day 14, and `is_running` those of them whose audience is still being
    divided, as their import said. `randomised` are those whose split can be tested.
    `before` is what earlier looks left behind; an experiment with final readings is
    re-evaluated for newer counts or another arm, and once it is over.
    `last_as_of` and `last_observed` are of each arm's latest reading, `read_until` of
    any post's; `evaluated_through` is the latest look by experiment.
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

    def arms_of(self, i: int) -> range:
        """The numbers of experiment `i`'s arms."""
        return range(int(self.starts[i]), int(self.starts[i + 1]))

    def data_through(self, i: int, day: int) -> datetime | None:
        """The time up to which data were used for experiment `i` at `day`.

        That is when the arm that was published last reached the age of `day` whole
        days. For final readings it is the time of the latest one; an evaluation of
        raised counts has a later time than the one before. None where no arm is
        published or has a reading.
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
        """The time of the latest of experiment `i`'s looks, new or earlier."""
        days = np.flatnonzero(evaluated)
        if days.size:
            return self.data_through(i, int(days[-1]) + 1)
        return self.evaluated_through.get(self.ids[i])

    def is_over(self, i: int, now: datetime) -> bool:
        """Whether experiment `i` can get no further comparable reading.

        That is 28 days after its start or its last post, whichever is later. The
        clock alone does not end an experiment with posts: engagement must have
        been read that far, so that a backfill is not overtaken by the present.
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
    """Read all that is undecided, in four statements."""
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
    known, evaluated_through = _known_pairs(con)
    before = _previous_state(known, ids, arms, starts)
    # The same final counts are not evaluated twice while their test is running.
    seen = _seen(known, ids, arms, starts, events[:, -1], trials[:, -1])
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
    )


Known = dict[tuple[str, str, str], dict[str, Any]]


def _known_pairs(con: Connection) -> tuple[Known, dict[str, datetime]]:
    """What is known of each evaluated pair, and the latest look by experiment."""
    known: Known = {}
    through: dict[str, datetime] = {}
    for row in fetch_dicts(con, _PREVIOUS):
        key = row["experiment_id"]
        known[key, row["arm_a"], row["arm_b"]] = row
        if row["data_through"] is not None:
            last = through.get(key, row["data_through"])
            through[key] = max(last, row["data_through"])
    return known, through


def _previous_state(
    known: Known, ids: list[str], arms: list[ArmPost], starts: Ints
) -> PreviousState:
    """What earlier looks left behind."""
    pairs = arm_pairs(starts)
    state = PreviousState(
        np.zeros(len(ids)),
        np.zeros(len(ids), dtype=np.bool_),
        *np.zeros((3, pairs.a.size)),
    )
    for pair, (i, a, b) in enumerate(zip(*pairs, strict=True)) if known else ():
        found = known.get((ids[i], arms[a].arm, arms[b].arm))
        if found is not None:
            state.until[i] = max(state.until[i], found["age_days"])
            state.z_taken[i] |= found["z_taken"]
            state.ahead_a[pair] = found["ahead_a"]
            state.ahead_b[pair] = found["ahead_b"]
            state.z[pair] = found["z"] or 0.0
    return state


def _seen(
    known: Known,
    ids: list[str],
    arms: list[ArmPost],
    starts: Ints,
    events: Floats,
    trials: Floats,
) -> Bools:
    """Whether the latest look was at these counts (arms), of every arm."""
    seen = np.diff(starts) > 1
    for i, a, b in zip(*arm_pairs(starts), strict=True) if known else ():
        found = known.get((ids[i], arms[a].arm, arms[b].arm))
        seen[i] &= found is not None and (
            (found["events_a"], found["trials_a"]) == (events[a], trials[a])
            and (found["events_b"], found["trials_b"]) == (events[b], trials[b])
        )
    return seen if known else np.zeros(len(ids), dtype=np.bool_)
