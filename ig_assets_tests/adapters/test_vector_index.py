"""What every vector index promises, whichever store it is: FAISS, and Pinecone's SDK
against NeedleDB."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest

from ig_assets.adapters.faiss.index import FaissIndex
from ig_assets.adapters.pinecone.client import PineconeAccount
from ig_assets.adapters.pinecone.index import PineconeIndex
from ig_assets.core.corpus.index.sync import IndexChange, audit_index
from ig_assets.core.ports import Filters, IndexEntry, Match, VectorIndex
from ig_assets.errors import InputError
from ig_assets_tests.core.corpus.corpus_factory import (
    CorpusFactory,
    HashedWordsEmbedder,
)
from ig_assets_tests.stand_ins.needledb_server import NeedleDB

SPACE = "model/with ä slash-8"


def entries(first: int, last: int, seed: int = 7) -> list[IndexEntry]:
    rows = np.random.default_rng(seed).normal(size=(last, 8))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return [
        IndexEntry(f"script/ü {n}", rows[n].tolist(), metadata(n))
        for n in range(first, last)
    ]


def metadata(n: int) -> dict[str, str | float | bool]:
    """Every third has no rate, every second is German, one in five has won."""
    known: dict[str, str | float | bool] = {
        "status": "active",
        "origin": "winner" if n % 5 == 0 else "library",
        "language": "de" if n % 2 else "en",
        "month": f"2026-0{n % 4 + 1}",
        "is_winner": n % 5 == 0,
    }
    return known if n % 3 == 0 else {**known, "rate": n / 100}


@pytest.fixture(params=["faiss", "pinecone"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> VectorIndex:
    if request.param == "faiss":
        return FaissIndex(tmp_path / "index", "scripts")
    needle: NeedleDB = request.getfixturevalue("needle")
    host = needle.host(f"t-{uuid.uuid4().hex[:12]}", 8)
    return PineconeIndex(PineconeAccount("any-key", host=host), "scripts")


def names(numbers: list[int]) -> list[str]:
    return [f"script/ü {n}" for n in numbers]


def test_the_nearest_is_found_exactly_best_first(index: VectorIndex) -> None:
    given = entries(0, 50)
    assert index.upsert(SPACE, given) == []
    index.wait_until_readable(SPACE)
    sought = np.array(given[17].vector)
    cosines = np.array([entry.vector for entry in given]) @ sought
    found = index.query(SPACE, sought.tolist(), 5)
    assert [m.entry_id for m in found] == names(np.argsort(-cosines)[:5].tolist())
    assert found[0].similarity == pytest.approx(1.0, abs=1e-6)
    assert [m.similarity for m in found] == pytest.approx(
        sorted(cosines, reverse=True)[:5], abs=1e-6
    )
    assert len(index.query(SPACE, sought.tolist(), 1000)) == 50
    assert index.query(SPACE, sought.tolist(), 0) == []


def test_ids_are_listed_over_many_pages(index: VectorIndex) -> None:
    assert index.upsert(SPACE, entries(0, 230)) == []
    assert sorted(index.list_ids(SPACE)) == sorted(names(list(range(230))))
    assert list(index.list_ids("another-8")) == []
    assert (index.count(SPACE), index.count("another-8")) == (230, 0)


def test_an_upsert_replaces_and_a_delete_removes(index: VectorIndex) -> None:
    index.upsert(SPACE, entries(0, 5))
    [other] = entries(3, 4, seed=8)
    index.upsert(SPACE, [IndexEntry(other.entry_id, other.vector, {"origin": "x"})])
    index.delete(SPACE, [*names([0, 0]), "unknown", "x" * 600])
    index.wait_until_readable(SPACE)
    assert sorted(index.list_ids(SPACE)) == names([1, 2, 3, 4])
    [best] = index.query(SPACE, other.vector, 1)
    assert best == Match(names([3])[0], pytest.approx(1.0, abs=1e-6))
    assert index.query(SPACE, other.vector, 9, Filters(language="de"))[0] != best
    index.delete(SPACE, list(index.list_ids(SPACE)))
    index.wait_until_readable(SPACE)
    assert list(index.list_ids(SPACE)) == index.query(SPACE, other.vector, 3) == []


def test_a_vector_of_any_length_is_compared_by_direction(index: VectorIndex) -> None:
    index.upsert(SPACE, [IndexEntry("long", [9.0] * 8, {})])
    assert index.query(SPACE, [0.1] * 8, 1)[0].similarity == pytest.approx(1.0)


def test_what_cannot_be_stored_is_named_and_the_rest_is_stored(
    index: VectorIndex,
) -> None:
    index.upsert(SPACE, entries(0, 2))
    wrong = [
        IndexEntry("short", [1.0] * 7, {}),
        IndexEntry("nan", [float("nan")] * 8, {}),
        IndexEntry("zero", [0.0] * 8, {}),
    ]
    assert index.upsert(SPACE, [*wrong, *entries(2, 3)]) == ["short", "nan", "zero"]
    assert index.upsert(SPACE, []) == []
    assert len(list(index.list_ids(SPACE))) == 3
    with pytest.raises(InputError, match="7 dimensions"):
        index.query(SPACE, [1.0] * 7, 1)


@pytest.mark.parametrize(
    "filters",
    [
        Filters(status="active"),
        Filters(status="retired"),
        Filters(language="de"),
        Filters(origin="winner", month="2026-01"),
        Filters(min_rate=0.25),
        Filters("active", "en", "library", 0.1, "2026-03"),
    ],
)
def test_a_filter_admits_what_its_metadata_says_and_nothing_else(
    index: VectorIndex, filters: Filters
) -> None:
    index.upsert(SPACE, entries(0, 40))
    found = index.query(SPACE, [1.0] * 8, 40, filters)
    expected = [n for n in range(40) if filters.admit(metadata(n))]
    assert sorted(m.entry_id for m in found) == sorted(names(expected))
    [nearest] = index.query(SPACE, [1.0] * 8, 1, filters) or [None]
    assert nearest == (found[0] if found else None), "filtered before cut to k"


def test_metadata_is_set_by_key_and_leaves_vectors_alone(index: VectorIndex) -> None:
    given = entries(0, 6)
    index.upsert(SPACE, given)
    new: dict[str, str | float | bool] = {"rate": 0.9, "month": "2026-07"}
    changed = names([1, 4])
    assert index.update_metadata(SPACE, dict.fromkeys([*changed, "unknown"], new)) == [
        "unknown"
    ]
    index.wait_until_readable(SPACE)
    found = index.query(SPACE, given[4].vector, 6, Filters(min_rate=0.9))
    assert [m.entry_id for m in found] in (changed, changed[::-1])
    assert found[0].similarity == pytest.approx(1.0, abs=1e-6)
    german = index.query(
        SPACE, given[1].vector, 6, Filters(None, "de", month="2026-07")
    )
    assert [m.entry_id for m in german] == names([1]), "the other keys stay"
    assert index.update_metadata("empty-8", {"x": new}) == ["x"]


def test_a_sync_makes_any_store_equal_the_corpus(
    index: VectorIndex, tmp_path: Path
) -> None:
    corpus = CorpusFactory(tmp_path)
    corpus.embedder = HashedWordsEmbedder(dimensions=8)
    corpus.index = index

    def turned(**counts: int) -> bool:
        zero = dict.fromkeys(IndexChange.__dataclass_fields__, 0)
        assert corpus.materialise()[2] == IndexChange(**{**zero, **counts})
        audit = audit_index(corpus.warehouse, index, corpus.space)
        return not audit.missing and not audit.orphans

    for n in range(12):
        corpus.write(f"ü {n}.md", id=f"ü {n}", hook=f"Hook {n % 10}.", language="en")
    assert turned(upserted=12)
    assert turned(unchanged=12)
    block = "{as_of: 2026-01-01, views: 100, likes: 7}"
    corpus.write("ü 3.md", id="ü 3", hook="Hook 3.", language="en", performance=block)
    corpus.write("ü 4.md", id="ü 4", hook="Quite other words.", language="en")
    (corpus.library / "ü 0.md").unlink()
    (corpus.library / "ü 1.md").unlink()
    assert turned(metadata_updated=1, upserted=1, deleted=2, unchanged=8)
    index.delete(corpus.namespace, ["library/ü 5"])
    index.upsert(corpus.namespace, [IndexEntry("orphan", [1.0] * 8, {})])
    index.wait_until_readable(corpus.namespace)
    corpus.clock.step(days=1)  # a store that only counts its entries has as many
    assert turned(repaired=2, unchanged=9)
    index.delete(corpus.namespace, ["library/ü 5"])
    index.wait_until_readable(corpus.namespace)
    assert turned(repaired=1, unchanged=9)
    [found] = corpus.retrieve("hook", 5, filters=Filters(min_rate=0.05))
    assert found.script_id == "library/ü 3"
    embedded = len(corpus.embedder.embedded)
    old = corpus.namespace
    corpus.embedder = HashedWordsEmbedder("other", 8)
    assert turned_other(corpus) and list(index.list_ids(old)) == []
    assert embedded == 11 + 1, "10 texts, one new, one query"


def turned_other(corpus: CorpusFactory) -> bool:
    return corpus.materialise()[2].switched


def test_a_store_keeps_the_name_of_its_state_and_its_entries_versions(
    index: VectorIndex,
) -> None:
    assert index.generation(SPACE) is None and index.versions("empty-8") == {}
    versioned = [
        IndexEntry(entry.entry_id, entry.vector, {**entry.metadata, "version": f"v{n}"})
        for n, entry in enumerate(entries(0, 3))
    ]
    index.upsert(SPACE, [*versioned, *entries(3, 4)])
    index.mark(SPACE, "first")
    assert index.generation(SPACE) == "first"
    assert index.versions(SPACE) == {
        **{entry.entry_id: f"v{n}" for n, entry in enumerate(versioned)},
        **{entry.entry_id: None for entry in entries(3, 4)},
    }
    index.mark(SPACE, "second")
    assert index.generation(SPACE) == "second"
    assert sorted(index.list_ids(SPACE)) == sorted(names(range(4)))
    assert len(index.query(SPACE, [1.0] * 8, 10)) == 4, "the mark is no entry"


def test_an_older_copy_of_any_store_is_repaired(
    index: VectorIndex, tmp_path: Path
) -> None:
    corpus = CorpusFactory(tmp_path)
    corpus.embedder = HashedWordsEmbedder(dimensions=8)
    corpus.index = index
    for n in range(4):
        corpus.write(f"{n}.md", id=n, hook=f"Hook {n}.")
    corpus.materialise()
    space = corpus.namespace
    old = [
        IndexEntry(f"library/{n}", [1.0] * 8, {"status": "active", "version": "older"})
        for n in (1, 2)
    ]
    generation = index.generation(space)
    index.upsert(space, old)
    index.mark(space, "of the older copy")
    index.wait_until_readable(space)
    assert generation not in (None, "of the older copy")
    assert len(audit_index(corpus.warehouse, index, corpus.space).stale) == 2
    embedded = len(corpus.embedder.embedded)
    assert corpus.sync_index().repaired == 2
    assert corpus.sync_index().unchanged == 4
    assert audit_index(corpus.warehouse, index, corpus.space).stale == ()
    [found] = corpus.retrieve("Hook 1.", 1, nearest=True)
    assert found.script_id == "library/1"
    assert len(corpus.embedder.embedded) == embedded + 1, "the query alone"


def test_what_is_purged_is_listed_and_found_no_more(index: VectorIndex) -> None:
    given = entries(0, 5)
    assert index.upsert(SPACE, given) == []
    index.purge(SPACE, [given[2].entry_id, "unknown"])
    assert sorted(index.list_ids(SPACE)) == names([0, 1, 3, 4])
    found = index.query(SPACE, list(given[2].vector), 5)
    assert sorted(m.entry_id for m in found) == names([0, 1, 3, 4])
