"""A sync that is killed leaves the rows as they were."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory

KILLED = """
    import os, signal, sys
    from pathlib import Path
    from ig_assets.core.corpus.library import sync
    from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory

    real = getattr(sync, sys.argv[2])

    def killed(*args):
        real(*args)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(sync, sys.argv[2], killed)
    Path.mkdir = lambda *args, **options: None
    CorpusFactory(Path(sys.argv[1])).sync()
"""


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
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(corpus.folder), after],
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert corpus.everything() == before
    change = corpus.sync()
    assert (change.changed, change.renamed, change.rejected) == (1, 1, 1)
