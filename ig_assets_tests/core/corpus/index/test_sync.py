"""The index equals the corpus, whatever the store did meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from ig_assets.adapters.faiss.index import FaissIndex
from ig_assets.core.corpus.index.sync import IndexChange, audit_index
from ig_assets.core.ports import IndexEntry
from ig_assets.errors import TransientVendorError
from ig_assets.warehouse.migrations import MIGRATIONS
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.corpus.corpus_factory import (
    CorpusFactory,
    HashedWordsEmbedder,
)


def change(**counts: int) -> IndexChange:
    zero = dict.fromkeys(IndexChange.__dataclass_fields__, 0)
    return IndexChange(**{**zero, **counts})


def agrees(corpus: CorpusFactory) -> bool:
    audit = audit_index(corpus.warehouse, corpus.index, corpus.space)
    return not audit.missing and not audit.orphans


def fill(corpus: CorpusFactory, count: int) -> None:
    for n in range(count):
        corpus.write(f"{n}.md", id=n, hook=f"Hook number {n}.")
    corpus.materialise()


def test_a_second_run_upserts_nothing_and_changes_no_row(corpus: CorpusFactory) -> None:
    corpus.write("a.md", id="a")
    corpus.write("b.md", id="b", hook="Another.")
    corpus.sync(), corpus.embed()
    assert corpus.sync_index() == change(upserted=2)
    assert corpus.indexed() == ["library/a", "library/b"]
    before = corpus.everything()
    corpus.clock.step(hours=23)
    assert corpus.sync_index() == change(unchanged=2)
    assert corpus.everything() == before


def test_a_change_of_metrics_alone_updates_metadata_and_embeds_nothing(
    corpus: CorpusFactory,
) -> None:
    fill(corpus, 3)
    block = "{as_of: 2026-01-01, views: 100, likes: 7}"
    corpus.write("1.md", id=1, hook="Hook number 1.", performance=block)
    _, embedded, indexed = corpus.materialise()
    assert embedded.embedded == 0 and len(corpus.embedder.embedded) == 3
    assert indexed == change(metadata_updated=1, unchanged=2)
    metadata = corpus.index.metadata(corpus.namespace, "library/1")
    assert metadata is not None and metadata["rate"] == pytest.approx(0.07)
    other = corpus.index.metadata(corpus.namespace, "library/2")
    assert other is not None and "rate" not in other  # a store takes no NULL


def test_a_decision_marks_its_script_without_embedding(corpus: CorpusFactory) -> None:
    fill(corpus, 2)
    corpus.decide("e1", winner_script_id="library/1")
    _, embedded, indexed = corpus.materialise()
    assert (embedded.embedded, indexed.metadata_updated) == (0, 1)
    metadata = corpus.index.metadata(corpus.namespace, "library/1")
    assert metadata is not None and metadata["is_winner"] is True


def test_changed_words_replace_their_vector(corpus: CorpusFactory) -> None:
    fill(corpus, 2)
    corpus.write("1.md", id=1, hook="Quite other words.")
    assert corpus.materialise()[2] == change(upserted=1, unchanged=1)
    [found] = corpus.retrieve("quite other words", 1)
    assert found.script_id == "library/1" and found.similarity > 0.5


def test_deleting_one_of_two_identical_texts_keeps_the_other(
    corpus: CorpusFactory,
) -> None:
    first = corpus.write("a.md", id="a")
    corpus.write("b.md", id="b")
    corpus.materialise()
    assert corpus.indexed() == ["library/a", "library/b"]
    first.unlink()
    assert corpus.materialise()[2] == change(deleted=1, unchanged=1)
    assert corpus.indexed() == ["library/b"]
    assert len(corpus.embedder.embedded) == 1


def test_vanished_revived_and_renamed_files_are_followed(corpus: CorpusFactory) -> None:
    fill(corpus, 3)
    path = corpus.library / "1.md"
    text = path.read_text(encoding="utf-8")
    path.unlink()
    assert corpus.materialise()[2] == change(deleted=1, unchanged=2)
    path.write_text(text, encoding="utf-8")
    assert corpus.materialise()[2] == change(upserted=1, unchanged=2)
    path.unlink()
    corpus.write("x.md", id="x", hook="Hook number 1.")
    assert corpus.materialise()[2] == change(upserted=1, deleted=1, unchanged=2)
    assert corpus.indexed() == ["library/0", "library/2", "library/x"]
    assert len(corpus.embedder.embedded) == 3


def test_lost_vectors_are_repaired_without_embedding(corpus: CorpusFactory) -> None:
    fill(corpus, 6)
    corpus.index.delete(corpus.namespace, ["library/1", "library/4"])
    assert not agrees(corpus)
    assert corpus.sync_index() == change(repaired=2, unchanged=4)
    assert agrees(corpus)
    assert len(corpus.embedder.embedded) == 6


@pytest.mark.parametrize("name", ["manifest", "*.f32"])
@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_a_broken_file_is_repaired_without_embedding(
    corpus: CorpusFactory, name: str, damage: str
) -> None:
    fill(corpus, 4)
    [file] = (corpus.folder / "index").rglob(name)
    content = file.read_bytes()
    file.unlink()
    if damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    assert corpus.sync_index() == change(repaired=4)
    assert agrees(corpus)
    assert len(corpus.embedder.embedded) == 4


def test_orphans_in_the_store_are_removed(corpus: CorpusFactory) -> None:
    fill(corpus, 2)
    vector = [1.0] * corpus.embedder.dimensions
    corpus.index.upsert(corpus.namespace, [IndexEntry("orphan", vector, {})])
    assert corpus.sync_index() == change(repaired=1, unchanged=2)
    assert agrees(corpus)


def test_a_crash_after_the_store_took_a_batch_is_made_good(
    corpus: CorpusFactory,
) -> None:
    fill(corpus, 3)
    with corpus.warehouse.transaction() as con:
        con.execute("DELETE FROM index_entries")
    assert corpus.sync_index() == change(upserted=3)
    assert agrees(corpus)


@dataclass
class LosesSome:
    """FAISS that does not take the ids it is told to lose."""

    inner: FaissIndex
    losing: set[str]

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def upsert(self, namespace: str, entries: Sequence[IndexEntry]) -> list[str]:
        kept = [entry for entry in entries if entry.entry_id not in self.losing]
        lost = [entry.entry_id for entry in entries if entry.entry_id in self.losing]
        return [*self.inner.upsert(namespace, kept), *lost]


def test_an_entry_that_did_not_make_it_is_tried_again(corpus: CorpusFactory) -> None:
    corpus.write("a.md", id="a")
    corpus.write("b.md", id="b", hook="Another.")
    corpus.sync(), corpus.embed()
    failing = LosesSome(corpus.index, {"library/a"})
    assert corpus.sync_index(failing) == change(upserted=1, failed=1)
    assert corpus.rows("SELECT script_id FROM index_entries") == [("library/b",)]
    assert corpus.sync_index() == change(upserted=1, unchanged=1)
    assert agrees(corpus)


def test_a_script_whose_new_words_wait_for_their_vector_keeps_its_entry(
    corpus: CorpusFactory,
) -> None:
    fill(corpus, 2)
    corpus.write("1.md", id=1, hook="Not yet embedded.")
    corpus.sync()
    assert corpus.sync_index() == change(unchanged=2)
    hooks = [found.hook for found in corpus.retrieve("hook number 1", 2)]
    assert sorted(hooks) == ["Hook number 0.", "Hook number 1."]


def entered(corpus: CorpusFactory) -> list[tuple[str, int]]:
    return corpus.rows("""
        SELECT namespace, count(*)
        FROM index_entries
        GROUP BY namespace
        ORDER BY namespace
        """)


def test_a_complete_new_space_takes_over_and_the_old_one_is_emptied(
    corpus: CorpusFactory,
) -> None:
    fill(corpus, 2)
    old = corpus.namespace
    first = corpus.embedder
    corpus.embedder = HashedWordsEmbedder("other-model", 16)
    assert corpus.materialise()[2] == change(upserted=2, switched=True)
    assert corpus.indexed() == ["library/0", "library/1"]
    assert list(corpus.index.list_ids(old)) == []
    assert entered(corpus) == [(corpus.namespace, 2)]
    assert corpus.sync_index() == change(unchanged=2)
    corpus.embedder = first
    _, embedded, indexed = corpus.materialise()
    assert embedded.embedded == 0, "the old vectors were kept, so going back is free"
    assert indexed == change(upserted=2, switched=True)


def half_embed(corpus: CorpusFactory, model: str = "other-model") -> None:
    """A new model that has embedded one of the scripts so far."""
    corpus.embedder = HashedWordsEmbedder(model, 16)
    corpus.embed()
    corpus.write("late.md", id="late", hook="Not yet embedded.")
    corpus.sync()


def test_an_incomplete_new_space_leaves_the_old_one_answering(
    corpus: CorpusFactory,
) -> None:
    fill(corpus, 2)
    old, first = corpus.namespace, corpus.embedder
    half_embed(corpus)
    assert corpus.sync_index() == change(upserted=2)
    assert list(corpus.index.list_ids(old)) == corpus.indexed()
    for _ in range(2):
        found = corpus.retrieve("hook number 1", 2, embedder_of=lambda *space: first)
        assert sorted(s.hook for s in found) == ["Hook number 0.", "Hook number 1."]
    assert first.embedded[-1] == "hook number 1", "the old model embeds the query"
    corpus.embed()
    assert corpus.sync_index() == change(upserted=1, unchanged=2, switched=True)
    assert list(corpus.index.list_ids(old)) == []


def test_the_old_space_follows_the_corpus_while_it_answers(
    corpus: CorpusFactory,
) -> None:
    fill(corpus, 3)
    old = corpus.namespace
    half_embed(corpus)
    corpus.sync_index()
    (corpus.library / "1.md").unlink()
    corpus.sync()
    assert corpus.sync_index() == change(deleted=2, unchanged=2)
    assert list(corpus.index.list_ids(old)) == ["library/0", "library/2"]


def test_a_space_given_up_half_way_is_emptied(corpus: CorpusFactory) -> None:
    fill(corpus, 2)
    first = corpus.embedder
    half_embed(corpus)
    corpus.sync_index()
    unfinished = corpus.namespace
    corpus.embedder = first
    assert corpus.materialise()[2] == change(upserted=1, unchanged=2)
    assert list(corpus.index.list_ids(unfinished)) == []
    assert entered(corpus) == [(corpus.namespace, 3)]


class Spy:
    """FAISS that notes what it was told, and fails once where it is told to."""

    def __init__(self, inner: FaissIndex, failing: str = "") -> None:
        self.inner = inner
        self.failing = failing
        self.told: list[tuple[str, int]] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        if name not in ("upsert", "update_metadata", "delete", "wait_until_readable"):
            return method

        def told(namespace: str, *what: Any) -> Any:
            self.told.append((name, len(what[0]) if what else 0))
            if name == self.failing:
                self.failing = ""
                raise TransientVendorError("the store is away.")
            return method(namespace, *what)

        return told


def test_metrics_alone_send_no_vector_but_a_key_that_vanished_does(
    corpus: CorpusFactory,
) -> None:
    fill(corpus, 3)
    block = "{as_of: 2026-01-01, views: 100, likes: 7}"
    corpus.write("1.md", id=1, hook="Hook number 1.", topic="a", performance=block)
    corpus.sync(), corpus.embed()
    spy = Spy(corpus.index)
    assert corpus.sync_index(spy) == change(metadata_updated=1, unchanged=2)
    assert spy.told == [("update_metadata", 1), ("wait_until_readable", 0)]
    with corpus.warehouse.transaction() as con:
        con.execute("UPDATE scripts SET topic = NULL WHERE script_id = 'library/1'")
    spy = Spy(corpus.index)
    assert corpus.sync_index(spy) == change(metadata_updated=1, unchanged=2)
    assert spy.told == [("upsert", 1), ("wait_until_readable", 0)]
    metadata = corpus.index.metadata(corpus.namespace, "library/1")
    assert metadata is not None and "topic" not in metadata
    assert metadata["status"] == "active"
    assert len(corpus.embedder.embedded) == 3


@pytest.mark.parametrize("step", ["upsert", "wait_until_readable"])
def test_a_failure_while_updating_leaves_a_version_answering(
    corpus: CorpusFactory, step: str
) -> None:
    fill(corpus, 2)
    corpus.write("1.md", id=1, hook="Quite other words.")
    corpus.sync(), corpus.embed()
    with pytest.raises(TransientVendorError, match="away"):
        corpus.sync_index(Spy(corpus.index, failing=step))
    found = corpus.retrieve("hook number 1 quite other words", 2)
    assert {s.script_id for s in found} == {"library/0", "library/1"}
    hook = {"upsert": "Hook number 1.", "wait_until_readable": "Quite other words."}
    assert hook[step] in {s.hook for s in found}
    corpus.sync_index()
    assert agrees(corpus)


def test_what_the_store_took_and_does_not_show_counts_as_failed(
    corpus: CorpusFactory,
) -> None:
    class Forgetful(Spy):
        def upsert(self, namespace: str, entries: Sequence[IndexEntry]) -> list[str]:
            return self.inner.upsert(namespace, entries[1:])

    corpus.write("a.md", id="a")
    corpus.write("b.md", id="b", hook="Another.")
    corpus.sync(), corpus.embed()
    assert corpus.sync_index(Forgetful(corpus.index)) == change(upserted=2, failed=1)
    assert corpus.rows("SELECT * FROM index_spaces") == [], "nor is the space complete"
    assert corpus.sync_index() == change(repaired=1, unchanged=1)
    assert agrees(corpus)


def test_a_warehouse_from_before_spaces_goes_on_with_what_it_had(
    corpus: CorpusFactory,
) -> None:
    fill(corpus, 2)
    old = corpus.namespace
    number = 3
    [statements] = [text for n, _, text in MIGRATIONS if n == number]
    with corpus.warehouse.transaction() as con:
        con.execute("DROP TABLE index_spaces")
        con.execute("ALTER TABLE index_entries DROP COLUMN metadata_keys")
        con.execute("DELETE FROM migrations WHERE number = ?", [number])
    assert "INSERT INTO index_spaces" in statements
    corpus.warehouse = Warehouse(corpus.warehouse.url, corpus.clock.now)
    assert corpus.rows("SELECT namespace, model, dimensions FROM index_spaces") == [
        (old, corpus.embedder.model, corpus.embedder.dimensions)
    ]
    assert corpus.sync_index() == change(unchanged=2)
