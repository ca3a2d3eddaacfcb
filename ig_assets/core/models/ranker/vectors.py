"""Computes the features of hooks: named counts and the encoder's vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ig_assets.core.identity import text_hash
from ig_assets.core.models.ranker.blocks import HAND
from ig_assets.core.models.ranker.hand_features import hand_features
from ig_assets.core.models.ranker.outcomes import Floats
from ig_assets.core.ports import Clock, HookEncoder, Vectors
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse

ENCODER = "enc"
_BATCH = 256

_READ = """
SELECT hook_hash, vector
FROM hook_vectors
WHERE model = ? AND hook_hash IN (SELECT unnest(?::TEXT[]))
"""


def features_of(
    warehouse: Warehouse, clock: Clock, encoder: HookEncoder, hooks: Sequence[str]
) -> dict[str, Floats]:
    """Return the blocks of features of the hooks, each of shape (hooks, columns).

    Vectors are stored in `hook_vectors` by the hook's hash and the encoder's name, so
    each hook is encoded once. Raises what `HookEncoder.encode` raises.
    """
    hashes = [text_hash(hook) for hook in hooks]
    known = stored_vectors(warehouse, encoder, hashes)
    missing = {
        key: hook for key, hook in zip(hashes, hooks, strict=True) if key not in known
    }
    keys = list(missing)
    for start in range(0, len(keys), _BATCH):
        part = keys[start : start + _BATCH]
        vectors = encoder.encode([missing[key] for key in part])
        fresh = dict(zip(part, vectors, strict=True))
        _store(warehouse, clock, encoder, fresh)
        known |= fresh
    table = np.array([known[key] for key in hashes], dtype=np.float64)
    return {
        ENCODER: table.reshape(len(hooks), encoder.dimensions),
        HAND: hand_features(hooks),
    }


def stored_vectors(
    warehouse: Warehouse, encoder: HookEncoder, hashes: Sequence[str]
) -> dict[str, Vectors]:
    """Return {hash of a hook: vector} of those hooks whose vectors are stored."""
    with warehouse.transaction() as con:
        found = con.execute(_READ, [encoder.model, list(hashes)]).fetchall()
    return {key: np.asarray(vector, dtype=np.float32) for key, vector in found}


def _store(
    warehouse: Warehouse,
    clock: Clock,
    encoder: HookEncoder,
    vectors: dict[str, Vectors],
) -> None:
    now = clock.now()
    rows = [
        {
            "hook_hash": key,
            "model": encoder.model,
            "vector": vector.tolist(),
            "created_at": now,
        }
        for key, vector in vectors.items()
    ]
    with warehouse.transaction() as con:
        merge_rows(con, "hook_vectors", rows, replace=False)
