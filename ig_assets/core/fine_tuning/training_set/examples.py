"""Builds the training set of a month: examples with reason, weight and split.

The set of month M is everything decided before the first instant of M + 1. It is built
once, after the month is over. Afterwards only forgetting a script removes rows; later
decisions and imports enter the next month's set.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from ig_assets.core.corpus.queries import forgotten_scripts, forgotten_variants
from ig_assets.core.fine_tuning.months import month_cutoff
from ig_assets.core.fine_tuning.similarity.near_duplicates import Vector, VectorTable
from ig_assets.core.fine_tuning.training_set.decided_experiments import (
    RIVAL,
    DecidedArm,
    DecidedExperiment,
    Lead,
    decided_before,
)
from ig_assets.core.fine_tuning.training_set.example_caps import within_caps
from ig_assets.core.fine_tuning.training_set.train_validation_split import (
    GroupingItem,
    GroupingText,
    assign_splits,
    group_examples,
    kept_splits,
)
from ig_assets.core.identity import stable_id
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.operations.clock import clock_in_words, or_move_the_clock
from ig_assets.core.ports import Clock
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

PROVISIONAL_FACTOR = 0.5


@dataclass(frozen=True)
class ExamplesSummary:
    """The numbers of a month's training set.

    `sft` is the number of supervised examples, `dpo` that of preference pairs.
    `candidates` is the number of experiments with a decision before the cut-off;
    `taken` of them gave examples. `excluded` is {reason: number}: each other candidate
    once, and rivals of usable winners that gave no preference pair ("rival: …").
    `simulated` examples are from simulated audiences. `late` examples are not in the
    stored set because they became known after it was built.
    """

    sft: int
    dpo: int
    train: int
    validation: int
    excluded: dict[str, int]
    simulated: int
    late: int = 0
    candidates: int = 0
    taken: int = 0

    @property
    def unexplained(self) -> int:
        """The number of `candidates` neither taken nor excluded: always 0."""
        reasons = (n for why, n in self.excluded.items() if not why.startswith(RIVAL))
        return self.candidates - self.taken - sum(reasons)


@dataclass(frozen=True)
class _Example:
    row: dict[str, Any]
    item: GroupingItem
    edges: tuple[Edge, ...]


def training_prompt(
    topic: str,
    hook_style: str | None,
    language: str,
    audience: str | None = None,
    brief: str | None = None,
    voice: str | None = None,
) -> str:
    """Return the brief for a training example, in the order of the draft prompt.

    `hook_style` is None for a pair whose arms differ in style; its line is left out.
    """
    optional = {"Brief": brief, "Audience": audience, "Voice": voice}
    lines = [f"Topic: {topic}"]
    lines += [f"{name}: {value}" for name, value in optional.items() if value]
    lines.append(f"Language: {language}")
    if hook_style:
        lines.append(f"Hook style: {hook_style}")
    return "\n".join(lines) + f'\n\nWrite one new script about "{topic}".'


def build_training_examples(
    warehouse: Warehouse,
    clock: Clock,
    month: str,
    seed: int,
    model: str,
    dimensions: int,
    run_id: str = "",
    *,
    with_ads: bool = False,
    half_life_months: float | None = None,
) -> ExamplesSummary:
    """Build the month's set once; a later call only removes forgotten scripts.

    `model` and `dimensions` name the stored embeddings in which near-duplicates are
    searched. An example's weight is its winner's shrunken lift divided by the set's
    largest (0 to 1). It is halved for a provisional winner, and once for every
    `half_life_months` between the decision and the month's end (None: never).
    `with_ads` includes experiments that ads decided. Raises InputError if the month is
    not over.
    """
    cutoff = month_cutoff(month)
    now = clock.now()
    if now < cutoff:
        raise InputError(
            f"{month} is not over yet: {clock_in_words(clock)}. Its training set can "
            f"be built from {cutoff:%Y-%m-%d} on; choose an earlier month"
            f"{or_move_the_clock(clock, cutoff)}."
        )
    with warehouse.transaction() as con:
        decided = decided_before(con, cutoff, with_ads=with_ads)
        kept, surplus = within_caps(decided.experiments)
        examples = _examples(month, kept, cutoff, half_life_months)
        stored = _ids(con, month)
        vectors = None if stored else _vectors(con, examples, model, dimensions)
        earlier = splits_before(con, month)
    rows = [] if vectors is None else _split_rows(examples, vectors, seed, earlier)
    with warehouse.transaction() as con:
        if not stored:
            merge_rows(con, "training_examples", rows)
            edges = (edge for example in examples for edge in example.edges)
            record_edges(con, edges, run_id, now)
        _drop_forgotten(con, month)
        late = len({e.item.example_id for e in examples} - stored) if stored else 0
        found = _summary(con, month, dict(decided.excluded + surplus), late)
    return replace(found, candidates=decided.candidates, taken=len(kept))


def example_sample(con: Connection, month: str) -> list[dict[str, Any]]:
    """Return the month's 20 examples of greatest weight, without their texts."""
    return fetch_dicts(
        con,
        """
        SELECT example_id, kind, split, round(weight, 3) AS weight, reason, script_id,
            variant_id, decision_ref
        FROM training_examples
        WHERE month = ?
        ORDER BY weight DESC, example_id
        LIMIT 20
        """,
        [month],
    )


def _examples(
    month: str,
    experiments: Sequence[DecidedExperiment],
    cutoff: datetime,
    half_life_months: float | None,
) -> list[_Example]:
    best = max((e.shrunken_lift for e in experiments), default=1.0)
    built = []
    for experiment in experiments:
        weight = experiment.shrunken_lift / best
        if experiment.decision == "provisional":
            weight *= PROVISIONAL_FACTOR
        weight *= recency(experiment.decided_at, cutoff, half_life_months)
        built.append(_example(month, experiment, None, weight))
        built.extend(_example(month, experiment, k, weight) for k in experiment.leads)
    return built


def recency(
    decided_at: datetime, cutoff: datetime, half_life_months: float | None
) -> float:
    """Return the factor (0 to 1) by which a decision's age reduces its weight.

    It halves per half-life (None: never). A month is a twelfth of 365.25 days.
    """
    if half_life_months is None:
        return 1.0
    age_months = (cutoff - decided_at) / timedelta(days=365.25 / 12)
    return float(0.5 ** (max(age_months, 0.0) / half_life_months))


def _example(
    month: str, experiment: DecidedExperiment, lead: Lead | None, weight: float
) -> _Example:
    """Return a preference pair for a `lead`; without one, a supervised example."""
    kind, winner = "sft" if lead is None else "dpo", experiment.winner
    rival = None if lead is None else lead.rival
    style = winner.hook_style
    if rival is not None and rival.hook_style != style:
        style = None
    example_id = stable_id(
        "example",
        kind,
        experiment.experiment_id,
        winner.revision_hash,
        "" if rival is None else rival.revision_hash,
    )
    texts = [winner] if rival is None else [winner, rival]
    row = {
        "month": month,
        "example_id": example_id,
        "kind": kind,
        "weight": weight,
        "reason": _reason(experiment, lead),
        "prompt": training_prompt(
            experiment.topic,
            style,
            experiment.language,
            experiment.audience,
            experiment.brief,
            experiment.voice,
        ),
        "completion": winner.text,
        "rejected": None if rival is None else rival.text,
        "script_id": winner.script_id,
        "revision_hash": winner.revision_hash,
        "rejected_revision_hash": None if rival is None else rival.revision_hash,
        "variant_id": winner.variant_id,
        "decision_ref": experiment.experiment_id,
        "simulated": experiment.simulated,
    }
    item = GroupingItem(
        example_id,
        experiment.topic,
        experiment.experiment_id,
        tuple(GroupingText(t.revision_hash, t.hook) for t in texts),
    )
    edges = [
        Edge("example", example_id, "experiment", experiment.experiment_id, "decided")
    ]
    edges += _text_edges(example_id, winner, "chosen")
    if rival is not None:
        edges += _text_edges(example_id, rival, "rejected")
    return _Example(row, item, tuple(edges))


def _text_edges(example_id: str, arm: DecidedArm, relation: str) -> list[Edge]:
    parents = (
        ("script", arm.script_id),
        ("variant", arm.variant_id),
        ("revision", arm.revision_hash),
    )
    return [Edge("example", example_id, k, i, relation) for k, i in parents if i]


def _reason(experiment: DecidedExperiment, lead: Lead | None) -> str:
    """Return the reason for an example, e.g. 'winner: +32 % over b, e=81'.

    Without `lead`, the numbers are those of the lead over the nearest rival. If no
    rival was measured, the shrunken lift is given instead.
    """
    measured = [k for k in experiment.leads if k.log_rate_ratio is not None]
    if lead is None and measured:
        lead = min(measured, key=lambda k: k.log_rate_ratio or 0.0)
    if lead is None or lead.log_rate_ratio is None:
        shrunken = math.expm1(experiment.shrunken_lift)
        return f"{experiment.decision}: shrunken lift {shrunken:+.0%}".replace(
            "%", " %"
        )
    lift = f"{math.expm1(lead.log_rate_ratio):+.0%}".replace("%", " %")
    text = f"{experiment.decision}: {lift} over {lead.rival.arm}"
    return text if lead.log_e is None else f"{text}, e={_e_value(lead.log_e)}"


def _e_value(log_e: float) -> str:
    if log_e > math.log(1e6):
        return ">1e6"
    return (
        f"{math.exp(log_e):.2g}" if log_e < math.log(10) else f"{math.exp(log_e):.0f}"
    )


def _split_rows(
    examples: Sequence[_Example],
    vectors: Mapping[str, Vector],
    seed: int,
    earlier: Mapping[str, set[str]],
) -> list[dict[str, Any]]:
    items = [e.item for e in examples]
    groups = group_examples(items, vectors)
    splits = assign_splits(
        groups.values(), seed, kept=kept_splits(items, groups, earlier)
    )
    return [
        e.row
        | {
            "group_id": groups[e.item.example_id],
            "split": splits[groups[e.item.example_id]],
        }
        for e in sorted(examples, key=lambda e: e.item.example_id)
    ]


def _ids(con: Connection, month: str) -> set[str]:
    rows = con.execute(
        "SELECT example_id FROM training_examples WHERE month = ?", [month]
    ).fetchall()
    return {str(row[0]) for row in rows}


def splits_before(con: Connection, month: str) -> dict[str, set[str]]:
    """Return {experiment id: splits it had in the sets of earlier months}."""
    rows = con.execute(
        """
        SELECT DISTINCT decision_ref, split
        FROM training_examples
        WHERE month < ?
        ORDER BY decision_ref, split
        """,
        [month],
    ).fetchall()
    found: dict[str, set[str]] = {}
    for experiment_id, split in rows:
        found.setdefault(str(experiment_id), set()).add(str(split))
    return found


def _drop_forgotten(con: Connection, month: str) -> None:
    """Delete the month's examples that contain a forgotten script's text."""
    affected = con.execute(
        """
        SELECT child_id
        FROM edges
        WHERE child_kind = 'example' AND parent_kind = 'script'
            AND parent_id IN (SELECT unnest(?::TEXT[]))
        UNION
        SELECT child_id
        FROM edges
        WHERE child_kind = 'example' AND parent_kind = 'variant'
            AND parent_id IN (SELECT unnest(?::TEXT[]))
        """,
        [sorted(forgotten_scripts(con)), sorted(forgotten_variants(con))],
    ).fetchall()
    con.execute(
        """
        DELETE FROM training_examples
        WHERE month = ? AND example_id IN (SELECT unnest(?::TEXT[]))
        """,
        [month, [row[0] for row in affected]],
    )


def _vectors(
    con: Connection, examples: Sequence[_Example], model: str, dimensions: int
) -> VectorTable:
    hashes = {t.revision_hash for e in examples for t in e.item.texts}
    cursor = con.execute(
        """
        SELECT content_hash, vector
        FROM embeddings
        WHERE model = ? AND dimensions = ?
            AND content_hash IN (SELECT unnest(?::TEXT[]))
        ORDER BY content_hash
        """,
        [model, dimensions, sorted(hashes)],
    )
    matrix = np.empty((len(hashes), dimensions), dtype=np.float32)
    keys: list[str] = []
    while batch := cursor.fetchmany(1000):
        for content_hash, vector in batch:
            matrix[len(keys)] = vector
            keys.append(content_hash)
    return VectorTable(keys, matrix[: len(keys)])


def _summary(
    con: Connection, month: str, excluded: dict[str, int], late: int
) -> ExamplesSummary:
    rows = fetch_dicts(
        con,
        "SELECT kind, split, simulated FROM training_examples "
        "WHERE month = ? ORDER BY example_id",
        [month],
    )
    return ExamplesSummary(
        sft=sum(row["kind"] == "sft" for row in rows),
        dpo=sum(row["kind"] == "dpo" for row in rows),
        train=sum(row["split"] == "train" for row in rows),
        validation=sum(row["split"] == "validation" for row in rows),
        excluded=dict(sorted(excluded.items())),
        simulated=sum(bool(row["simulated"]) for row in rows),
        late=late,
    )
