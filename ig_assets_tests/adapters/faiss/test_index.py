"""The embedded index's file: appended, shared, and whole after any crash."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from ig_assets.adapters.faiss import store
from ig_assets.adapters.faiss.index import FaissIndex
from ig_assets.adapters.faiss.journal import Journal
from ig_assets.core.ports import IndexEntry, Match
from ig_assets.errors import TransientVendorError

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


def damaged(path: Path, damage: str) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(
        {
            "flipped": bytes(content),
            "emptied": b"",
            "foreign": b"something else entirely, and long enough for a header " * 4,
        }[damage]
    )


@pytest.mark.parametrize("damage", ["flipped", "emptied", "foreign"])
def test_a_broken_file_counts_up_to_where_it_is_broken_and_can_be_filled_again(
    index: FaissIndex, tmp_path: Path, damage: str
) -> None:
    index.upsert(SPACE, entries(0, 20))
    damaged(the_file(tmp_path), damage)
    broken = reopened(index, tmp_path)
    assert list(broken.list_ids(SPACE)) == []
    assert broken.query(SPACE, [1.0] * 8, 3) == []
    broken.upsert(SPACE, entries(0, 20))
    assert len(list(reopened(index, tmp_path).list_ids(SPACE))) == 20


def test_a_file_cut_anywhere_keeps_exactly_the_whole_records_before(
    index: FaissIndex, tmp_path: Path
) -> None:
    path, ends = None, [24]
    for n in range(4):
        index.upsert(SPACE, entries(3 * n, 3 * n + 3))
        path = the_file(tmp_path)
        ends.append(path.stat().st_size)
    assert path is not None
    content = path.read_bytes()
    for length in range(24, len(content)):
        path.write_bytes(content[:length])
        cut = reopened(index, tmp_path)
        whole = sum(end <= length for end in ends) - 1
        assert len(list(cut.list_ids(SPACE))) == 3 * whole
    cut.upsert(SPACE, entries(12, 13))
    assert len(list(reopened(index, tmp_path).list_ids(SPACE))) == 3 * whole + 1
    assert len(cut.query(SPACE, [1.0] * 8, 99)) == 3 * whole + 1


def test_broken_vectors_are_found_when_they_are_needed_and_leave_the_list(
    index: FaissIndex, tmp_path: Path
) -> None:
    index.upsert(SPACE, entries(0, 3))
    index.upsert(SPACE, entries(3, 6))
    path = the_file(tmp_path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xFF
    path.write_bytes(content)
    later = reopened(index, tmp_path)
    assert len(list(later.list_ids(SPACE))) == 6, "the vectors were not read"
    assert len(later.query(SPACE, [1.0] * 8, 9)) == 3
    assert len(list(later.list_ids(SPACE))) == 3, "so that the next sync repairs it"
    assert len(list(reopened(index, tmp_path).list_ids(SPACE))) == 3


def test_a_batch_is_appended_and_a_rewrite_comes_only_when_most_is_waste(
    index: FaissIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LEAST_WASTE_BYTES", 2000)
    index.upsert(SPACE, entries(0, 100))
    path = the_file(tmp_path)
    base, inode = path.stat().st_size, path.stat().st_ino
    other = reopened(index, tmp_path)
    assert len(other.query(SPACE, [1.0] * 8, 999)) == 100
    index.upsert(SPACE, entries(100, 101))
    assert path.stat().st_size < base + 300 and path.stat().st_ino == inode
    for seed in range(3):
        index.upsert(SPACE, entries(0, 40, seed=seed))
    assert path.stat().st_ino != inode
    assert path.stat().st_size < 1.5 * base
    [newest] = entries(39, 40, seed=2)
    for reader in (index, other, reopened(index, tmp_path)):
        assert len(list(reader.list_ids(SPACE))) == 101
        found = reader.query(SPACE, newest.vector, 101)
        assert found[0].entry_id == "script/39" and len(found) == 101
        assert reader.metadata(SPACE, "script/7") == {"origin": "library", "n": 7}


def test_a_crash_while_rewriting_leaves_the_old_store_whole(
    index: FaissIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.upsert(SPACE, entries(0, 3))
    monkeypatch.setattr(store, "LEAST_WASTE_BYTES", 0)

    def crash(source: object, target: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            for _ in range(3):
                index.upsert(SPACE, entries(0, 3, seed=8))
    for survivor in (index, reopened(index, tmp_path)):
        assert len(list(survivor.list_ids(SPACE))) == 3
        [found] = survivor.query(SPACE, entries(1, 2, seed=8)[0].vector, 1)
        assert found.entry_id == "script/1"
    index.upsert(SPACE, entries(3, 6))
    assert len(list(index.list_ids(SPACE))) == 6


def test_a_namespace_that_was_emptied_takes_other_dimensions(
    index: FaissIndex,
) -> None:
    index.upsert(SPACE, entries(0, 3))
    index.delete(SPACE, list(index.list_ids(SPACE)))
    assert index.upsert(SPACE, [IndexEntry("x", [1.0, 0.0], {})]) == []
    assert index.query(SPACE, [1.0, 0.0], 1) == [Match("x", pytest.approx(1.0))]


def test_opening_and_listing_do_not_read_a_vector(
    index: FaissIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.upsert(SPACE, entries(0, 9))

    def read(journal: Journal, record: object) -> bytes:
        raise AssertionError("a vector was read")

    monkeypatch.setattr(Journal, "vectors", read)
    later = reopened(index, tmp_path)
    later.upsert(SPACE, entries(9, 10))
    later.delete(SPACE, ["script/0"])
    assert later.update_metadata(SPACE, {"script/1": {"n": 11}}) == []
    assert len(list(later.list_ids(SPACE))) == 9


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
