"""Maximal marginal relevance takes what is relevant and unlike what it has."""

from __future__ import annotations

import numpy as np

from ig_assets.core.corpus.search.mmr import mmr


def test_the_second_item_is_the_relevant_one_that_is_unlike_the_first() -> None:
    relevance = np.array([1.0, 0.95, 0.8])
    similarity = np.array([[1.0, 0.99, 0.1], [0.99, 1.0, 0.1], [0.1, 0.1, 1.0]])
    # 0.7 x 0.95 - 0.3 x 0.99 = 0.368; 0.7 x 0.8 - 0.3 x 0.1 = 0.53
    assert mmr(relevance, similarity.__getitem__, 2) == [0, 2]
    assert mmr(relevance, similarity.__getitem__, 9) == [0, 2, 1]
    assert mmr(relevance, similarity.__getitem__, 9, most_similar=0.92) == [0, 2]


def test_equal_items_are_taken_in_their_order() -> None:
    assert mmr(np.ones(3), np.zeros((3, 3)).__getitem__, 2) == [0, 1]
    assert mmr(np.zeros(0), np.zeros((0, 0)).__getitem__, 2) == []
