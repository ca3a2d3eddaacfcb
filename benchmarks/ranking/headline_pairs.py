"""Pairs of headlines to train a writer on and to measure it by, as training rows."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from ranking.archive import Archive
from ranking.validation import Z_SIGNIFICANT, Pairs

from ig_assets.adapters.lora.rows import TrainingRow
from ig_assets.core.fine_tuning.training_set.examples import training_prompt
from ig_assets.core.generation.writing.asked import asked_prompt

TOPIC, MOST_WORDS = "a story to click on", 24


@dataclass(frozen=True)
class HeadlinePair:
    """The arms (rows of the archive) of a winner and a loser beside one image."""

    winner: int
    loser: int
    cluster: int


def draw_pairs(
    archive: Archive, pairs: Pairs, training: int, held_out: int, seed: int
) -> tuple[list[HeadlinePair], list[HeadlinePair]]:
    """Draw one significant pair from each of as many clusters, for the two sides.

    So no cluster is on both sides, and the pairs do not depend on each other, which
    Wilson's interval assumes. The held-out pairs are drawn first: they are the same
    for every `training`. Groups without one lede are left out. Ends the program if
    there are too few clusters.
    """
    rng = np.random.default_rng(seed)
    usable = np.flatnonzero(np.abs(pairs.z) >= Z_SIGNIFICANT)
    chosen: dict[int, HeadlinePair] = {}
    for number in rng.permutation(usable):
        first, second = int(pairs.first[number]), int(pairs.second[number])
        group = int(archive.outcomes.group[first])
        if not archive.ledes[group]:
            continue
        cluster = int(archive.cluster[group])
        order = (first, second) if pairs.z[number] > 0 else (second, first)
        chosen.setdefault(cluster, HeadlinePair(*order, cluster))
    if len(chosen) < training + held_out:
        raise SystemExit(f"There are {len(chosen)} clusters with such a pair.")
    clusters = rng.permutation(sorted(chosen))
    drawn = [chosen[int(cluster)] for cluster in clusters]
    measured, learnt = drawn[:held_out], drawn[held_out : held_out + training]
    if {p.cluster for p in measured} & {p.cluster for p in learnt}:
        raise AssertionError("a cluster is on both sides")
    return learnt, measured


def training_row(
    archive: Archive, pair: HeadlinePair, kind: str, split: str
) -> TrainingRow:
    """A pair ("dpo") or its winner ("sft") as the writer is asked and answers.

    The brief is the beginning of the lede. The answer is the beginning of a script's
    JSON, its hook, closed.
    """
    group = int(archive.outcomes.group[pair.winner])
    brief = " ".join(archive.ledes[group].split()[:MOST_WORDS])
    asked = asked_prompt(training_prompt(TOPIC, None, "en", brief=brief))
    assert asked is not None, "a training prompt is a brief"
    winner, loser = (
        json.dumps({"hook": archive.headlines[arm]}, ensure_ascii=False).replace(
            '": "', '":"', 1
        )
        for arm in (pair.winner, pair.loser)
    )
    return TrainingRow(
        f"{kind}-{split}-{pair.winner}-{pair.loser}",
        "dpo" if kind == "dpo" else "sft",
        split,
        1.0,
        asked.instructions,
        asked.prompt,
        winner,
        rejected=loser if kind == "dpo" else None,
    )
