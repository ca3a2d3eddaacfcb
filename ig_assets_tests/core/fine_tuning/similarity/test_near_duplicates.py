from __future__ import annotations

import numpy as np
import pytest

from ig_assets.core.fine_tuning.similarity import near_duplicates
from ig_assets.core.fine_tuning.similarity.near_duplicates import (
    NEAR_DUPLICATE_COSINE,
    Rows,
    VectorTable,
    joined,
    near_duplicate_pairs,
    near_rows,
)
from ig_assets.core.ports import Vectors

COSINES = (0.90, 0.915, 0.9199, 0.9201, 0.925, 0.94, 0.97, 1.0)


def planted(count: int, dimensions: int = 64) -> Vectors:
    """Random unit vectors, of which one in eight is moved to a cosine to another."""
    draw = np.random.default_rng(5)
    vectors = draw.normal(size=(count, dimensions))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for number in range(count // 8):
        mine, other = number, count - 1 - number
        cosine = COSINES[number % len(COSINES)]
        across = vectors[other] - (vectors[other] @ vectors[mine]) * vectors[mine]
        across /= np.linalg.norm(across)
        vectors[other] = cosine * vectors[mine] + np.sqrt(1 - cosine**2) * across
    return vectors.astype(np.float32)


def all_pairs(vectors: Vectors) -> Rows:
    """What a comparison of every two finds."""
    near = np.triu(vectors @ vectors.T >= NEAR_DUPLICATE_COSINE, k=1)
    return np.argwhere(near)


def test_few_texts_are_decided_as_by_comparing_every_two_around_the_bound() -> None:
    vectors = planted(3000)
    expected = all_pairs(vectors)
    assert len(expected) > 200
    assert near_rows(vectors).tolist() == expected.tolist()


def test_hashing_makes_no_pair_up_and_misses_one_in_a_thousand_at_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(near_duplicates, "_CELL", 8)  # as many cells as for 128,000
    vectors = planted(8000)
    expected = {(a, b) for a, b in all_pairs(vectors).tolist()}
    found = {(a, b) for a, b in near_rows(vectors, exact_up_to=0).tolist()}
    assert found <= expected
    assert len(found) >= 0.999 * len(expected)
    assert found == {(a, b) for a, b in near_rows(vectors, exact_up_to=0).tolist()}


def test_the_rounds_are_more_the_farther_the_bound_and_the_finer_the_cells() -> None:
    assert near_duplicates.rounds(0.92, 32) > near_duplicates.rounds(0.97, 32)
    assert near_duplicates.rounds(0.92, 32) > near_duplicates.rounds(0.92, 4)


def test_many_copies_of_one_text_are_joined_without_a_pair_for_every_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(near_duplicates, "_MOST_PAIRS", 500)
    vectors = planted(600)
    vectors[::2] = vectors[0]
    for exact_up_to in (0, 1000):
        found = near_rows(vectors, exact_up_to=exact_up_to)
        assert len(found) < 900
        expected = joined(all_pairs(vectors), 600)
        assert joined(found, 600).tolist() == expected.tolist()


def test_a_table_of_vectors_answers_as_a_mapping_of_them() -> None:
    vectors = planted(64)
    keys = [f"h{n}" for n in range(64)]
    table = VectorTable(keys, vectors)
    assert list(table) == keys and "h3" in table and "x" not in table
    mapped = dict(table.items())
    assert near_duplicate_pairs(table) == near_duplicate_pairs(mapped) != []
    assert near_duplicate_pairs({}) == []
