"""Lists the split tests: budget, amount spent, state and verdict."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ig_assets.core.experiments.reports.verdict import experiment_rows
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

# `spent` sums what the vendor last reported for each ad; NULL before the first report.
_SPLITS = """
SELECT s.split_id, s.of_experiment_id, s.experiment_id, t.topic, s.status, s.budget,
       s.currency, sum(x.value) AS spent, s.countries, s.min_age, s.max_age,
       s.custom_audiences, s.starts_at, s.ends_at, s.started_at, s.stopped_at
FROM split_tests AS s
LEFT JOIN experiments AS e
  ON e.experiment_id = s.of_experiment_id
LEFT JOIN topics AS t
  ON t.month = e.month
 AND t.topic_id = e.topic_id
LEFT JOIN posts AS p
  ON p.experiment_id = s.experiment_id
LEFT JOIN latest_readings AS x
  ON x.post_id = p.post_id
 AND x.metric = 'spend'
GROUP BY ALL
ORDER BY max(s.planned_at) DESC, s.split_id
"""

_STATES = {
    "planned": "not all of it is made; plan it again",
    "paused": "all is made and paused; `ig-assets split start` lets it run",
    "starting": "may be running; start or stop it again",
    "running": "running",
    "stopping": "may be running; stop it again",
    "stopped": "stopped",
}


def ad_study_rows(con: Connection, now: datetime) -> list[dict[str, Any]]:
    """Return the split tests, newest first, with a `state` and a `verdict` in words.

    `budget` and `spent` are in `currency`. The rows contain no script text.
    """
    rows = fetch_dicts(con, _SPLITS)
    ids = [row["experiment_id"] for row in rows]
    found = experiment_rows(con, len(ids), experiment_ids=ids)
    verdicts = {one["experiment_id"]: one["verdict"] for one in found}
    for row in rows:
        row["state"] = _state(row, now)
        row["verdict"] = _verdict(row, verdicts.get(row["experiment_id"]))
    return rows


def _state(row: dict[str, Any], now: datetime) -> str:
    if now >= row["ends_at"]:
        if row["status"] == "running":
            return "over; its figures are still read"
        if row["status"] in ("planned", "paused"):
            return "its time is over; it never ran"
    return _STATES[row["status"]]


def _verdict(row: dict[str, Any], of_experiment: str | None) -> str:
    """Return the experiment's verdict, or a sentence that no ad was shown yet."""
    if row["started_at"] is None or of_experiment is None:
        return "Nothing was shown yet."
    return of_experiment
