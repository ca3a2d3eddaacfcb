"""Chooses which of a topic's hooks are posted: the ranker's best and a random one.

The random one is drawn first, among all hooks, so that the lead of the ranker's hooks
over it measures the ranker's benefit (`lift.py`). The decision rule uses counts alone.
Each choice is recorded before posts are planned from it, and is never made again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from ig_assets.core.identity import seeded_unit
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.models.ranker.scoring import LoadedRanker, load_ranker
from ig_assets.core.models.ranker.vectors import features_of
from ig_assets.core.models.registry import choosing_ranker
from ig_assets.core.ports import Clock, HookEncoder
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

POSTED = 3
"""Default number of hooks that a topic posts: two chosen, one drawn."""
BEST, RANDOM, NOT_POSTED = "best", "random", "not posted"

# Usable variants of topics without posts and without a choice. Trials and controls are
# compared with arm a, so their topics are posted as they were planned.
_CANDIDATES = """
SELECT v.topic_id, v.variant_id, v.hook, t.arms
FROM variants AS v
JOIN topics AS t
  ON t.month = v.month
 AND t.topic_id = v.topic_id
ANTI JOIN withdrawn_topics AS w
  ON w.month = v.month
 AND w.topic_id = v.topic_id
ANTI JOIN experiments AS e
  ON e.month = v.month
 AND e.topic_id = v.topic_id
ANTI JOIN hook_choices AS c
  ON c.month = v.month
 AND c.topic_id = v.topic_id
WHERE v.month = $1
  AND v.rejection IS NULL
  AND v.topic_id NOT IN (
      SELECT topic_id
      FROM drafts
      WHERE month = $1 AND (coalesce(is_canary, FALSE) OR coalesce(is_control, FALSE))
  )
ORDER BY v.topic_id, v.arm, v.variant_id
"""


@dataclass(frozen=True)
class ChoiceSummary:
    """The numbers of topics, of their hooks and of the posted hooks.

    Without a proven ranker `model_id` is None, and `note` says why all hooks were drawn
    at random.
    """

    topics: int
    hooks: int
    posted: int
    model_id: str | None = None
    note: str | None = None


def choose_hooks(
    warehouse: Warehouse,
    clock: Clock,
    encoder: HookEncoder,
    month: str,
    *,
    seed: int,
    run_id: str | None = None,
) -> ChoiceSummary:
    """Choose which hooks are posted, for topics that have more hooks than posts.

    Without a proven ranker the posted hooks are drawn at random.
    """
    with warehouse.transaction() as con:
        topics = _candidates(con, month)
    if not topics:
        return ChoiceSummary(0, 0, 0)
    loaded, note = _ranker(warehouse, clock, encoder)
    now = clock.now()
    rows: list[dict[str, Any]] = []
    expected: Mapping[str, float] = {}
    if loaded is not None:
        everything = [one for found in topics.values() for one in found]
        expected = _expected(loaded, warehouse, clock, encoder, everything)
    for topic_id, found in topics.items():
        rows += _choice(found, expected, seed, (month, topic_id), now)
    model_id = None if loaded is None else loaded.model.model_id
    rows = [row | {"model_id": model_id} for row in rows]
    with warehouse.transaction() as con:
        merge_rows(con, "hook_choices", rows, replace=False)
        if model_id is not None:
            chosen = [row["variant_id"] for row in rows if row["role"] == BEST]
            edges = [Edge("variant", v, "model", model_id, "chosen_by") for v in chosen]
            record_edges(con, edges, run_id, now)
    posted = sum(row["role"] != NOT_POSTED for row in rows)
    return ChoiceSummary(len(topics), len(rows), posted, model_id, note)


def _candidates(con: Connection, month: str) -> dict[str, list[dict[str, Any]]]:
    """Return {topic: hooks} of topics with more hooks than posts."""
    topics: dict[str, list[dict[str, Any]]] = {}
    for row in fetch_dicts(con, _CANDIDATES, [month]):
        topics.setdefault(row["topic_id"], []).append(row)
    return {t: rows for t, rows in topics.items() if len(rows) > _posted(rows)}


def _posted(rows: Sequence[Mapping[str, Any]]) -> int:
    return int(rows[0]["arms"] or POSTED)


def _ranker(
    warehouse: Warehouse, clock: Clock, encoder: HookEncoder
) -> tuple[LoadedRanker | None, str | None]:
    """Return (proven ranker, None), or (None, why no ranker may choose)."""
    with warehouse.transaction() as con:
        proven = choosing_ranker(con)
    if proven is None:
        return None, "there is no proven ranker"
    try:
        return load_ranker(warehouse, clock, encoder), None
    except InputError as error:
        return None, str(error)


def _expected(
    loaded: LoadedRanker,
    warehouse: Warehouse,
    clock: Clock,
    encoder: HookEncoder,
    rows: Sequence[Mapping[str, Any]],
) -> dict[str, float]:
    """Return {variant id: expected log lift over an average past hook}."""
    hooks = [" ".join(row["hook"].split()) for row in rows]
    features = features_of(warehouse, clock, encoder, hooks)
    means = loaded.ranker.against_average(features).mean
    return {row["variant_id"]: float(m) for row, m in zip(rows, means, strict=True)}


def _choice(
    rows: Sequence[Mapping[str, Any]],
    expected: Mapping[str, float],
    seed: int,
    topic: tuple[str, str],
    now: datetime,
) -> list[dict[str, Any]]:
    """Return the rows of `hook_choices` for one topic, one per hook.

    `rows` are the topic's hooks and `topic` is (month, topic id). `expected` is
    {variant id: expected log lift}, or empty if there is no ranker.
    """
    ids = [row["variant_id"] for row in rows]
    draws = [seeded_unit(seed, "drawn hook", *topic, v) for v in ids]
    values = [expected[v] for v in ids] if expected else None
    roles = roles_of(draws, values, _posted(rows))
    ranked = np.argsort(-np.asarray(values or ()), kind="stable").tolist()
    return [
        {
            "variant_id": v,
            "month": topic[0],
            "topic_id": topic[1],
            "role": role,
            "expected": expected.get(v),
            "place": ranked.index(n) + 1 if expected else None,
            "hooks": len(ids),
            "chosen_at": now,
        }
        for n, (v, role) in enumerate(zip(ids, roles, strict=True))
    ]


def roles_of(
    draws: Sequence[float], expected: Sequence[float] | None, posted: int
) -> list[str]:
    """Return the role of each hook of a topic: posted at random, as best, or not.

    `draws` are random numbers. The hook with the smallest is posted whatever its
    `expected` lift; the best of the others fill the remaining places of `posted`.
    Without expectations, the `posted` hooks with the smallest numbers are posted.
    """
    roles = [NOT_POSTED] * len(draws)
    by_chance = np.argsort(draws, kind="stable")
    for n in by_chance[: posted if expected is None else 1]:
        roles[n] = RANDOM
    if expected is not None:
        by_rank = np.argsort(-np.asarray(expected), kind="stable")
        for n in [n for n in by_rank if roles[n] == NOT_POSTED][: posted - 1]:
            roles[n] = BEST
    return roles
