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


def agrees(shelf: CorpusFactory) -> bool:
    model, dimensions = shelf.embedder.model, shelf.embedder.dimensions
    audit = audit_index(shelf.warehouse, shelf.index, model, dimensions)
    return not audit.missing and not audit.strangers


def fill(shelf: CorpusFactory, count: int) -> None:
    for n in range(count):
        shelf.write(f"{n}.md", id=n, hook=f"Hook number {n}.")
    shelf.turn()


def test_a_second_run_upserts_nothing_and_changes_no_row(shelf: CorpusFactory) -> None:
    shelf.write("a.md", id="a")
    shelf.write("b.md", id="b", hook="Another.")
    shelf.sync(), shelf.embed()
    assert shelf.sync_index() == change(upserted=2)
    assert shelf.indexed() == ["library/a", "library/b"]
    before = shelf.everything()
    shelf.clock.step(days=1)
    assert shelf.sync_index() == change(unchanged=2)
    assert shelf.everything() == before


def test_a_change_of_metrics_alone_updates_metadata_and_embeds_nothing(
    shelf: CorpusFactory,
) -> None:
    fill(shelf, 3)
    block = "{as_of: 2026-01-01, views: 100, likes: 7}"
    shelf.write("1.md", id=1, hook="Hook number 1.", performance=block)
    _, embedded, indexed = shelf.turn()
    assert embedded.embedded == 0 and len(shelf.embedder.embedded) == 3
    assert indexed == change(metadata_updated=1, unchanged=2)
    metadata = shelf.index.metadata(shelf.namespace, "library/1")
    assert metadata is not None and metadata["rate"] == pytest.approx(0.07)
    other = shelf.index.metadata(shelf.namespace, "library/2")
    assert other is not None and "rate" not in other  # a store takes no NULL


def test_a_decision_marks_its_script_without_embedding(shelf: CorpusFactory) -> None:
    fill(shelf, 2)
    shelf.decide("e1", winner_script_id="library/1")
    _, embedded, indexed = shelf.turn()
    assert (embedded.embedded, indexed.metadata_updated) == (0, 1)
    metadata = shelf.index.metadata(shelf.namespace, "library/1")
    assert metadata is not None and metadata["is_winner"] is True


def test_changed_words_replace_their_vector(shelf: CorpusFactory) -> None:
    fill(shelf, 2)
    shelf.write("1.md", id=1, hook="Quite other words.")
    assert shelf.turn()[2] == change(upserted=1, unchanged=1)
    [found] = shelf.retrieve("quite other words", 1)
    assert found.script_id == "library/1" and found.similarity > 0.5


def test_deleting_one_of_two_identical_texts_keeps_the_other(
    shelf: CorpusFactory,
) -> None:
    first = shelf.write("a.md", id="a")
    shelf.write("b.md", id="b")
    shelf.turn()
    assert shelf.indexed() == ["library/a", "library/b"]
    first.unlink()
    assert shelf.turn()[2] == change(deleted=1, unchanged=1)
    assert shelf.indexed() == ["library/b"]
    assert len(shelf.embedder.embedded) == 1


def test_vanished_revived_and_renamed_files_are_followed(shelf: CorpusFactory) -> None:
    fill(shelf, 3)
    path = shelf.library / "1.md"
    text = path.read_text(encoding="utf-8")
    path.unlink()
    assert shelf.turn()[2] == change(deleted=1, unchanged=2)
    path.write_text(text, encoding="utf-8")
    assert shelf.turn()[2] == change(upserted=1, unchanged=2)
    path.unlink()
    shelf.write("x.md", id="x", hook="Hook number 1.")
    assert shelf.turn()[2] == change(upserted=1, deleted=1, unchanged=2)
    assert shelf.indexed() == ["library/0", "library/2", "library/x"]
    assert len(shelf.embedder.embedded) == 3


def test_lost_vectors_are_repaired_without_embedding(shelf: CorpusFactory) -> None:
    fill(shelf, 6)
    shelf.index.delete(shelf.namespace, ["library/1", "library/4"])
    assert not agrees(shelf)
    assert shelf.sync_index() == change(repaired=2, unchanged=4)
    assert agrees(shelf)
    assert len(shelf.embedder.embedded) == 6


def test_a_broken_file_is_repaired_without_embedding(shelf: CorpusFactory) -> None:
    fill(shelf, 4)
    [file] = (shelf.folder / "index").rglob("*.faiss")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert shelf.sync_index() == change(repaired=4)
    assert agrees(shelf)
    assert len(shelf.embedder.embedded) == 4


def test_strangers_in_the_store_are_removed(shelf: CorpusFactory) -> None:
    fill(shelf, 2)
    vector = [1.0] * shelf.embedder.dimensions
    shelf.index.upsert(shelf.namespace, [IndexEntry("stranger", vector, {})])
    assert shelf.sync_index() == change(repaired=1, unchanged=2)
    assert agrees(shelf)


def test_a_crash_after_the_store_took_a_batch_is_made_good(
    shelf: CorpusFactory,
) -> None:
    fill(shelf, 3)
    with shelf.warehouse.transaction() as con:
        con.execute("DELETE FROM index_entries")
    assert shelf.sync_index() == change(upserted=3)
    assert agrees(shelf)


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


def test_an_entry_that_did_not_make_it_is_tried_again(shelf: CorpusFactory) -> None:
    shelf.write("a.md", id="a")
    shelf.write("b.md", id="b", hook="Another.")
    shelf.sync(), shelf.embed()
    failing = LosesSome(shelf.index, {"library/a"})
    assert shelf.sync_index(failing) == change(upserted=1, failed=1)
    assert shelf.rows("SELECT script_id FROM index_entries") == [("library/b",)]
    assert shelf.sync_index() == change(upserted=1, unchanged=1)
    assert agrees(shelf)


def test_a_script_whose_new_words_wait_for_their_vector_keeps_its_entry(
    shelf: CorpusFactory,
) -> None:
    fill(shelf, 2)
    shelf.write("1.md", id=1, hook="Not yet embedded.")
    shelf.sync()
    assert shelf.sync_index() == change(unchanged=2)
    hooks = [found.hook for found in shelf.retrieve("hook number 1", 2)]
    assert sorted(hooks) == ["Hook number 0.", "Hook number 1."]


def entered(shelf: CorpusFactory) -> list[tuple[str, int]]:
    return shelf.rows("""
        SELECT namespace, count(*)
        FROM index_entries
        GROUP BY namespace
        ORDER BY namespace
        """)


def test_a_complete_new_space_takes_over_and_the_old_one_is_emptied(
    shelf: CorpusFactory,
) -> None:
    fill(shelf, 2)
    old = shelf.namespace
    first = shelf.embedder
    shelf.embedder = HashedWordsEmbedder("other-model", 16)
    assert shelf.turn()[2] == change(upserted=2, switched=True)
    assert shelf.indexed() == ["library/0", "library/1"]
    assert list(shelf.index.list_ids(old)) == []
    assert entered(shelf) == [(shelf.namespace, 2)]
    assert shelf.sync_index() == change(unchanged=2)
    shelf.embedder = first
    _, embedded, indexed = shelf.turn()
    assert embedded.embedded == 0, "the old vectors were kept, so going back is free"
    assert indexed == change(upserted=2, switched=True)


def half_embed(shelf: CorpusFactory, model: str = "other-model") -> None:
    """A new model that has embedded one of the scripts so far."""
    shelf.embedder = HashedWordsEmbedder(model, 16)
    shelf.embed()
    shelf.write("late.md", id="late", hook="Not yet embedded.")
    shelf.sync()


def test_an_incomplete_new_space_leaves_the_old_one_answering(
    shelf: CorpusFactory,
) -> None:
    fill(shelf, 2)
    old, first = shelf.namespace, shelf.embedder
    half_embed(shelf)
    assert shelf.sync_index() == change(upserted=2)
    assert list(shelf.index.list_ids(old)) == shelf.indexed()
    for _ in range(2):
        found = shelf.retrieve("hook number 1", 2, embedder_of=lambda *space: first)
        assert sorted(s.hook for s in found) == ["Hook number 0.", "Hook number 1."]
    assert first.embedded[-1] == "hook number 1", "the old model embeds the query"
    shelf.embed()
    assert shelf.sync_index() == change(upserted=1, unchanged=2, switched=True)
    assert list(shelf.index.list_ids(old)) == []


def test_the_old_space_follows_the_corpus_while_it_answers(
    shelf: CorpusFactory,
) -> None:
    fill(shelf, 3)
    old = shelf.namespace
    half_embed(shelf)
    shelf.sync_index()
    (shelf.library / "1.md").unlink()
    shelf.sync()
    assert shelf.sync_index() == change(deleted=2, unchanged=2)
    assert list(shelf.index.list_ids(old)) == ["library/0", "library/2"]


def test_a_space_given_up_half_way_is_emptied(shelf: CorpusFactory) -> None:
    fill(shelf, 2)
    first = shelf.embedder
    half_embed(shelf)
    shelf.sync_index()
    unfinished = shelf.namespace
    shelf.embedder = first
    assert shelf.turn()[2] == change(upserted=1, unchanged=2)
    assert list(shelf.index.list_ids(unfinished)) == []
    assert entered(shelf) == [(shelf.namespace, 3)]


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
    shelf: CorpusFactory,
) -> None:
    fill(shelf, 3)
    block = "{as_of: 2026-01-01, views: 100, likes: 7}"
    shelf.write("1.md", id=1, hook="Hook number 1.", topic="a", performance=block)
    shelf.sync(), shelf.embed()
    spy = Spy(shelf.index)
    assert shelf.sync_index(spy) == change(metadata_updated=1, unchanged=2)
    assert spy.told == [("update_metadata", 1), ("wait_until_readable", 0)]
    with shelf.warehouse.transaction() as con:
        con.execute("UPDATE scripts SET topic = NULL WHERE script_id = 'library/1'")
    spy = Spy(shelf.index)
    assert shelf.sync_index(spy) == change(metadata_updated=1, unchanged=2)
    assert spy.told == [("upsert", 1), ("wait_until_readable", 0)]
    metadata = shelf.index.metadata(shelf.namespace, "library/1")
    assert metadata is not None and "topic" not in metadata
    assert metadata["status"] == "active"
    assert len(shelf.embedder.embedded) == 3


@pytest.mark.parametrize("step", ["upsert", "wait_until_readable"])
def test_a_failure_while_updating_leaves_a_version_answering(
    shelf: CorpusFactory, step: str
) -> None:
    fill(shelf, 2)
    shelf.write("1.md", id=1, hook="Quite other words.")
    shelf.sync(), shelf.embed()
    with pytest.raises(TransientVendorError, match="away"):
        shelf.sync_index(Spy(shelf.index, failing=step))
    found = shelf.retrieve("hook number 1 quite other words", 2)
    assert {s.script_id for s in found} == {"library/0", "library/1"}
    hook = {"upsert": "Hook number 1.", "wait_until_readable": "Quite other words."}
    assert hook[step] in {s.hook for s in found}
    shelf.sync_index()
    assert agrees(shelf)


def test_what_the_store_took_and_does_not_show_counts_as_failed(
    shelf: CorpusFactory,
) -> None:
    class Forgetful(Spy):
        def upsert(self, namespace: str, entries: Sequence[IndexEntry]) -> list[str]:
            return self.inner.upsert(namespace, entries[1:])

    shelf.write("a.md", id="a")
    shelf.write("b.md", id="b", hook="Another.")
    shelf.sync(), shelf.embed()
    assert shelf.sync_index(Forgetful(shelf.index)) == change(upserted=2, failed=1)
    assert shelf.rows("SELECT * FROM index_spaces") == [], "nor is the space complete"
    assert shelf.sync_index() == change(repaired=1, unchanged=1)
    assert agrees(shelf)


def test_a_house_from_before_spaces_goes_on_with_what_it_had(
    shelf: CorpusFactory,
) -> None:
    fill(shelf, 2)
    old = shelf.namespace
    number = 3
    [statements] = [text for n, _, text in MIGRATIONS if n == number]
    with shelf.warehouse.transaction() as con:
        con.execute("DROP TABLE index_spaces")
        con.execute("ALTER TABLE index_entries DROP COLUMN metadata_keys")
        con.execute("DELETE FROM migrations WHERE number = ?", [number])
    assert "INSERT INTO index_spaces" in statements
    shelf.warehouse = Warehouse(shelf.warehouse.url, shelf.clock.now)
    assert shelf.rows("SELECT namespace, model, dimensions FROM index_spaces") == [
        (old, shelf.embedder.model, shelf.embedder.dimensions)
    ]
    assert shelf.sync_index() == change(unchanged=2)
