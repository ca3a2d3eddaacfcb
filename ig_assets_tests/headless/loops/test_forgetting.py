"""Two months of the loop, then a script is forgotten: its words are in no file left."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from ig_assets.adapters.script_library.folder import FolderLibrary
from ig_assets.core.corpus.library.sync import sync_corpus
from ig_assets.core.forgetting.file_kinds import (
    HASHES,
    NOTHING,
    VECTORS,
    WORDS,
    kind_of,
)
from ig_assets.core.forgetting.service import forget
from ig_assets.core.forgetting.steps import Forgetting
from ig_assets.settings import load_settings
from ig_assets.wiring import Services
from ig_assets_tests.headless.loop_fixtures import TurnedLoop

PHRASE = "Only a copper flamingo whistles at quarter past noon."


@pytest.fixture(scope="module")
def loop(
    turned_loop: TurnedLoop, tmp_path_factory: pytest.TempPathFactory
) -> TurnedLoop:
    """A copy of the folder, since forgetting is for good."""
    folder = tmp_path_factory.mktemp("forgetting") / "data"
    shutil.copytree(turned_loop.data_dir, folder)
    return dataclasses.replace(turned_loop, data_dir=folder)


def work_of(loop: TurnedLoop, **settings: Any) -> Forgetting:
    """What a forgetting needs, by the settings of the loop."""
    return Services(load_settings(data_dir=loop.data_dir, **settings)).forgetting


def files_with(folder: Path, words: bytes) -> list[str]:
    return [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and words in path.read_bytes()
    ]


def learnt_script(loop: TurnedLoop) -> tuple[str, bytes]:
    """A script that the month's model shows, and a sentence of it that is its own."""
    rows = loop.rows(
        "SELECT s.script_id, s.text FROM scripts AS s JOIN training_examples AS t "
        "ON t.script_id = s.script_id JOIN models AS m "
        "ON contains(m.artifact, t.example_id) ORDER BY s.script_id"
    )
    assert rows
    texts = [row["text"] for row in loop.rows("SELECT text FROM scripts")]
    for row in rows:
        for sentence in re.findall(r"[A-Za-z][A-Za-z ,]{30,}\.", row["text"]):
            if sum(sentence in text for text in texts) == 1:
                return row["script_id"], sentence.encode()
    raise AssertionError("no script that was learnt from has a sentence of its own")


def test_after_a_model_learnt_from_it_no_file_has_a_word_of_a_forgotten_script(
    loop: TurnedLoop,
) -> None:
    script_id, sentence = learnt_script(loop)
    before = files_with(loop.data_dir, sentence)
    assert {Path(name).suffix for name in before} >= {".jsonl"}
    work = work_of(loop)
    receipt = forget(work, [script_id], "a letter", "rita")
    work.warehouse.close()
    assert receipt is not None
    assert receipt.fields["erasure"]["models"], "a model learnt from it"
    found = receipt.fields["steps"]["search"]
    assert found["places"] == {} and found["files"] > 10 and found["sentences"] > 2
    assert files_with(loop.data_dir, sentence) == []
    tainted = loop.rows("SELECT * FROM model_events WHERE status = 'tainted'")
    assert tainted
    left = loop.rows("SELECT count(*) AS n FROM training_examples")
    assert left[0]["n"] > 0


def test_a_forgotten_file_stays_in_the_library_and_every_sync_refuses_it(
    loop: TurnedLoop, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    shutil.copytree(load_settings().library, library)
    note = library / "flamingo.md"
    note.write_text(
        "---\nid: flamingo\ntopic: birds\nauthor: Mara\n---\n"
        f"# {PHRASE}\n\nIt does so twice. Nobody has heard it since.\n\nCTA: Listen.\n"
    )
    work = work_of(loop, library=str(library))
    store = FolderLibrary(str(library))
    assert sync_corpus(work.warehouse, store, work.clock).new == 1
    assert files_with(loop.data_dir, PHRASE.encode())
    forget(work, ["library/flamingo"], "a letter", "rita")
    assert PHRASE in note.read_text()
    for _ in range(2):
        change = sync_corpus(work.warehouse, store, work.clock)
        assert (change.new, change.revived, change.retired) == (0, 0, 0)
        [reject] = [r for r in change.rejects if r.source_uri == "flamingo.md"]
        assert reject.reason == "forgotten" and "delete the file" in reject.detail
    renamed = library / "heron.md"
    renamed.write_text(note.read_text().replace("flamingo\n", "heron\n", 1))
    change = sync_corpus(work.warehouse, store, work.clock)
    assert {r.source_uri for r in change.rejects if r.reason == "forgotten"} == {
        "flamingo.md",
        "heron.md",
    }
    work.warehouse.close()
    assert files_with(loop.data_dir, PHRASE.encode()) == []


def test_each_file_of_a_data_folder_is_of_a_kind_that_is_known(
    loop: TurnedLoop,
) -> None:
    names = [
        path.relative_to(loop.data_dir).as_posix()
        for path in loop.data_dir.rglob("*")
        if path.is_file()
    ]
    kinds = {name: kind_of(name) for name in names}
    assert [name for name, kind in kinds.items() if kind is None] == []
    holding = {kind.holds for kind in kinds.values() if kind}
    assert holding == {NOTHING, HASHES, WORDS, VECTORS}
    assert kind_of("exports/scripts.csv") is None
