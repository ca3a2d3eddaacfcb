"""Finds texts with nearly the same vectors: exactly for few, by hashing for many.

Up to `EXACT_UP_TO` vectors all pairs are compared. Above that, only vectors in the same
cell of a random partition are compared, in several rounds. A partition is two
cross-polytope hashes (Andoni, Indyk, Laarhoven, Razenshteyn and Schmidt 2015,
"Practical and optimal LSH for angular distance", NeurIPS 28). The hash of a vector is
the random direction along which its score is largest, with the sign of that score.
Cosines are computed exactly, so there are no false pairs; a pair is missed if no round
puts its two texts into one cell. The number of rounds is chosen so that a pair exactly
at the bound is missed with probability `MOST_MISSED`, and nearer pairs far less often.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from ig_assets.core.ports import Vectors

Vector = Sequence[float] | Vectors
Rows = npt.NDArray[np.int64]

NEAR_DUPLICATE_COSINE = 0.92
EXACT_UP_TO = 20_000
"""Number of vectors up to which all pairs are compared; this takes seconds."""
MOST_MISSED = 0.001

_CHUNK = 1024
_CELL = 128
"""Mean number of vectors per cell of a partition."""
_HASHED_AT_ONCE = 65_536
_SEED = 1
_DRAWS = 20_000


class VectorTable(Mapping[str, Vectors]):
    """Vectors by key, in one matrix (keys, dimensions) of 4 bytes per number."""

    def __init__(self, keys: Sequence[str], matrix: Vectors) -> None:
        self.keys_in_order = list(keys)
        self.matrix = matrix
        self._row = {key: number for number, key in enumerate(self.keys_in_order)}

    def __getitem__(self, key: str) -> Vectors:
        row: Vectors = self.matrix[self._row[key]]
        return row

    def __contains__(self, key: object) -> bool:
        return key in self._row

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys_in_order)

    def __len__(self) -> int:
        return len(self.keys_in_order)


def near_duplicate_pairs(
    vectors: Mapping[str, Vector],
    cosine: float = NEAR_DUPLICATE_COSINE,
    exact_up_to: int = EXACT_UP_TO,
) -> list[tuple[str, str]]:
    """Return pairs of keys whose vectors have at least this cosine; see `near_rows`."""
    table = as_table(vectors)
    keys = table.keys_in_order
    found = near_rows(table.matrix, cosine, exact_up_to)
    return [(keys[a], keys[b]) for a, b in found.tolist()]


def as_table(vectors: Mapping[str, Vector]) -> VectorTable:
    """Return the vectors as one table; a table is returned as it is."""
    if isinstance(vectors, VectorTable):
        return vectors
    width = len(next(iter(vectors.values()), ()))
    matrix: Vectors = np.empty((len(vectors), width), dtype=np.float32)
    for row, vector in zip(matrix, vectors.values(), strict=True):
        row[:] = vector
    return VectorTable(list(vectors), matrix)


def near_rows(
    matrix: Vectors,
    cosine: float = NEAR_DUPLICATE_COSINE,
    exact_up_to: int = EXACT_UP_TO,
) -> Rows:
    """Return pairs (pairs, 2) of row numbers a < b of near rows, sorted.

    `matrix` is (rows, dimensions). Up to `exact_up_to` rows, all pairs of at least this
    cosine (0 to 1) are returned; above, nearly all. If there are more than a few
    million pairs, only enough pairs to connect the same rows are returned. Besides the
    matrix this takes a few hundred bytes per row.
    """
    count = len(matrix)
    norms = np.concatenate(
        [
            np.linalg.norm(matrix[s : s + _HASHED_AT_ONCE], axis=1)
            for s in range(0, count, _HASHED_AT_ONCE)
        ]
        or [np.empty(0, np.float32)]
    ).astype(np.float32)
    norms = np.where(norms == 0.0, np.float32(1.0), norms)
    if count <= exact_up_to:
        return _distinct([_within(matrix, norms, np.arange(count), cosine)], count)
    found: list[Rows] = []
    sides = math.ceil(math.sqrt(count / _CELL) / 2)
    draw = np.random.default_rng(_SEED)
    for _ in range(rounds(cosine, sides)):
        cell = _cells(matrix, sides, draw)
        order = np.argsort(cell, kind="stable")
        ends = np.flatnonzero(np.diff(cell[order])) + 1
        of_round = [
            _within(matrix, norms, rows, cosine)
            for rows in np.split(order, ends)
            if len(rows) > 1
        ]
        found = [_distinct([*found, *of_round], count)]
    return found[0]


@cache
def rounds(cosine: float, directions: int) -> int:
    """Return the number of partitions for a miss probability of at most `MOST_MISSED`.

    `cosine` is that of the missed pair. The scores of its vectors along a random
    direction are normal with this correlation; how often both have the same largest
    direction is simulated.
    """
    draw = np.random.default_rng(_SEED)
    first = draw.normal(size=(_DRAWS, directions))
    second = draw.normal(size=(_DRAWS, directions)) * math.sqrt(1 - cosine**2)
    second += cosine * first
    together = float(np.mean(_greatest(first) == _greatest(second))) ** 2
    if together >= 1.0:
        return 1
    return max(1, math.ceil(math.log(MOST_MISSED) / math.log1p(-together)))


def _cells(matrix: Vectors, directions: int, draw: np.random.Generator) -> Rows:
    """Return each row's cell (rows) in a random partition of (2 directions)² cells."""
    shape = (matrix.shape[1], 2 * directions)
    axes = draw.normal(size=shape).astype(np.float32)
    cell = np.empty(len(matrix), dtype=np.int64)
    for start in range(0, len(matrix), _HASHED_AT_ONCE):
        scores = matrix[start : start + _HASHED_AT_ONCE] @ axes
        one, two = (_greatest(s) for s in np.split(scores, 2, axis=1))
        cell[start : start + _HASHED_AT_ONCE] = one * (2 * directions) + two
    return cell


def _greatest(scores: npt.NDArray[np.floating]) -> Rows:
    """Return a number for the largest absolute score of each row.

    `scores` has shape (rows, directions). The number is twice the direction of that
    score, plus 1 if the score is negative, so that 2 · directions values are possible.
    """
    at = np.abs(scores).argmax(axis=1)
    is_negative = np.take_along_axis(scores, at[:, None], axis=1)[:, 0] < 0
    return np.asarray(2 * at + is_negative, dtype=np.int64)


def _within(matrix: Vectors, norms: Vectors, rows: Rows, cosine: float) -> Rows:
    """Return the near pairs among some rows, by comparing all of them in blocks."""
    found: list[Rows] = []
    count = len(rows)
    for start in range(0, count, _CHUNK):
        mine = rows[start : start + _CHUNK]
        block = matrix[mine] / norms[mine, None]
        for other in range(start, count, _CHUNK):
            theirs = rows[other : other + _CHUNK]
            right = block
            if other > start:
                right = matrix[theirs] / norms[theirs, None]
            i, j = np.nonzero(block @ right.T >= cosine)
            pairs = np.stack((mine[i], theirs[j]), axis=1)
            found.append(pairs[start + i < other + j])
        if sum(map(len, found)) > _MOST_PAIRS:
            found = [_forest(np.concatenate(found), len(matrix))]
    return np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)


_MOST_PAIRS = 4_000_000


def _distinct(found: Sequence[Rows], count: int) -> Rows:
    """Return the distinct pairs, sorted, with the smaller number first."""
    pairs = np.sort(np.concatenate(found), axis=1)
    coded = np.unique(pairs[:, 0] * count + pairs[:, 1])
    pairs = np.stack((coded // count, coded % count), axis=1)
    return _forest(pairs, count) if len(pairs) > _MOST_PAIRS else pairs


def _forest(pairs: Rows, count: int) -> Rows:
    """Return fewer pairs that connect the same rows.

    Each row is paired with the first row of its connected group.
    """
    label = joined(pairs, count)
    _, firsts = np.unique(label, return_index=True)
    first = firsts[label]
    rows = np.flatnonzero(first != np.arange(count))
    return np.stack((first[rows], rows), axis=1)


def joined(pairs: Rows, count: int) -> Rows:
    """Return a group number for each of `count` rows; rows joined by pairs share it."""
    from scipy.sparse import coo_array  # half a second to load
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(pairs), dtype=np.int8)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
