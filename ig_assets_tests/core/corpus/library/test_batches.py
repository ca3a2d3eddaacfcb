"""A scan keeps one batch of what it parsed in memory, and a sync writes all batches."""

from __future__ import annotations

import errno
import gc
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ig_assets.adapters.script_library.folder import FolderLibrary
from ig_assets.core.corpus.library import parsed_files, scan, sync
from ig_assets.core.corpus.library.staging import FRAME_ROWS
from ig_assets.core.corpus.scripts.script import ParsedScript
from ig_assets.errors import InputError
from ig_assets.warehouse.warehouse import Connection
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory, SteppingClock
from ig_assets_tests.factories.processes import started
from ig_assets_tests.factories.warehouses import migrated_warehouse

FILES = 60
MOST_IN_MEMORY = 10  # scripts, of batches of 5 files


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsed_files, "BATCH_BYTES", 5 * 1_600)


def reading(likes: int) -> str:
    return f"{{source: export, as_of: 2025-12-31, views: 1000, likes: {likes}}}"


def fill(corpus: CorpusFactory) -> None:
    """Files in whose order and repetition a sync by batches could go wrong."""
    for n in range(FILES):
        corpus.write(f"{n:02d}.md", hook=f"Line {n}", performance=reading(n))
    corpus.write("00 first.md", id="shared", hook="First", performance=reading(1))
    corpus.write("50 same words.md", id="shared", hook="First", performance=reading(2))
    corpus.write("90 other words.md", id="shared", hook="Other")
    corpus.write("70 open.md", hook="Buy [product name] now.", author="mara")
    (corpus.library / "80 broken.md").write_bytes(b"\x00")


@pytest.fixture
def new_objects_alone() -> Iterator[None]:
    """Let the collector look at what a test makes, not at all that was imported."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def parsed_scripts() -> int:
    gc.collect()
    return sum(isinstance(one, ParsedScript) for one in gc.get_objects())


def counted(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, seen: list[int]
) -> None:
    """Count the parsed scripts in memory after each call of a function."""
    real: Callable[..., Any] = getattr(module, name)

    def call(*arguments: Any, **options: Any) -> Any:
        answer = real(*arguments, **options)
        seen.append(parsed_scripts())
        return answer

    monkeypatch.setattr(module, name, call)


def test_a_first_sync_holds_a_few_of_its_scripts_in_memory_at_a_time(
    corpus: CorpusFactory,
    small_batches: None,
    new_objects_alone: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(corpus)
    before, seen = parsed_scripts(), list[int]()
    for module, name in (
        (scan, "parse_file"),
        (sync, "stage_scan"),
        (sync, "write_left_out"),
        (sync, "apply_changes"),
        (sync, "update_known_files"),
    ):
        counted(monkeypatch, module, name, seen)
    assert corpus.sync().new == FILES + 2
    assert 0 < max(seen) - before <= MOST_IN_MEMORY


def test_no_temporary_table_holds_the_words_of_new_scripts(
    corpus: CorpusFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ig_assets.core.corpus.library.staging.FRAME_ROWS", 1)
    fill(corpus)

    def with_words(con: Connection) -> dict[str, int]:
        found = con.execute("""
            SELECT DISTINCT table_name
            FROM duckdb_columns()
            WHERE database_name = 'temp' AND column_name IN ('text', 'hook', 'body')
            """).fetchall()
        counts = {}
        for (name,) in found:
            [(counts[name],)] = con.execute(f"SELECT count(*) FROM {name}").fetchall()
        return counts

    library = FolderLibrary(str(corpus.library))
    change, tables = sync.plan_corpus(
        corpus.warehouse, library, corpus.clock, with_words
    )
    assert change.new == FILES + 2
    assert tables == {"described_words": 0}


@pytest.mark.parametrize("rows", [1, FRAME_ROWS])
def test_batches_write_the_rows_that_one_batch_writes(
    corpus: CorpusFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
) -> None:
    monkeypatch.setattr("ig_assets.core.corpus.library.staging.FRAME_ROWS", rows)
    folder = tmp_path / "other"
    folder.mkdir()
    other = CorpusFactory(folder)
    changes, tables = [], []
    for one, size in ((corpus, 32 << 20), (other, 5 * 1_600)):
        monkeypatch.setattr(parsed_files, "BATCH_BYTES", size)
        changes.append(list(steps(one)))
        tables.append(one.everything())
        del tables[-1]["source_states"]  # it has the times of the files
    other.warehouse.close()
    assert changes[0] == changes[1]
    assert tables[0] == tables[1]
    likes = corpus.rows(
        "SELECT likes FROM script_performance WHERE script_id = 'library/shared'"
    )
    assert likes == [(2.0,)]  # of equal scripts with one time, the last by path
    assert [author for (author,) in corpus.rows(AUTHORS)] == ["nils"] * FILES


AUTHORS = "SELECT author FROM current_scripts WHERE starts_with(hook, 'Line ')"


def steps(corpus: CorpusFactory) -> Iterator[Any]:
    """First sync, forgotten words in new files, new descriptions, moved files."""
    fill(corpus)
    yield corpus.sync()
    corpus.clock.step(hours=1)
    corpus.insert("forgotten", {"script_id": "library/shared", "reason": "asked for"})
    corpus.insert(
        "script_status",
        {
            "script_id": "library/shared",
            "changed_at": corpus.clock.now(),
            "status": "forgotten",
            "revision_hash": None,
        },
    )
    for n in range(FILES):
        corpus.write(
            f"{n:02d}.md", hook=f"Line {n}", author="nils", performance=reading(n + 1)
        )
        corpus.write(f"again {n:02d}.md", hook="First")
    (corpus.library / "70 open.md").rename(corpus.library / "71 open.md")
    yield corpus.sync()
    yield corpus.sync()


def test_a_full_temporary_folder_is_a_sentence_and_changes_no_row(
    corpus: CorpusFactory, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.sync()
    before = corpus.everything()
    fill(corpus)

    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(parsed_files, "TemporaryFile", full)
    with pytest.raises(InputError, match="No space left on device.*TMPDIR"):
        corpus.sync()
    assert corpus.everything() == before


def sync_and_be_killed(folder: Path, scratch: Path, after: str) -> None:
    tempfile.tempdir = str(scratch)
    parsed_files.BATCH_BYTES = 5 * 1_600
    real = getattr(sync, after)

    def killed(*arguments: Any) -> None:
        real(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(sync, after, killed)
    clock = SteppingClock()
    home = migrated_warehouse(folder / "w.duckdb", clock.now)
    sync.sync_corpus(home, FolderLibrary(str(folder / "library")), clock)


@pytest.mark.parametrize("after", ["scan_library", "stage_readings", "apply_changes"])
def test_a_killed_sync_leaves_no_batch_on_the_disk_and_no_row(
    corpus: CorpusFactory, tmp_path: Path, after: str
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    corpus.sync()
    before = corpus.everything()
    fill(corpus)
    killed = started(sync_and_be_killed, corpus.folder, scratch, after)
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert list(scratch.iterdir()) == []
    assert corpus.everything() == before
    assert corpus.sync().new == FILES + 2
