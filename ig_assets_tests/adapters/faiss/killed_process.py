"""A process that writes to a FAISS index without end, so that a test can kill it."""

from __future__ import annotations

import random
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np

from ig_assets.adapters.faiss import store
from ig_assets.adapters.faiss.index import FaissIndex
from ig_assets.core.ports import IndexEntry


def write_for_ever(folder: Path, namespace: str, vectors: Path, writing: Event) -> None:
    """Upsert, update and delete at random; blocks are merged now and then."""
    given = dict(np.load(vectors))
    ids = list(given)
    store.LEAST_WASTE_BYTES = 1 << 14
    index = FaissIndex(folder, "scripts")
    chance = random.Random()
    writing.set()
    while True:
        some = chance.sample(ids, chance.randint(1, len(ids)))
        what = chance.random()
        if what < 0.6:
            index.upsert(namespace, [IndexEntry(i, given[i], {"n": 1}) for i in some])
        elif what < 0.8:
            index.update_metadata(namespace, {i: {"n": 2} for i in some})
        else:
            index.delete(namespace, some[: len(some) // 2])
