"""A sync that is killed leaves the rows as they were."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from ig_assets.adapters.script_library.folder import FolderLibrary
from ig_assets.core.corpus.library import sync
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory, SteppingClock
from ig_assets_tests.factories.processes import started
from ig_assets_tests.factories.warehouses import migrated_warehouse


def sync_and_be_killed(folder: Path, after: str) -> None:
    real = getattr(sync, after)

    def killed(*arguments: Any) -> None:
        real(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(sync, after, killed)
    clock = SteppingClock()
    home = migrated_warehouse(folder / "w.duckdb", clock.now)
    sync.sync_corpus(home, FolderLibrary(str(folder / "library")), clock)


@pytest.mark.parametrize(
    "after",
    [
        "scan_library",
        "stage_scan",
        "apply_changes",
        "write_renames",
        "update_known_files",
        "write_rejects",
        "promote_winners",
    ],
)
def test_a_killed_sync_leaves_the_rows_as_they_were(
    corpus: CorpusFactory, after: str
) -> None:
    corpus.write("a.md", id="a")
    corpus.write("b.md", hook="B")
    corpus.sync()
    before = corpus.everything()
    corpus.write("a.md", id="a", hook="Other words")
    (corpus.library / "b.md").rename(corpus.library / "c.md")
    (corpus.library / "bad.md").write_bytes(b"\x00")
    killed = started(sync_and_be_killed, corpus.folder, after)
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert corpus.everything() == before
    change = corpus.sync()
    assert (change.changed, change.renamed, change.rejected) == (1, 1, 1)
