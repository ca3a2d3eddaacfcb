"""An index that nothing changed is not listed; every change of either side is seen."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from ig_assets.adapters.faiss.index import FaissIndex
from ig_assets.core.corpus.index.plan import _ACTIVE
from ig_assets.core.corpus.index.sync import IndexChange, sync_index
from ig_assets.core.corpus.index.unchanged import INPUTS
from ig_assets.warehouse.views import VIEWS
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory


class CountedListings(FaissIndex):
    """An index that counts how often it is listed."""

    listings = 0

    def list_ids(self, namespace: str) -> Iterator[str]:
        self.listings += 1
        return super().list_ids(namespace)


@pytest.fixture
def index(corpus: CorpusFactory) -> CountedListings:
    """The index of two scripts, complete."""
    made = corpus.index = CountedListings(corpus.folder / "index", "scripts")
    corpus.write("a.md", id="a", topic="herbs")
    corpus.write("b.md", id="b", hook="Another.")
    corpus.materialise()
    made.listings = 0
    return made


def done(corpus: CorpusFactory, verify: bool = False) -> IndexChange:
    return sync_index(
        corpus.warehouse, corpus.index, corpus.clock, corpus.space, verify
    )


def test_an_index_that_nothing_changed_is_not_listed(
    corpus: CorpusFactory, index: CountedListings
) -> None:
    assert corpus.sync_index() == IndexChange(0, 0, 0, 2, 0, 0, False)
    assert index.listings == 0


def test_it_is_listed_once_a_day_on_request_and_after_the_clock_went_back(
    corpus: CorpusFactory, index: CountedListings
) -> None:
    assert done(corpus, verify=True).unchanged == 2 and index.listings == 1
    corpus.clock.step(days=1)
    assert corpus.sync_index().unchanged == 2 and index.listings == 2
    assert corpus.sync_index().unchanged == 2 and index.listings == 2
    corpus.clock.step(hours=-2)
    assert corpus.sync_index().unchanged == 2 and index.listings == 3


@pytest.mark.parametrize(
    ("sql", "updated"),
    [
        ("UPDATE scripts SET topic = 'bread' WHERE script_id = 'library/a'", 1),
        ("UPDATE scripts SET language = 'de' WHERE script_id = 'library/a'", 1),
        ("UPDATE scripts SET first_seen_at = '2020-01-01'", 2),
        (
            "INSERT INTO script_performance (script_id, revision_hash, source, as_of, "
            "rate) SELECT script_id, revision_hash, 's', '2026-01-01', 0.5 "
            "FROM scripts",
            2,
        ),
        (
            "INSERT INTO decisions (experiment_id, decided_at, decision, "
            "winner_revision_hash) SELECT 'e', '2026-01-01', 'winner', revision_hash "
            "FROM scripts WHERE script_id = 'library/a'",
            1,
        ),
        ("UPDATE index_entries SET metadata_hash = 'x'", 2),
    ],
)
def test_a_change_of_the_tables_is_seen(
    corpus: CorpusFactory, index: CountedListings, sql: str, updated: int
) -> None:
    with corpus.warehouse.transaction() as con:
        con.execute(sql)
    assert corpus.sync_index().metadata_updated == updated
    assert corpus.sync_index().unchanged == 2


def test_a_change_of_the_store_is_seen(
    corpus: CorpusFactory, index: CountedListings
) -> None:
    index.delete(corpus.namespace, ["library/a"])
    assert corpus.sync_index().repaired == 1
    [block] = list((corpus.folder / "index").rglob("*.f32"))[:1]
    block.unlink()
    assert corpus.sync_index().repaired >= 1
    assert corpus.indexed() == ["library/a", "library/b"]
    assert corpus.sync_index() == IndexChange(0, 0, 0, 2, 0, 0, False)


def test_all_tables_that_a_plan_reads_are_in_its_digest() -> None:
    views = {view.name: view.query for view in VIEWS}
    read, names = set[str](), set(re.findall(r"(?:FROM|JOIN) (\w+)", _ACTIVE))
    while names:
        name = names.pop()
        if name not in views:
            read.add(name)
            continue
        names |= set(re.findall(r"memory\.main\.(\w+)", views[name]))
        read |= set(re.findall(r"home\.ig\.(\w+)", views[name]))
    assert read == set(INPUTS)
