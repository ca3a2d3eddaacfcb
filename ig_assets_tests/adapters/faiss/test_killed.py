"""The FAISS index opens after `kill -9` at any moment, and a sync makes it right."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from ig_assets import files
from ig_assets.adapters.faiss import store
from ig_assets.adapters.faiss.index import FaissIndex
from ig_assets.core.ports import IndexEntry
from ig_assets_tests.adapters.faiss.killed_process import write_for_ever
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.index.test_sync import agrees, fill
from ig_assets_tests.factories.processes import CONTEXT, started


def killed_while_writing(corpus: CorpusFactory, vectors: Path, after_s: float) -> None:
    writing = CONTEXT.Event()
    process = started(
        write_for_ever, corpus.folder / "index", corpus.namespace, vectors, writing
    )
    assert writing.wait(120)
    time.sleep(after_s)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL


# `make test` kills six times, `make test-all` 24 times too.
@pytest.mark.parametrize("kills", [6, pytest.param(24, marks=pytest.mark.soak)])
def test_after_every_kill_the_store_opens_and_a_sync_equals_the_corpus(
    corpus: CorpusFactory, kills: int
) -> None:
    fill(corpus, 30)
    cached = dict(corpus.rows("""
            SELECT s.script_id, e.vector
            FROM scripts AS s
            JOIN embeddings AS e
                ON e.content_hash = s.revision_hash
            """))
    orphans = {f"orphan/{n}": cached["library/0"] for n in range(9)}
    vectors = corpus.folder / "vectors.npz"
    np.savez(vectors, **{i: np.array(v) for i, v in {**cached, **orphans}.items()})
    chance = random.Random(5)
    for _ in range(kills):
        killed_while_writing(corpus, vectors, after_s=chance.uniform(0.0, 0.1))
        corpus.index = FaissIndex(corpus.folder / "index", "scripts")
        found = corpus.index.query(corpus.namespace, cached["library/0"], 99)
        assert sorted(m.entry_id for m in found) == corpus.indexed()
        corpus.sync_index()
        assert agrees(corpus)
    for script_id, vector in cached.items():
        [best] = corpus.index.query(corpus.namespace, vector, 1)
        assert (best.entry_id, best.similarity) == (script_id, pytest.approx(1.0))
    assert len(corpus.embedder.embedded) == 30, "repaired from the cache"


class Killed(BaseException):
    """Stands in for SIGKILL: nothing is caught, nothing is cleaned up."""


def entry(n: int) -> IndexEntry:
    row = np.random.default_rng(n).normal(size=8)
    return IndexEntry(f"s/{n % 6}", row.tolist(), {"n": n})


@pytest.mark.parametrize("part", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("writes", range(8))
def test_a_kill_at_any_byte_of_any_write_loses_no_acknowledged_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int, part: float
) -> None:
    index = FaissIndex(tmp_path, "scripts")
    for n in range(6):
        index.upsert("m-8", [entry(n)])
    before = {m.entry_id: m.similarity for m in index.query("m-8", [1.0] * 8, 99)}
    left = [writes]

    def write(path: Path, content: bytes) -> None:
        if left[0]:
            left[0] -= 1
            return files.write_atomic(path, content)
        cut = content[: int(part * len(content))]
        path.with_name(f".{path.name}.killed.part").write_bytes(cut)
        raise Killed

    monkeypatch.setattr(store, "write_atomic", write)
    acknowledged = 0
    with pytest.raises(Killed):
        for n in range(6, 20):
            index.upsert("m-8", [entry(n)])
            acknowledged = n - 5
    monkeypatch.undo()
    survivor = FaissIndex(tmp_path, "scripts")
    found = {m.entry_id: m.similarity for m in survivor.query("m-8", [1.0] * 8, 99)}
    changed = {i for i in found if found[i] != pytest.approx(before[i])}
    assert changed == {f"s/{n}" for n in range(acknowledged)} and len(found) == 6
    survivor.upsert("m-8", [entry(0)])
    names = {path.name for path in (tmp_path / "scripts" / "m-8").iterdir()}
    assert not [name for name in names if name.startswith(".")], "what was cut is gone"
