"""Records the standing after a look at an experiment: leader, evidence and rule.

Each evaluated look leaves one row of `standings`. Verdicts, JSON, pictures and lineage
all read that row, so they always name the arm and the rule of the decision.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypedDict

import numpy as np

from ig_assets.core.experiments.decisions.one_reading import of_one_reading
from ig_assets.core.experiments.decisions.undecided import UndecidedExperiments
from ig_assets.core.experiments.stats.decision_rule import (
    FINAL_DAY,
    PROVISIONAL,
    WINNER,
    Bools,
    Ints,
    SequentialResult,
)
from ig_assets.core.experiments.stats.e_values import Floats
from ig_assets.core.experiments.stats.sample_ratio import (
    LOG_E_ALARM,
    sample_ratio_log_e,
)
from ig_assets.warehouse.warehouse import Connection

Rule = Literal["e", "z", "lift", "none", "repeated z"]
"""The basis of a decision: e-values, z, shrunken lift, or none.

'e': e-values alone. 'z': the z-test of at least one pair, which is made once. 'lift':
the shrunken lift (a provisional winner). 'none': no decision. 'repeated z': a second
z-test, which an earlier version could make; a migration has marked these.
"""

_SPLITS = """
SELECT experiment_id, max(split_log_e)
FROM standings
WHERE split_log_e IS NOT NULL
  AND list_contains(?::TEXT[], experiment_id)
GROUP BY experiment_id
"""


class StandingRow(TypedDict):
    """One row of `standings`: one look at one experiment.

    `leader_arm` has the highest rate and `runner_up_arm` the next; `lead` is the log
    rate ratio between them (None if a rate is zero). `rival_arm` is the arm against
    which the leader has the least evidence. `log_e` is the running maximum of ln e over
    the looks at which the leader was ahead of the rival; it is 0 if the leader is not
    ahead now. `z` compares leader and rival in the experiment's single z-test, None
    before that test.

    `split_log_e` is ln e against an even split. For final counts it is the value at
    this look, since a later reading may correct them; otherwise it is the highest value
    so far. It is None if the experiment is not randomised, or if the arms' counts are
    not of one reading, unless they clear an alarm (`one_reading.py`).
    """

    experiment_id: str
    data_through: datetime | None
    age_days: float | None
    leader_arm: str
    runner_up_arm: str
    rival_arm: str
    lead: float | None
    log_e: float
    z: float | None
    rule: Rule
    split_log_e: float | None


def standing_rows(
    con: Connection, ex: UndecidedExperiments, found: SequentialResult
) -> list[StandingRow]:
    """Return one row per experiment and new look, by experiment and then by age."""
    looks = np.argwhere(found.evaluated)
    if not looks.size:
        return []
    splits = _split_log_e(con, ex, looks)
    n = len(ex.ids)
    first = np.searchsorted(found.pair_experiment, np.arange(n + 1))
    return [
        _standing(ex, found, slice(int(first[i]), int(first[i + 1])), i, column, split)
        for (i, column), split in zip(looks.tolist(), splits, strict=True)
    ]


def _standing(
    ex: UndecidedExperiments,
    found: SequentialResult,
    pairs: slice,
    i: int,
    column: int,
    split_log_e: float | None,
) -> StandingRow:
    arms = np.array(ex.arms_of(i))
    trials = ex.trials[arms, column]
    rates = np.where(trials > 0, ex.events[arms, column] / np.maximum(trials, 1), 0.0)
    order = arms[np.argsort(-rates, kind="stable")]
    leader = int(order[0])
    a, b = found.arm_a[pairs], found.arm_b[pairs]
    mine = np.flatnonzero((a == leader) | (b == leader))
    is_a = a[mine] == leader
    rivals = np.where(is_a, b[mine], a[mine])
    sign = np.where(is_a, 1.0, -1.0)
    d = sign * found.log_rate_ratio[pairs, column][mine]
    ahead = np.where(
        is_a, found.ahead_a[pairs, column][mine], found.ahead_b[pairs, column][mine]
    )
    log_e = np.where(d > 0, ahead, 0.0)
    weakest = int(np.argmin(log_e))
    lead = d[rivals == order[1]][0]
    z = float(sign[weakest] * found.z_valid[pairs][mine][weakest])
    day = column + 1
    z_taken = ex.before.z_taken[i] or (found.z_look[i] and day == FINAL_DAY)
    return {
        "experiment_id": ex.ids[i],
        "data_through": ex.data_through(i, day),
        "age_days": None if ex.is_final[i] else float(day),
        "leader_arm": ex.arms[leader].arm,
        "runner_up_arm": ex.arms[int(order[1])].arm,
        "rival_arm": ex.arms[int(rivals[weakest])].arm,
        "lead": None if np.isnan(lead) else float(lead),
        "log_e": float(log_e[weakest]),
        "z": z if z_taken and z else None,
        "rule": _rule(found, i) if found.decided_on[i] == day else "none",
        "split_log_e": split_log_e,
    }


def _rule(found: SequentialResult, i: int) -> Rule:
    if found.decision[i] == WINNER:
        return "e" if found.by_e[i] else "z"
    return "lift" if found.decision[i] == PROVISIONAL else "none"


def _split_log_e(
    con: Connection, ex: UndecidedExperiments, looks: Ints
) -> list[float | None]:
    """Return `StandingRow.split_log_e` for each of the looks (experiment, column)."""
    sizes = np.diff(ex.starts)[looks[:, 0]]
    log_e: Floats = np.full(len(looks), np.nan)
    randomised = np.unique(looks[ex.randomised[looks[:, 0]], 0])
    whole, alarmed = of_one_reading(con, ex, randomised.tolist())
    tested: Bools = np.isin(looks[:, 0], sorted(whole | alarmed))
    for size in np.unique(sizes[tested]):
        which = np.flatnonzero(tested & (sizes == size))
        arms = ex.starts[looks[which, 0]][:, None] + np.arange(size)
        log_e[which] = sample_ratio_log_e(ex.trials[arms, looks[which, 1][:, None]])
    log_e[np.isin(looks[:, 0], sorted(alarmed)) & (log_e >= LOG_E_ALARM)] = np.nan
    ids = sorted({ex.ids[i] for i in looks[tested, 0]})
    highest = dict(con.execute(_SPLITS, [ids]).fetchall())
    found: list[float | None] = []
    for (i, _), value in zip(looks.tolist(), log_e.tolist(), strict=True):
        if np.isnan(value):
            found.append(None)
            continue
        key = ex.ids[i]
        before = value if ex.is_final[i] else highest.get(key, value)
        highest[key] = max(value, before)
        found.append(highest[key])
    return found
