"""Finds experiments whose arms' counts were all read at one time.

Only such counts show how an audience was divided. After a partial export, one arm's
counts are newer than another's, so they differ although the split has no fault. Counts
at a day of age are compared at equal age and need no such check.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from ig_assets.core.experiments.decisions.undecided import UndecidedExperiments
from ig_assets.core.experiments.stats.sample_ratio import LOG_E_ALARM
from ig_assets.warehouse.warehouse import Connection

ONE_DAY = timedelta(days=1)
ONE_IMPORT = timedelta(seconds=1)
"""Largest difference of `observed_at` between readings of one import.

Repeated readings may be further apart.
"""

_TIMES_READ = """
SELECT g.post_id, list(DISTINCT g.observed_at)
FROM engagement AS g
JOIN posts AS p
  ON p.post_id = g.post_id
JOIN experiments AS e
  ON e.experiment_id = p.experiment_id
 AND e.denominator = g.metric
WHERE g.age_hours IS NULL
  AND list_contains(?::TEXT[], e.experiment_id)
GROUP BY g.post_id
"""

_ALARMS = """
SELECT experiment_id
FROM judged_splits
WHERE split_log_e >= ?
"""


class OneReading(NamedTuple):
    """Indices of the experiments whose split can be judged from their counts.

    `whole`: the counts of all arms are of one reading. `alarmed`: the split has raised
    an alarm, the arms came in separate files, and one arm was read more often than
    another. The counts of `alarmed` experiments may be of different times, so that
    uneven counts prove nothing; even counts clear the alarm.
    """

    whole: set[int]
    alarmed: set[int]


def of_one_reading(
    con: Connection, ex: UndecidedExperiments, which: Iterable[int]
) -> OneReading:
    """Return the experiments in `which` whose split can be judged.

    Counts at days of age can always be judged. Final readings must be at most a day
    apart. They must also come from one import, or belong to a test that is over and
    whose arms were all read equally often. (While a test runs, its audience grows
    between the file of one arm and that of the next.) Counts of one import can only be
    corrected by an import of all arms.
    """
    found, alarmed, apart = set(), set(), []
    for i in which:
        arms = ex.arms_of(i)
        if not ex.is_final[i]:
            found.add(i)
        elif _within([ex.last_as_of[a] for a in arms], ONE_DAY):
            if _within([ex.last_observed[a] for a in arms], ONE_IMPORT):
                found.add(i)
            elif not ex.is_running[i]:
                apart.append(i)
    if apart:
        ids = [ex.ids[i] for i in apart]
        times = dict(con.execute(_TIMES_READ, [ids]).fetchall())
        alarms = {key for (key,) in con.execute(_ALARMS, [LOG_E_ALARM]).fetchall()}
        for i in apart:
            read = [times.get(ex.arms[a].post_id, []) for a in ex.arms_of(i)]
            if len({len(instants) for instants in read}) == 1:
                found.add(i)
            elif ex.ids[i] in alarms and not set.intersection(*map(set, read)):
                alarmed.add(i)
    return OneReading(found, alarmed)


def _within(times: list[datetime | None], span: timedelta) -> bool:
    known = [time for time in times if time is not None]
    return len(known) == len(times) and max(known) - min(known) <= span
