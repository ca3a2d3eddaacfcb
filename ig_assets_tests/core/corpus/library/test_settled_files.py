"""Files that did not change are not read, and what changed is never missed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ig_assets.adapters.script_library.folder import FolderLibrary
from ig_assets.core.corpus.library.sync import CorpusChange, sync_corpus
from ig_assets.core.ports import InvalidFile, LibraryFile
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.factories.cases import FEW_CASES

YEAR_3000_NS = 32_503_680_000 * 10**9


class ReadFiles(FolderLibrary):
    """A folder whose files have all settled; it notes which are read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder), now_ns=lambda: YEAR_3000_NS)
        self.read: list[str] = []

    def contents(
        self, files: Iterable[LibraryFile]
    ) -> Iterator[tuple[LibraryFile, bytes | InvalidFile | None]]:
        for file, content in super().contents(files):
            self.read.append(file.path)
            yield file, content


class HashedFiles(ReadFiles):
    """A folder whose versions are of the bytes, as a store's ETag is."""

    def files(self, suffixes: tuple[str, ...]) -> list[LibraryFile]:
        return [
            f._replace(version=hashlib.sha256(Path(f.address).read_bytes()).hexdigest())
            for f in super().files(suffixes)
        ]


def synced(corpus: CorpusFactory, **options: bool) -> tuple[CorpusChange, list[str]]:
    """What a sync did, and which files it read."""
    library = ReadFiles(corpus.library)
    change = sync_corpus(corpus.warehouse, library, corpus.clock, **options)
    return change, sorted(library.read)


def test_a_second_sync_reads_no_file_and_changes_no_row(corpus: CorpusFactory) -> None:
    corpus.write("a.md")
    corpus.write("b.md", hook="B")
    assert synced(corpus)[1] == ["a.md", "b.md"]
    before = corpus.everything()
    corpus.clock.step(days=1)
    change, read = synced(corpus)
    assert (change.unchanged, change.parsed, read) == (2, 0, [])
    assert corpus.everything() == before
    change, read = synced(corpus, rehash=True)
    assert (change.unchanged, change.parsed, read) == (2, 0, ["a.md", "b.md"])
    assert corpus.everything() == before


def test_a_sync_without_changes_lists_no_file_singly(
    corpus: CorpusFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.write("a.md")
    synced(corpus)
    state = "SELECT state FROM source_states WHERE source = 'library'"
    before = corpus.rows(state)
    listed: list[str] = []
    files = FolderLibrary.files

    def count(library: FolderLibrary, suffixes: tuple[str, ...]) -> list[LibraryFile]:
        listed.append(library.location)
        return files(library, suffixes)

    monkeypatch.setattr(FolderLibrary, "files", count)
    assert synced(corpus)[0].unchanged == 1
    assert (listed, corpus.rows(state)) == ([], before)
    corpus.write("b.md", hook="B")
    assert synced(corpus)[0].new == 1
    assert len(listed) == 1 and corpus.rows(state) != before


def test_a_library_as_it_was_before_the_last_sync_is_compared(
    corpus: CorpusFactory,
) -> None:
    corpus.write("kept.md")
    folder = corpus.write("moved/a.md", hook="B").parent
    synced(corpus)
    away = corpus.library.parent / "away"
    folder.rename(away)  # its files keep their change times
    assert synced(corpus)[0].retired == 1
    away.rename(folder)
    assert synced(corpus)[0].revived == 1


def test_only_what_changed_is_read(corpus: CorpusFactory) -> None:
    for name in "abc":
        corpus.write(f"{name}.md", hook=name)
    synced(corpus)
    path = corpus.library / "b.md"
    times = path.stat()
    corpus.write("b.md", hook="B")  # as long as before
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    change, read = synced(corpus)
    assert (change.changed, change.unchanged, read) == (1, 2, ["b.md"])
    (corpus.library / "c.md").rename(corpus.library / "d.md")
    change, read = synced(corpus)
    assert (change.renamed, change.retired, read) == (1, 1, ["d.md"])


def test_a_touched_file_is_read_once_and_not_parsed(corpus: CorpusFactory) -> None:
    path = corpus.write("a.md", language="en")
    corpus.write("b.md", hook="B")
    synced(corpus)
    os.utime(path)
    change, read = synced(corpus)
    assert (change.parsed, change.unchanged, read) == (0, 2, ["a.md"])
    assert synced(corpus)[1] == []


def test_files_of_an_earlier_version_are_read_once(corpus: CorpusFactory) -> None:
    corpus.write("a.md")
    corpus.sync()  # no file has settled
    assert corpus.rows("SELECT stamp FROM library_files") == [(None,)]
    change, read = synced(corpus)
    assert (change.parsed, read) == (0, ["a.md"])
    assert synced(corpus)[1] == []


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE scripts SET source_uri = 'x.md'",
        "DELETE FROM library_files",
        "INSERT INTO forgotten (script_id) VALUES ('library/a')",
        "UPDATE script_status SET status = 'retired'",
    ],
)
def test_tables_that_changed_meanwhile_are_compared_with_every_file(
    corpus: CorpusFactory, sql: str
) -> None:
    corpus.write("a.md", id="a")
    synced(corpus)
    with corpus.warehouse.transaction() as con:
        con.execute(sql)
    assert synced(corpus)[1] == ["a.md"]


def test_a_library_with_a_reject_says_it_each_time(corpus: CorpusFactory) -> None:
    corpus.write("a.md")
    (corpus.library / "bad.md").write_bytes(b"\x00")
    for _ in range(2):
        change, read = synced(corpus)
        assert [r.source_uri for r in change.rejects] == ["bad.md"]
        assert "bad.md" in read


def readings(corpus: CorpusFactory) -> list[tuple[object, ...]]:
    return corpus.rows(
        "SELECT script_id, CAST(as_of AS DATE)::TEXT, views, likes, round(rate, 3) "
        "FROM script_performance ORDER BY ALL"
    )


BLOCK = "{{source: export, as_of: {day}, views: 1000, likes: {likes}}}"


def test_new_counts_of_a_note_are_read_without_parsing_it(
    corpus: CorpusFactory,
) -> None:
    front = {"id": "a", "topic": "herbs"}
    first = BLOCK.format(day="2026-01-01", likes=10)
    corpus.write("a.md", **front, performance=first)
    assert synced(corpus)[0].parsed == 1
    corpus.write("a.md", **front, performance=BLOCK.format(day="2026-01-02", likes=20))
    change, read = synced(corpus)
    assert (change.parsed, change.unchanged, read) == (0, 1, ["a.md"])
    expected = [
        ("library/a", "2026-01-01", 1000.0, 10.0, 0.01),
        ("library/a", "2026-01-02", 1000.0, 20.0, 0.02),
    ]
    assert readings(corpus) == expected
    assert synced(corpus)[1] == []
    corpus.write("a.md", **front, performance=BLOCK.format(day="2026-01-02", likes=30))
    assert synced(corpus)[0].parsed == 0  # a corrected reading
    assert readings(corpus)[1][3:] == (30.0, 0.03)
    corpus.write("a.md", id="a", performance=BLOCK.format(day="2026-01-03", likes=1))
    change, _ = synced(corpus)
    assert (change.parsed, change.changed) == (1, 1)  # its topic is gone


def test_a_reading_of_tomorrow_is_left_to_the_parser_which_says_so(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md", performance=BLOCK.format(day="2026-01-01", likes=1))
    synced(corpus)
    corpus.write("a.md", performance=BLOCK.format(day="2026-02-01", likes=2))
    change, _ = synced(corpus)
    assert (change.parsed, [fault["kind"] for fault in change.faults]) == (
        1,
        ["reading"],
    )
    corpus.write("a.md", performance=BLOCK.format(day="2026-01-03", likes=3))
    change, _ = synced(corpus)
    assert (change.parsed, change.faults) == (1, ())
    assert [likes for _, _, _, likes, _ in readings(corpus)] == [1.0, 3.0]


notes = st.builds(
    "---\n{}id: {}\nperformance: {{views: {}, as_of: 2026-01-0{}}}\n---\n# {}\n".format,
    st.sampled_from(["", "topic: t\n", "language: no\n", "performance: 3\n"]),
    st.sampled_from("ab"),
    st.sampled_from(["5", "7", "x"]),
    st.integers(1, 9),
    st.sampled_from(["A hook.", "Its performance."]),
)
libraries = st.dictionaries(st.sampled_from(["a.md", "b.md"]), notes, max_size=2)


@FEW_CASES
@given(st.lists(libraries, min_size=2, max_size=4))
def test_what_is_not_read_gives_the_same_rows_as_reading_all(
    corpus: CorpusFactory, states: list[dict[str, str]]
) -> None:
    def sync() -> CorpusChange:
        library = HashedFiles(corpus.library)
        return sync_corpus(corpus.warehouse, library, corpus.clock)

    assert states
    for files in states:
        for path in list(corpus.library.iterdir()):
            path.unlink()
        for name, content in files.items():
            (corpus.library / name).write_text(content)
        first = sync()
        learned = corpus.everything()
        again = sync()
        assert (again.unchanged, again.rejects) == (
            first.new + first.changed + first.unchanged + first.revived,
            first.rejects,
        )
        assert corpus.everything() == learned
        with corpus.warehouse.transaction() as con:
            con.execute("UPDATE library_files SET content_hash = NULL")
        sync()
        assert without_checkpoints(corpus.everything) == without_checkpoints(
            lambda: learned
        )


def without_checkpoints(
    rows: Callable[[], dict[str, list[dict[str, object]]]],
) -> dict[str, list[dict[str, object]]]:
    return {name: found for name, found in rows().items() if name != "sync_checkpoints"}
