"""Restore drills: a store or a warehouse from another time is noticed and repaired."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ig_assets.adapters.faiss.index import FaissIndex
from ig_assets.core.corpus.index.forecast import IndexForecast, forecast_index
from ig_assets.core.corpus.index.sync import audit_index
from ig_assets.errors import TransientVendorError
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.index.test_sync import Spy, change

KNIFE, BICYCLE = "A sharp knife is a safe knife.", "Oil the bicycle chain."


@pytest.fixture
def homes_keep_their_log() -> None:
    """Nothing: these tests look at the file of a home that was left."""


def state(corpus: CorpusFactory) -> str:
    audit = audit_index(corpus.warehouse, corpus.index, corpus.space)
    return "equal" if not (audit.missing or audit.orphans or audit.stale) else "differs"


def first(corpus: CorpusFactory, query: str) -> str:
    return corpus.retrieve(query, 1, nearest=True)[0].hook


class Copies:
    """Backups of a corpus' two parts, by name."""

    def __init__(self, corpus: CorpusFactory) -> None:
        self._corpus = corpus

    def take(self, name: str) -> None:
        folder = self._corpus.folder
        shutil.copytree(folder / "index", folder / f"{name}-index")
        self._closed(lambda: shutil.copy(folder / "w.duckdb", folder / name))

    def restore_index(self, name: str) -> None:
        folder = self._corpus.folder
        shutil.rmtree(folder / "index")
        shutil.copytree(folder / f"{name}-index", folder / "index")
        self._corpus.index = FaissIndex(folder / "index", "scripts")

    def restore_warehouse(self, name: str) -> None:
        folder = self._corpus.folder
        self._closed(lambda: shutil.copy(folder / name, folder / "w.duckdb"))

    def _closed(self, copy: Callable[[], object]) -> None:
        self._corpus.warehouse.close()
        copy()


@pytest.fixture(scope="module")
def swapped_once(tmp_path_factory: pytest.TempPathFactory) -> CorpusFactory:
    """Two scripts that have swapped their words after the copy `before`."""
    corpus = CorpusFactory(tmp_path_factory.mktemp("swapped"))
    for name, hook in (("1.md", BICYCLE), ("2.md", KNIFE)):
        corpus.write(name, id=name[0], hook=hook, body="Now.", cta="Go.")
    corpus.materialise()
    Copies(corpus).take("before")
    for name, hook in (("1.md", KNIFE), ("2.md", BICYCLE)):
        corpus.write(name, id=name[0], hook=hook, body="Now.", cta="Go.")
    corpus.materialise()
    corpus.warehouse.close()
    return corpus


@pytest.fixture
def swapped(swapped_once: CorpusFactory, tmp_path: Path) -> Iterator[CorpusFactory]:
    """A copy of the two swapped scripts, to be changed."""
    yield from swapped_once.lent(tmp_path)


def test_an_older_copy_of_the_store_is_noticed_and_repaired_for_nothing(
    swapped: CorpusFactory,
) -> None:
    embedded = len(swapped.embedder.embedded)
    Copies(swapped).restore_index("before")
    assert state(swapped) == "differs"
    assert swapped.sync_index() == change(repaired=2)
    assert state(swapped) == "equal"
    assert swapped.sync_index() == change(unchanged=2)
    assert len(swapped.embedder.embedded) == embedded
    assert first(swapped, "sharp knife") == KNIFE


def test_before_the_repair_a_query_is_answered_by_the_stored_vectors(
    swapped: CorpusFactory, caplog: pytest.LogCaptureFixture
) -> None:
    right = swapped.retrieve("sharp knife", 2, nearest=True)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]
    Copies(swapped).restore_index("before")
    assert swapped.retrieve("sharp knife", 2, nearest=True) == right
    assert "older copy" in caplog.text and "ig-assets sync" in caplog.text


def test_an_older_warehouse_under_a_newer_store_is_noticed(
    swapped: CorpusFactory,
) -> None:
    Copies(swapped).restore_warehouse("before")
    for name, hook in (("1.md", BICYCLE), ("2.md", KNIFE)):
        swapped.write(name, id=name[0], hook=hook, body="Now.", cta="Go.")
    assert state(swapped) == "differs"
    _, embedded, indexed = swapped.materialise()
    assert (embedded.embedded, indexed) == (0, change(repaired=2))
    assert state(swapped) == "equal"
    assert first(swapped, "sharp knife") == KNIFE


def test_both_restored_to_different_times_are_made_equal(
    swapped: CorpusFactory,
) -> None:
    copies = Copies(swapped)
    copies.take("later")
    swapped.write("1.md", id=1, hook="Something else.", body="Now.", cta="Go.")
    swapped.materialise()
    copies.restore_warehouse("later")
    copies.restore_index("before")
    swapped.write("1.md", id=1, hook=KNIFE, body="Now.", cta="Go.")
    _, embedded, indexed = swapped.materialise()
    assert (embedded.embedded, indexed) == (0, change(repaired=2))
    assert first(swapped, "sharp knife") == KNIFE


def test_both_restored_to_one_time_are_believed_at_once(swapped: CorpusFactory) -> None:
    copies = Copies(swapped)
    copies.restore_warehouse("before")
    copies.restore_index("before")

    class NeverCompared(Spy):
        def versions(self, namespace: str) -> dict[str, str | None]:
            raise AssertionError("a store that is as it was left is not compared")

    for name, hook in (("1.md", BICYCLE), ("2.md", KNIFE)):
        swapped.write(name, id=name[0], hook=hook, body="Now.", cta="Go.")
    swapped.sync()
    assert swapped.sync_index(NeverCompared(swapped.index)) == change(unchanged=2)


def test_a_copy_that_was_made_while_a_sync_wrote_is_compared(
    swapped: CorpusFactory,
) -> None:
    swapped.write("1.md", id=1, hook="Something else.", body="Now.", cta="Go.")
    swapped.sync(), swapped.embed()
    with pytest.raises(TransientVendorError):
        swapped.sync_index(Spy(swapped.index, failing="wait_until_readable"))
    assert swapped.rows("SELECT generation FROM index_generations") == [(None,)]
    assert swapped.sync_index() == change(unchanged=2)
    assert swapped.rows("SELECT count(generation) FROM index_generations") == [(1,)]


def test_a_stale_entry_whose_new_words_have_no_vector_goes_until_they_do(
    swapped: CorpusFactory,
) -> None:
    swapped.write("1.md", id=1, hook="Not yet embedded.", body="Now.", cta="Go.")
    swapped.sync()
    Copies(swapped).restore_index("before")
    assert swapped.sync_index() == change(repaired=2)
    assert swapped.indexed() == ["library/2"]
    swapped.embed()
    assert swapped.sync_index() == change(upserted=1, unchanged=1)


@pytest.mark.parametrize("restored", ["manifest", "generation"])
def test_a_copy_of_one_file_of_the_store_is_no_match(
    swapped: CorpusFactory, restored: str
) -> None:
    folder = swapped.folder
    [source] = (folder / "before-index").rglob(restored)
    target = folder / "index" / source.relative_to(folder / "before-index")
    shutil.copy(source, target)
    swapped.index = FaissIndex(folder / "index", "scripts")
    assert swapped.index.generation(swapped.namespace) is None
    swapped.sync_index()
    assert state(swapped) == "equal" and first(swapped, "sharp knife") == KNIFE


def test_a_store_from_before_there_were_generations_is_taken_as_it_is(
    swapped: CorpusFactory,
) -> None:
    with swapped.warehouse.transaction() as con:
        con.execute("DELETE FROM index_generations")
    for mark in Path(swapped.folder / "index").rglob("generation"):
        mark.unlink()
    assert swapped.sync_index() == change(unchanged=2)
    assert swapped.rows("SELECT count(generation) FROM index_generations") == [(1,)]
    before = swapped.everything()
    assert swapped.sync_index() == change(unchanged=2)
    assert swapped.everything() == before


def test_a_copy_of_the_store_that_only_lacks_entries_is_told_of_before_its_repair(
    swapped: CorpusFactory, caplog: pytest.LogCaptureFixture
) -> None:
    swapped.write("3.md", id=3, hook="Wash the pan.", body="Now.", cta="Go.")
    Copies(swapped).take("short")
    swapped.materialise()
    sound = IndexForecast(lost=0, surplus=0, is_of_another_time=False)
    assert forecast_index(swapped.warehouse, swapped.index, swapped.space) == sound
    swapped.retrieve("wash the pan", 1, nearest=True)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]
    Copies(swapped).restore_index("short")
    swapped.retrieve("wash the pan", 1, nearest=True)
    assert "scripts may be missing" in caplog.text and "ig-assets sync" in caplog.text
    short = forecast_index(swapped.warehouse, swapped.index, swapped.space)
    assert short == IndexForecast(lost=1, surplus=0, is_of_another_time=True)
    assert "1 entries to write again" in short.sentence
    assert swapped.sync_index() == change(unchanged=2, repaired=1)
    assert forecast_index(swapped.warehouse, swapped.index, swapped.space) == sound
