"""Lists the winners, and writes each post's counts to its script's performance.

It writes only the table `script_performance`; the corpus sync promotes winners to
scripts (`core/corpus/library/winners.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, cast

import numpy as np

from ig_assets.core.experiments.constants import ADS
from ig_assets.core.experiments.stats.e_values import LARGEST_LOG_E, shrunken_interval
from ig_assets.core.ports import Clock
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

_WINNERS = """
SELECT d.experiment_id, d.decided_at, d.decision, d.winner_arm AS arm,
       d.winner_variant_id AS variant_id, d.winner_script_id AS script_id,
       d.winner_revision_hash AS revision_hash, d.reason, d.lift, d.shrunken_lift,
       d.data_through, h.cause AS held_by, n.log_e, n.z, n.rule, e.month,
       e.topic_id, e.segment, e.numerator, e.denominator, e.sigma, e.simulated,
       p.post_id,
       coalesce(p.hook_style, s.hook_style) AS hook_style,
       coalesce(t.topic, s.topic) AS topic,
       coalesce(t.language, s.language) AS language,
       coalesce(c.hook, v.hook, s.hook) AS hook,
       coalesce(c.body, v.body, s.body) AS body,
       coalesce(c.call_to_action, v.call_to_action, s.call_to_action)
           AS call_to_action,
       coalesce(c.text, v.text, s.text) AS text
FROM won_decisions AS d
JOIN experiments AS e
  ON e.experiment_id = d.experiment_id
JOIN posts AS p
  ON p.experiment_id = d.experiment_id
 AND p.arm = d.winner_arm
LEFT JOIN standings AS n
  ON n.experiment_id = d.experiment_id
 AND n.data_through = d.data_through
LEFT JOIN held_winners AS h
  ON h.experiment_id = d.experiment_id
LEFT JOIN topics AS t
  ON t.month = e.month
 AND t.topic_id = e.topic_id
LEFT JOIN variants AS v
  ON v.variant_id = d.winner_variant_id
LEFT JOIN latest_edits AS c
  ON c.post_id = p.post_id
LEFT JOIN scripts AS s
  ON s.script_id = d.winner_script_id
 AND s.revision_hash = d.winner_revision_hash
ORDER BY d.decided_at, d.experiment_id
"""

_FINAL_EVIDENCE = """
SELECT s.experiment_id, s.arm_a, s.arm_b, s.log_rate_ratio, s.variance
FROM evidence AS s
JOIN won_decisions AS d
  ON d.experiment_id = s.experiment_id
 AND d.data_through = s.data_through
WHERE d.winner_arm IN (s.arm_a, s.arm_b)
ORDER BY s.experiment_id, s.arm_a, s.arm_b
"""

_LOSERS = """
SELECT d.experiment_id, p.post_id, p.arm, p.variant_id, p.script_id,
       p.published_revision_hash AS revision_hash
FROM won_decisions AS d
JOIN posts AS p
  ON p.experiment_id = d.experiment_id
WHERE p.status = 'published'
  AND p.arm <> d.winner_arm
  AND p.duplicate_of IS NULL
ORDER BY d.experiment_id, p.arm
"""

_FIGURES = f"""
WITH published AS (
    SELECT p.post_id, s.script_id, s.revision_hash
    FROM posts AS p
    JOIN scripts AS s
      ON s.script_id = p.script_id
     AND s.revision_hash = p.published_revision_hash
    UNION
    SELECT p.post_id, s.script_id, s.revision_hash
    FROM posts AS p
    JOIN scripts AS s
      ON s.variant_id = p.variant_id
     AND s.origin = 'winner'
),
figures AS (
    SELECT k.post_id,
           max(k.as_of) AS as_of,
           max(CASE WHEN k.metric IN ('views', 'impressions')
                    THEN k.value END) AS views,
           max(CASE WHEN k.metric = 'reach' THEN k.value END) AS reach,
           max(CASE WHEN k.metric = 'likes' THEN k.value END) AS likes,
           max(CASE WHEN k.metric = 'comments' THEN k.value END) AS comments,
           max(CASE WHEN k.metric = 'shares' THEN k.value END) AS shares,
           max(CASE WHEN k.metric IN ('saved', 'saves')
                    THEN k.value END) AS saves,
           max(CASE WHEN k.metric = e.numerator THEN k.value END) AS events,
           max(CASE WHEN k.metric = e.denominator THEN k.value END) AS trials
    FROM latest_readings AS k
    JOIN posts AS p
      ON p.post_id = k.post_id
    JOIN experiments AS e
      ON e.experiment_id = p.experiment_id
    GROUP BY k.post_id
)
SELECT s.script_id, s.revision_hash,
       concat(p.platform, '/', p.post_id) AS source, f.as_of,
       f.views, f.reach, f.likes, f.comments, f.shares, f.saves,
       CASE WHEN f.trials > 0 THEN f.events / f.trials END AS rate
FROM figures AS f
JOIN posts AS p
  ON p.post_id = f.post_id
JOIN published AS s
  ON s.post_id = f.post_id
WHERE p.platform NOT IN ('history', '{ADS}')
  AND NOT EXISTS (
    SELECT 1
    FROM script_performance AS old
    WHERE old.script_id = s.script_id
      AND old.revision_hash = s.revision_hash
      AND old.source = concat(p.platform, '/', p.post_id)
      AND old.as_of >= f.as_of
)
ORDER BY s.script_id, source
"""


class LoserRow(TypedDict):
    """An arm that lost to a winner, with the words that were published."""

    experiment_id: str
    post_id: str
    arm: str
    variant_id: str | None
    script_id: str | None
    revision_hash: str | None


class WinnerRow(TypedDict):
    """One row per experiment with a winner; see `winning_scripts`."""

    experiment_id: str
    decided_at: datetime
    decision: str
    arm: str
    variant_id: str | None
    script_id: str | None
    revision_hash: str | None
    reason: str
    lift: float | None
    shrunken_lift: float | None
    shrunken_low: float | None
    shrunken_high: float | None
    evidence: float | None
    z: float | None
    rule: str | None
    held_by: str | None
    data_through: datetime | None
    month: str
    topic_id: str | None
    segment: str | None
    numerator: str
    denominator: str
    sigma: float | None
    simulated: bool
    post_id: str
    hook_style: str | None
    topic: str | None
    language: str | None
    hook: str | None
    body: str | None
    call_to_action: str | None
    text: str | None
    losers: list[LoserRow]


@dataclass(frozen=True)
class WinnersSummary:
    """Numbers over all experiments; `performance_rows` were written by this call.

    `held` is the number of winners that are displayed but not used (`held_winners`).
    """

    winners: int
    provisional: int
    losers: int
    performance_rows: int
    held: int = 0


def record_winners(warehouse: Warehouse, clock: Clock) -> WinnersSummary:
    """Write the latest performance of each script, and count winners and losers.

    A post belongs to a script if it names the script, or if its variant was promoted to
    the script. `rate` is the experiment's numerator over its denominator. There is one
    row per post and reading; earlier rows are kept. Posts of imported history are
    skipped, since the import has written their sums per script. Ads are skipped: Meta
    allows only aggregate use of their figures.
    """
    with warehouse.transaction() as con:
        rows = fetch_dicts(con, _FIGURES)
        merge_rows(con, "script_performance", rows, replace=False)
        won = con.execute("SELECT decision FROM won_decisions").fetchall()
        losers = len(con.execute(_LOSERS).fetchall())
        held = len(con.execute("SELECT 1 FROM held_winners").fetchall())
    return WinnersSummary(
        won.count(("winner",)), won.count(("provisional",)), losers, len(rows), held
    )


def winning_scripts(con: Connection) -> list[WinnerRow]:
    """Return one row per experiment with a (provisional) winner, oldest first.

    `lift` is a ratio minus 1 over the runner-up; `shrunken_lift` and its central 95 %
    interval, `shrunken_low` to `shrunken_high`, are on the log scale. `evidence` (the
    winner's e-value over its rival), `z` and `rule` are from the standing of the
    deciding look. `held_by` says why a winner is not used; `losers` are the other arms.
    The text columns are for promotion and training, never for logs or metadata.
    """
    winners = fetch_dicts(con, _WINNERS)
    pairs = _by_experiment(fetch_dicts(con, _FINAL_EVIDENCE))
    losers = _by_experiment(fetch_dicts(con, _LOSERS))
    rows = [
        {
            **row,
            **_interval(row["arm"], pairs.get(row["experiment_id"], [])),
            "evidence": _e_value(row.pop("log_e")),
            "losers": losers.get(row["experiment_id"], []),
        }
        for row in winners
    ]
    return cast(list[WinnerRow], rows)


def _by_experiment(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["experiment_id"], []).append(row)
    return grouped


def _e_value(log_e: float | None) -> float | None:
    return None if log_e is None else float(np.exp(min(LARGEST_LOG_E, log_e)))


def _interval(arm: str, pairs: list[dict[str, Any]]) -> dict[str, float | None]:
    """Return the 95 % interval of the shrunken lift over the runner-up, log scale."""
    known = [p for p in pairs if p["log_rate_ratio"] is not None]
    if not known:
        return {"shrunken_low": None, "shrunken_high": None}
    over = [
        p["log_rate_ratio"] if p["arm_a"] == arm else -p["log_rate_ratio"]
        for p in known
    ]
    nearest = int(np.argmin(over))
    low, high = shrunken_interval(over[nearest], known[nearest]["variance"])
    return {"shrunken_low": float(low), "shrunken_high": float(high)}
