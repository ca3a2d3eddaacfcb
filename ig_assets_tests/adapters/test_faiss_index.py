"""The embedded index answers exactly, survives crashes, and never half-writes."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from ig_assets.adapters.faiss_index import FaissIndex
from ig_assets.core.ports import IndexEntry, Match
from ig_assets.errors import InputError, TransientVendorError

SPACE = "model/with a slash-8"


def entries(first: int, last: int, seed: int = 7) -> list[IndexEntry]:
    rows = np.random.default_rng(seed).normal(size=(last, 8))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return [
        IndexEntry(f"script/{n}", rows[n].tolist(), {"origin": "library", "n": n})
        for n in range(first, last)
    ]


@pytest.fixture
def index(tmp_path: Path) -> FaissIndex:
    return FaissIndex(tmp_path / "index", "scripts")


def reopened(index: FaissIndex, tmp_path: Path) -> FaissIndex:
    return FaissIndex(tmp_path / "index", index.name)


def the_file(tmp_path: Path) -> Path:
    [path] = (tmp_path / "index").rglob("*.faiss")
    return path


def test_the_nearest_is_found_exactly_best_first(index: FaissIndex) -> None:
    given = entries(0, 50)
    assert index.upsert(SPACE, given) == []
    sought = np.array(given[17].vector)
    cosines = np.array([entry.vector for entry in given]) @ sought
    found = index.query(SPACE, sought.tolist(), 5)
    assert [match.entry_id for match in found] == [
        f"script/{n}" for n in np.argsort(-cosines)[:5]
    ]
    assert found[0].similarity == pytest.approx(1.0, abs=1e-6)
    assert len(index.query(SPACE, sought.tolist(), 1000)) == 50
    assert index.query(SPACE, sought.tolist(), 0) == []


def test_an_upsert_replaces_and_a_delete_removes(index: FaissIndex) -> None:
    index.upsert(SPACE, entries(0, 5))
    [other] = entries(3, 4, seed=8)
    index.upsert(SPACE, [other])
    index.delete(SPACE, ["script/0", "script/0", "unknown"])
    assert list(index.list_ids(SPACE)) == [f"script/{n}" for n in range(1, 5)]
    [best] = index.query(SPACE, other.vector, 1)
    assert best == Match("script/3", pytest.approx(1.0, abs=1e-6))
    index.delete(SPACE, list(index.list_ids(SPACE)))
    assert list(index.list_ids(SPACE)) == index.query(SPACE, other.vector, 3) == []


def test_a_vector_of_any_length_is_compared_by_direction(index: FaissIndex) -> None:
    index.upsert(SPACE, [IndexEntry("long", [9.0] * 8, {})])
    assert index.query(SPACE, [0.1] * 8, 1)[0].similarity == pytest.approx(1.0)


def test_what_cannot_be_stored_is_named_and_the_rest_is_stored(
    index: FaissIndex,
) -> None:
    index.upsert(SPACE, entries(0, 2))
    wrong = [
        IndexEntry("short", [1.0] * 7, {}),
        IndexEntry("nan", [float("nan")] * 8, {}),
        IndexEntry("zero", [0.0] * 8, {}),
    ]
    assert index.upsert(SPACE, [*wrong, *entries(2, 3)]) == ["short", "nan", "zero"]
    assert len(list(index.list_ids(SPACE))) == 3
    with pytest.raises(InputError, match="7 dimensions"):
        index.query(SPACE, [1.0] * 7, 1)


def test_namespaces_do_not_see_each_other(index: FaissIndex) -> None:
    index.upsert("a", entries(0, 2))
    index.upsert("b", [IndexEntry("x", [1.0, 0.0], {})])
    assert list(index.list_ids("b")) == ["x"]
    assert list(index.list_ids("nothing here")) == []


def test_another_process_sees_what_was_written(
    index: FaissIndex, tmp_path: Path
) -> None:
    other = reopened(index, tmp_path)
    assert list(other.list_ids(SPACE)) == []
    index.upsert(SPACE, entries(0, 3))
    assert len(list(other.list_ids(SPACE))) == 3
    other.delete(SPACE, ["script/1"])
    assert list(index.list_ids(SPACE)) == ["script/0", "script/2"]
    assert index.metadata(SPACE, "script/2") == {"origin": "library", "n": 2}
    assert index.metadata(SPACE, "script/1") is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "foreign"])
def test_a_broken_file_counts_as_empty_and_can_be_filled_again(
    index: FaissIndex, tmp_path: Path, damage: str
) -> None:
    index.upsert(SPACE, entries(0, 20))
    path = the_file(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(
        {
            "cut": bytes(content[: len(content) - 9]),
            "flipped": bytes(content),
            "emptied": b"",
            "foreign": b"something else entirely, and long enough for a header " * 4,
        }[damage]
    )
    for index in (index, reopened(index, tmp_path)):
        assert list(index.list_ids(SPACE)) == []
        assert index.query(SPACE, [1.0] * 8, 3) == []
    index.upsert(SPACE, entries(0, 20))
    assert len(list(reopened(index, tmp_path).list_ids(SPACE))) == 20


def test_a_crash_before_the_replace_leaves_the_old_store_whole(
    index: FaissIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.upsert(SPACE, entries(0, 3))

    def crash(source: object, target: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            index.upsert(SPACE, entries(3, 6))
    for survivor in (index, reopened(index, tmp_path)):
        assert len(list(survivor.list_ids(SPACE))) == 3
    index.upsert(SPACE, entries(3, 6))
    assert len(list(index.list_ids(SPACE))) == 6
    assert not list((tmp_path / "index").rglob("*.partial"))


def _upsert_one_by_one(folder: Path, first: int, last: int) -> None:
    index = FaissIndex(folder, "scripts")
    for entry in entries(first, last):
        index.upsert(SPACE, [entry])


def test_processes_that_write_at_once_lose_nothing(
    index: FaissIndex, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    ranges = [(0, 10), (10, 20)]
    workers = [
        context.Process(target=_upsert_one_by_one, args=(tmp_path / "index", *span))
        for span in ranges
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(list(index.list_ids(SPACE))) == 20


def test_waiting_for_another_holder_is_bounded_and_may_be_tried_again(
    tmp_path: Path,
) -> None:
    from filelock import FileLock

    index = FaissIndex(tmp_path / "index", "scripts", lock_timeout_s=0.05)
    index.upsert(SPACE, entries(0, 1))
    lock = the_file(tmp_path).parent / ".lock"
    with FileLock(lock), pytest.raises(TransientVendorError, match="try again"):
        index.query(SPACE, [1.0] * 8, 1)
    assert len(index.query(SPACE, [1.0] * 8, 1)) == 1
