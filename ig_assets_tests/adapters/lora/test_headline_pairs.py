"""The pairs of `benchmarks/lora_learning.py`: what is learnt and what is held out."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ig_assets.core.models.ranker.outcomes import outcomes_of
from ig_assets.workspace import WORKSPACE

CLUSTERS, GROUPS_OF_EACH = 30, 3


@pytest.fixture
def headline_pairs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, which the scripts beside it import from their own folder."""
    monkeypatch.syspath_prepend(WORKSPACE / "benchmarks")
    from ranking import headline_pairs

    return headline_pairs


def archive_of_planted_groups() -> Any:
    """Three groups in each of thirty clusters; the second headline of each wins."""
    from ranking.archive import Archive

    groups = CLUSTERS * GROUPS_OF_EACH
    clicks = np.tile([20.0, 80.0], groups)
    impressions = np.full(2 * groups, 1000.0)
    return Archive(
        features={},
        outcomes=outcomes_of(np.repeat(np.arange(groups), 2), clicks, impressions),
        clicks=clicks,
        impressions=impressions,
        cluster=np.arange(groups) % CLUSTERS,
        headlines=[f'Headline "{arm}"' for arm in range(2 * groups)],
        ledes=[f"What test {group} shows." for group in range(groups)],
    )


def drawn(headline_pairs: ModuleType, training: int, seed: int = 1) -> Any:
    from ranking.validation import all_pairs

    archive = archive_of_planted_groups()
    return headline_pairs.draw_pairs(archive, all_pairs(archive), training, 10, seed)


def test_no_cluster_is_on_both_sides_or_twice_on_one(
    headline_pairs: ModuleType,
) -> None:
    for seed in range(20):
        learnt, measured = drawn(headline_pairs, 20, seed)
        clusters = [pair.cluster for pair in [*learnt, *measured]]
        assert (len(learnt), len(measured)) == (20, 10)
        assert sorted(clusters) == list(range(CLUSTERS))
        assert all(pair.winner == pair.loser + 1 for pair in [*learnt, *measured])


def test_the_held_out_pairs_are_the_same_however_many_are_learnt(
    headline_pairs: ModuleType,
) -> None:
    assert drawn(headline_pairs, 5)[1] == drawn(headline_pairs, 20)[1]
    assert drawn(headline_pairs, 5)[1] != drawn(headline_pairs, 5, seed=2)[1]


def test_too_few_clusters_end_the_program(headline_pairs: ModuleType) -> None:
    with pytest.raises(SystemExit, match="30 clusters"):
        drawn(headline_pairs, 21)


def test_a_pair_is_asked_once_and_answered_as_the_beginning_of_a_script(
    headline_pairs: ModuleType,
) -> None:
    [pair], _ = drawn(headline_pairs, 1)
    archive = archive_of_planted_groups()
    row = headline_pairs.training_row(archive, pair, "dpo", "train")
    winner = headline_pairs.training_row(archive, pair, "sft", "train")
    assert json.loads(row.answer) == {"hook": f'Headline "{pair.winner}"'}
    assert json.loads(row.rejected) == {"hook": f'Headline "{pair.loser}"'}
    assert (winner.answer, winner.rejected) == (row.answer, None)
    assert f"What test {pair.winner // 2} shows." in row.prompt
