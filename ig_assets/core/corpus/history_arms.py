"""Which of a history file's rows are arms of an experiment, and of which."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ig_assets.core.corpus.history_file import HistoryReading, HistoryRow
from ig_assets.core.identity import ID_LENGTH, stable_id


@dataclass(frozen=True)
class Arm:
    """A row that is a post, in an experiment (or None) under a label of its own."""

    row: HistoryRow
    script_id: str
    post_id: str
    experiment_id: str | None
    label: str


def script_id_of(row: HistoryRow) -> str:
    """The id of a text that was published: named by its words."""
    return f"history/{row.revision_hash[:ID_LENGTH]}"


def make_arms(
    rows: Sequence[HistoryRow],
    reading: HistoryReading,
    import_id: str,
    source: str,
    grows: bool = False,
) -> list[Arm]:
    """The rows that have a rate; a test with a single arm is no experiment.

    Where a source grows, a lone post is known by its words and how often they came.
    """
    needed = (reading.numerator, reading.denominator)
    rated = [row for row in rows if all(n in row.counts for n in needed)]
    sizes = Counter(row.experiment for row in rated if row.experiment)
    labels: dict[str, set[str]] = defaultdict(set)
    lone: Counter[str] = Counter()
    arms = []
    for row in rated:
        if sizes[row.experiment] < 2:
            lone[row.revision_hash] += 1
            post_id = stable_id("post", "history", import_id, row.number)
            if grows:
                nth = lone[row.revision_hash]
                post_id = stable_id("post", "history", source, row.revision_hash, nth)
            arms.append(Arm(row, script_id_of(row), post_id, None, row.arm or "single"))
            continue
        taken = labels[row.experiment]
        label = row.arm or f"arm-{len(taken) + 1}"
        if label in taken:
            label = f"{label}-{len(taken) + 1}"
        taken.add(label)
        experiment_id = stable_id("history", source, row.experiment)
        post_id = stable_id("post", "history", experiment_id, label)
        arms.append(Arm(row, script_id_of(row), post_id, experiment_id, label))
    return arms


def make_experiments(
    arms: Sequence[Arm], reading: HistoryReading, randomised: bool, sigma: float
) -> list[dict[str, Any]]:
    """One row an experiment, whatever number of its arms are in the file."""
    grouped: dict[str, list[HistoryRow]] = defaultdict(list)
    for arm in arms:
        if arm.experiment_id is not None:
            grouped[arm.experiment_id].append(arm.row)
    experiments = []
    for experiment_id, rows in grouped.items():
        started_at = min((r.posted_on for r in rows if r.posted_on), default=None)
        experiments.append(
            {
                "experiment_id": experiment_id,
                "month": started_at and f"{started_at:%Y-%m}",
                "topic_id": None,
                "segment": "history",
                "numerator": reading.numerator,
                "denominator": reading.denominator,
                "randomised": randomised,
                "sigma": sigma,
                "simulated": any(row.simulated for row in rows),
                "started_at": started_at,
                "ends_at": None,
                "status": "running",
                "intent_key": experiment_id,
            }
        )
    return experiments
