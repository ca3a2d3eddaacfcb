"""The files of the embedded index: shared by processes, and valid after any crash."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from ig_assets.adapters.faiss import store
from ig_assets.adapters.faiss.index import FaissIndex
from ig_assets.core.ports import IndexEntry, Match
from ig_assets.errors import TransientVendorError
from ig_assets_tests.factories.processes import started

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


def manifest_of(tmp_path: Path) -> Path:
    [path] = (tmp_path / "index").rglob(store.MANIFEST)
    return path


def blocks_of(tmp_path: Path) -> list[Path]:
    return sorted(
        (tmp_path / "index").rglob("*.f32"), key=lambda p: p.stat().st_ctime_ns
    )


def test_namespaces_do_not_see_each_other(index: FaissIndex) -> None:
    index.upsert("a", entries(0, 2))
    index.upsert("b", [IndexEntry("x", [1.0, 0.0], {})])
    assert list(index.list_ids("b")) == ["x"]
    assert list(index.list_ids("nothing here")) == []


def test_of_equally_near_entries_the_first_ids_are_found_whatever_came_first(
    index: FaissIndex,
) -> None:
    """FAISS 1.15.1 itself keeps the order in which entries were added."""
    same = [IndexEntry(name, [1.0, 0.0], {}) for name in "dbeac"]
    index.upsert("a", [*same, IndexEntry("nearest", [0.0, 1.0], {})])
    found = index.query("a", [0.6, 0.8], 3)
    assert [match.entry_id for match in found] == ["nearest", "a", "b"]


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
def test_a_damaged_manifest_is_an_empty_index_that_can_be_filled_again(
    index: FaissIndex, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    index.upsert(SPACE, entries(0, 20))
    damaged(manifest_of(tmp_path), damage)
    broken = reopened(index, tmp_path)
    assert list(broken.list_ids(SPACE)) == []
    assert "is damaged" in caplog.text
    assert broken.query(SPACE, [1.0] * 8, 3) == []
    broken.upsert(SPACE, entries(0, 20))
    assert len(list(reopened(index, tmp_path).list_ids(SPACE))) == 20


def test_a_manifest_cut_anywhere_is_an_empty_index_and_no_error(
    index: FaissIndex, tmp_path: Path
) -> None:
    index.upsert(SPACE, entries(0, 3))
    path = manifest_of(tmp_path)
    content = path.read_bytes()
    cuts = [content[:length] for length in range(len(content))]
    of_nothing = [b"0" * length for length in range(1, 9)]  # the checksum of no bytes
    for cut in cuts + of_nothing:
        path.write_bytes(cut)
        assert list(reopened(index, tmp_path).list_ids(SPACE)) == []
    path.write_bytes(content)
    assert len(reopened(index, tmp_path).query(SPACE, [1.0] * 8, 9)) == 3


@pytest.mark.parametrize("damage", ["flipped", "emptied", "foreign", "missing"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_broken_vectors_are_found_when_they_are_needed_and_leave_the_list(
    index: FaissIndex,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: str,
    place: int,
) -> None:
    for n in range(3):
        index.upsert(SPACE, entries(3 * n, 3 * n + 3))
    path = blocks_of(tmp_path)[place]
    if damage == "missing":
        path.unlink()
    else:
        damaged(path, damage)
    later = reopened(index, tmp_path)
    kept = [f"script/{n}" for n in range(9) if n // 3 != place]
    listed = list(later.list_ids(SPACE))
    if damage == "flipped":
        assert len(listed) == 9, "the vectors were not read"
    else:
        assert listed == kept, "the size of a file is seen without reading it"
    found = {m.entry_id: m.similarity for m in later.query(SPACE, [1.0] * 8, 9)}
    assert "missing or damaged" in caplog.text
    assert sorted(found) == kept
    for entry in entries(0, 9):
        if entry.entry_id in kept:
            assert found[entry.entry_id] == pytest.approx(
                sum(entry.vector) / 8**0.5, abs=1e-5
            )
    assert list(later.list_ids(SPACE)) == kept, "so that the next sync repairs it"
    assert list(reopened(index, tmp_path).list_ids(SPACE)) == kept


def test_a_batch_is_a_block_and_blocks_are_merged_only_when_most_is_waste(
    index: FaissIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LEAST_WASTE_BYTES", 2000)
    index.upsert(SPACE, entries(0, 100))
    [base] = blocks_of(tmp_path)
    other = reopened(index, tmp_path)
    assert len(other.query(SPACE, [1.0] * 8, 999)) == 100
    index.upsert(SPACE, entries(100, 101))
    assert [path.stat().st_size for path in blocks_of(tmp_path)] == [100 * 32, 32]
    for seed in range(3):
        index.upsert(SPACE, entries(0, 40, seed=seed))
    assert not base.exists()
    size = sum(path.stat().st_size for path in blocks_of(tmp_path))
    assert size < 1.5 * 100 * 32
    [newest] = entries(39, 40, seed=2)
    for reader in (index, other, reopened(index, tmp_path)):
        assert len(list(reader.list_ids(SPACE))) == 101
        found = reader.query(SPACE, newest.vector, 101)
        assert found[0].entry_id == "script/39" and len(found) == 101
        assert reader.metadata(SPACE, "script/7") == {"origin": "library", "n": 7}


def test_many_small_blocks_are_merged(
    index: FaissIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_BLOCKS", 4)
    for n in range(9):
        index.upsert(SPACE, entries(n, n + 1))
        assert len(blocks_of(tmp_path)) <= 4
    assert len(list(reopened(index, tmp_path).list_ids(SPACE))) == 9
    for entry in entries(0, 9):
        [best] = reopened(index, tmp_path).query(SPACE, entry.vector, 1)
        assert (best.entry_id, best.similarity) == (entry.entry_id, pytest.approx(1.0))


def test_a_purged_vector_is_in_no_file_also_where_it_was_deleted_before(
    index: FaissIndex, tmp_path: Path
) -> None:
    index.upsert(SPACE, entries(0, 9))
    index.delete(SPACE, ["script/3"])

    def is_somewhere(entry: IndexEntry) -> bool:
        row = np.asarray(entry.vector, "<f4")
        row = (row / np.linalg.norm(row.astype(np.float64)).astype("<f4")).tobytes()
        files = [p for p in (tmp_path / "index").rglob("*") if p.is_file()]
        assert files
        return any(row in p.read_bytes() for p in files)

    assert is_somewhere(entries(3, 4)[0]), "a deletion alone leaves the vector"
    index.purge(SPACE, ["script/5", "unknown"])
    assert [is_somewhere(entry) for entry in entries(2, 6)] == [
        True,
        False,
        True,
        False,
    ]
    later = reopened(index, tmp_path)
    for entry in (entries(0, 9)[n] for n in (0, 2, 4, 8)):
        [best] = later.query(SPACE, entry.vector, 1)
        assert (best.entry_id, best.similarity) == (entry.entry_id, pytest.approx(1.0))
    index.purge(SPACE, list(index.list_ids(SPACE)))
    assert blocks_of(tmp_path) == []
    index.purge("a namespace that never was-8", ["script/5"])


@pytest.mark.parametrize("replaced", [0, 1, 2])
def test_a_crash_while_merging_leaves_the_old_store_valid(
    index: FaissIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: int
) -> None:
    index.upsert(SPACE, entries(0, 3))
    monkeypatch.setattr(store, "LEAST_WASTE_BYTES", 0)
    index.upsert(SPACE, entries(0, 3, seed=8))
    true_replace, left = os.replace, [replaced]

    def crash(source: Path, target: Path) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        true_replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(
            os, "replace", crash
        )  # of the block, the merged one, the manifest
        with pytest.raises(KeyboardInterrupt):
            index.upsert(SPACE, entries(0, 3, seed=9))
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

    def read(files: store.Store, block: object) -> None:
        raise AssertionError("a vector was read")

    monkeypatch.setattr(store.Store, "_read_block", read)
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
    workers = [
        started(_upsert_one_by_one, tmp_path / "index", *span)
        for span in [(0, 10), (10, 20)]
    ]
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
    lock = manifest_of(tmp_path).parents[1] / ".lock"
    with FileLock(lock), pytest.raises(TransientVendorError, match="try again"):
        index.query(SPACE, [1.0] * 8, 1)
    assert len(index.query(SPACE, [1.0] * 8, 1)) == 1
