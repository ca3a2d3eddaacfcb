"""A sync reads what changed, keeps what it cannot tell, and plans without a trace."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ig_assets.adapters.script_library.folder import FolderLibrary
from ig_assets.core.corpus.library import known_files
from ig_assets.core.corpus.library.staging import FRAME_ROWS
from ig_assets.core.corpus.library.sync import CorpusChange, plan_corpus, sync_corpus
from ig_assets.core.corpus.queries import CURRENT_SCRIPTS
from ig_assets.core.corpus.scripts.parse import READER_VERSION
from ig_assets.core.ports import InvalidFile, LibraryFile
from ig_assets.errors import TransientVendorError, WarehouseBusyError
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory


def table(
    shelf: CorpusFactory, *rows: dict[str, Any], name: str = "rows.jsonl"
) -> None:
    content = "\n".join(map(json.dumps, rows))
    (shelf.library / name).write_text(content, encoding="utf-8")


def row(name: str, text: str = "", **more: Any) -> dict[str, Any]:
    return {"id": name, "text": text or f"Hook {name}\n\nBody.", **more}


def active(shelf: CorpusFactory) -> list[str]:
    return sorted(name.removeprefix("library/") for name in shelf.active())


class Meddled(FolderLibrary):
    """A folder whose listing or reading is disturbed."""

    def __init__(self, shelf: CorpusFactory) -> None:
        super().__init__(str(shelf.library))
        self.answers: dict[str, bytes | InvalidFile | None] = {}
        self.exact = False
        self.opened: list[str] = []
        self.before_reading: Any = lambda: None
        self.broken = ""

    def files(self, suffixes: tuple[str, ...]) -> list[LibraryFile]:
        if self.broken == "listing":
            raise TransientVendorError("The library cannot be listed.")
        return [f._replace(is_exact=self.exact) for f in super().files(suffixes)]

    def contents(
        self, files: Iterable[LibraryFile]
    ) -> Iterator[tuple[LibraryFile, bytes | InvalidFile | None]]:
        self.before_reading()
        for file, content in super().contents(files):
            self.opened.append(file.path)
            yield file, self.answers.get(file.path, content)
            if self.broken == "reading":
                raise TransientVendorError("The library cannot be read.")


def sync(shelf: CorpusFactory, library: Meddled) -> CorpusChange:
    return sync_corpus(shelf.warehouse, library, shelf.clock)


def test_only_files_whose_bytes_changed_are_parsed(shelf: CorpusFactory) -> None:
    for name in "abc":
        shelf.write(f"{name}.md", hook=name)
    table(shelf, row("t1"), row("t2"))
    assert shelf.sync().parsed == 4
    again = shelf.sync()
    assert (again.parsed, again.unchanged) == (0, 5)
    shelf.write("b.md", hook="B")
    change = shelf.sync()
    assert (change.parsed, change.changed, change.unchanged) == (1, 1, 4)


def test_a_new_reader_parses_every_file_again(
    shelf: CorpusFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.write("a.md")
    shelf.sync()
    known = f"reader_version) = {READER_VERSION}"
    newer = known_files._FILES.replace(known, f"{known}0")
    assert newer != known_files._FILES
    monkeypatch.setattr(known_files, "_FILES", newer)
    assert shelf.sync().parsed == 1


def test_an_exact_stamp_spares_the_reading_itself(shelf: CorpusFactory) -> None:
    library = Meddled(shelf)
    library.exact = True
    shelf.write("a.md")
    shelf.write("b.md", hook="B")
    sync(shelf, library)
    library.opened.clear()
    assert (sync(shelf, library).unchanged, library.opened) == (2, [])
    shelf.write("b.md", hook="Another, longer")
    assert (sync(shelf, library).changed, library.opened) == (1, ["b.md"])


def test_a_row_is_a_script_like_a_file(shelf: CorpusFactory) -> None:
    table(shelf, row("a", topic="basil"), row("b"), row("c"))
    assert shelf.sync().new == 3
    assert shelf.active()["library/a"]["source_uri"] == "rows.jsonl#a"
    table(shelf, row("a", topic="herbs"), row("b", "Other words"), row("d"))
    change = shelf.sync()
    assert (change.new, change.changed, change.retired) == (1, 2, 1)
    assert active(shelf) == ["a", "b", "d"]
    (shelf.library / "rows.jsonl").rename(shelf.library / "moved.jsonl")
    change = shelf.sync()
    assert (change.new, change.changed, change.retired) == (0, 3, 0)
    (shelf.library / "moved.jsonl").unlink()
    assert shelf.sync().retired == 3


def test_a_bad_row_keeps_its_script_and_the_others_go_on(shelf: CorpusFactory) -> None:
    table(shelf, row("a"), row("b"), row("c"))
    shelf.sync()
    table(shelf, row("a", "New words"), row("b", topic=["broken"]))
    change = shelf.sync()
    assert (change.changed, change.retired, change.rejected) == (1, 1, 1)
    assert [r.source_uri for r in change.rejects] == ["rows.jsonl#b"]
    assert active(shelf) == ["a", "b"]
    before = shelf.everything()
    assert shelf.sync().rejected == 1
    assert shelf.everything() == before


@pytest.mark.parametrize("broken", ["[1, 2]\n", "{", '{"text": "\\'])
def test_a_broken_table_keeps_all_its_scripts_until_it_is_whole_again(
    shelf: CorpusFactory, broken: str
) -> None:
    table(shelf, row("a"), row("b"))
    shelf.sync()
    path = shelf.library / "rows.jsonl"
    good = path.read_text()
    path.write_text(broken)
    for _ in range(2):
        change = shelf.sync()
        assert (change.rejected, change.retired) == (1, 0)
        assert [r.source_uri for r in change.rejects] == ["rows.jsonl"]
        assert active(shelf) == ["a", "b"]
    path.write_text(good)
    assert (shelf.sync().unchanged, shelf.sync().parsed) == (2, 0)


def test_a_line_cut_short_retires_nothing_of_its_table(shelf: CorpusFactory) -> None:
    table(shelf, row("a"), row("b"), row("c"))
    shelf.sync()
    content = (shelf.library / "rows.jsonl").read_text()
    (shelf.library / "rows.jsonl").write_text(content[:-10])
    for _ in range(2):
        change = shelf.sync()
        assert (change.retired, change.rejected) == (0, 1)
        assert active(shelf) == ["a", "b", "c"]


def test_of_two_files_with_one_id_the_first_by_path_is_taken(
    shelf: CorpusFactory,
) -> None:
    shelf.write("b.md", id="x", hook="Second")
    shelf.sync()
    shelf.write("a.md", id="x", hook="First")
    change = shelf.sync()
    assert {r.source_uri: r.reason for r in change.rejects} == {"b.md": "duplicate id"}
    assert "a.md" in change.rejects[0].detail
    assert shelf.active()["library/x"]["hook"] == "First"
    before = shelf.everything()
    assert shelf.sync().rejected == 1
    assert shelf.everything() == before
    (shelf.library / "a.md").unlink()
    change = shelf.sync()
    assert (change.changed, change.rejected, change.retired) == (1, 0, 0)
    assert shelf.active()["library/x"]["hook"] == "Second"


def test_a_copy_with_the_same_id_and_words_takes_over_when_the_first_goes(
    shelf: CorpusFactory,
) -> None:
    shelf.write("a.md", id="x")
    table(shelf, row("x", "A hook.\n\nSome words about it.\n\nCTA: Save this."))
    assert (shelf.sync().new, shelf.sync().rejected) == (1, 0)
    (shelf.library / "a.md").unlink()
    change = shelf.sync()
    assert (change.changed, change.retired) == (1, 0)
    assert shelf.active()["library/x"]["source_uri"] == "rows.jsonl#x"


def test_words_that_were_forgotten_do_not_come_back_as_a_new_revision(
    shelf: CorpusFactory,
) -> None:
    shelf.write("a.md", id="a", hook="Forget me.")
    shelf.write("b.md", id="b", hook="Something else.")
    shelf.sync()
    shelf.insert("forgotten", {"script_id": "library/a"})
    shelf.write("b.md", id="b", hook="Forget me.")
    change = shelf.sync()
    assert {r.source_uri for r in change.rejects} == {"a.md", "b.md"}
    assert shelf.active()["library/b"]["hook"] == "Something else."


def test_a_forgotten_script_of_a_file_that_did_not_change_is_refused(
    shelf: CorpusFactory,
) -> None:
    shelf.write("a.md", id="a")
    shelf.sync()
    shelf.insert("forgotten", {"script_id": "library/a"})
    assert [r.reason for r in shelf.sync().rejects] == ["forgotten"]


@pytest.mark.parametrize("broken", ["listing", "reading"])
def test_a_library_that_fails_changes_no_row(shelf: CorpusFactory, broken: str) -> None:
    shelf.write("a.md")
    shelf.write("b.md", hook="B")
    library = Meddled(shelf)
    sync(shelf, library)
    before = shelf.everything()
    shelf.write("c.md", hook="C")
    library.broken = broken
    with pytest.raises(TransientVendorError):
        sync(shelf, library)
    assert shelf.everything() == before


@pytest.mark.parametrize("answer", [None, InvalidFile("unreadable", "No permission.")])
def test_a_file_that_cannot_be_read_now_keeps_its_scripts(
    shelf: CorpusFactory, answer: InvalidFile | None
) -> None:
    shelf.write("a.md", id="a")
    table(shelf, row("b"))
    library = Meddled(shelf)
    sync(shelf, library)
    library.answers = {"a.md": answer, "rows.jsonl": answer}
    for _ in range(2):
        change = sync(shelf, library)
        assert (change.retired, change.rejected) == (0, 2 if answer else 0)
        assert active(shelf) == ["a", "b"]
    library.answers = {}
    assert sync(shelf, library).unchanged == 2


def test_a_sync_that_another_overtook_writes_nothing(shelf: CorpusFactory) -> None:
    shelf.write("a.md", id="a")
    library = Meddled(shelf)

    def other() -> None:
        shelf.write("b.md", id="b", hook="B")
        shelf.sync()
        (shelf.library / "b.md").unlink()

    library.before_reading = other
    with pytest.raises(WarehouseBusyError, match="Another sync"):
        sync(shelf, library)
    assert active(shelf) == ["a", "b"]


def test_a_plan_says_what_a_sync_would_do_and_leaves_no_trace(
    shelf: CorpusFactory,
) -> None:
    shelf.write("a.md", id="a")
    shelf.sync()
    shelf.write("b.md", id="b", hook="B")
    (shelf.library / "a.md").unlink()
    before = shelf.everything()
    library = FolderLibrary(str(shelf.library))
    change, ids = plan_corpus(
        shelf.warehouse,
        library,
        shelf.clock,
        lambda con: con.execute(
            f"SELECT script_id FROM ({CURRENT_SCRIPTS})"
        ).fetchall(),
    )
    assert ids == [("library/b",)]
    assert shelf.everything() == before
    assert change == shelf.sync()


def test_a_large_library_is_staged_like_a_small_one(shelf: CorpusFactory) -> None:
    rows = [row(f"r{n}", author="mara" if n == 7 else None) for n in range(FRAME_ROWS)]
    table(shelf, *rows, row("odd", '😀 it\'s "quoted", with\ttabs'))
    change = shelf.sync()
    assert (change.new, change.rejected) == (FRAME_ROWS + 1, 0)
    scripts = shelf.active()
    assert [s["script_id"] for s in scripts.values() if s["author"]] == ["library/r7"]
    assert scripts["library/odd"]["text"] == '😀 it\'s "quoted", with\ttabs'
    assert shelf.sync().unchanged == FRAME_ROWS + 1


def test_a_script_put_into_the_tables_by_another_hand_is_retired(
    shelf: CorpusFactory,
) -> None:
    shelf.write("a.md", id="a")
    shelf.sync()
    stranger = {"script_id": "library/stranger", "revision_hash": "0" * 64}
    shelf.insert("scripts", {**stranger, "source_uri": "nowhere.md", "text": "Words"})
    shelf.insert(
        "script_status",
        {**stranger, "changed_at": shelf.clock.now(), "status": "active"},
    )
    assert (shelf.sync().retired, active(shelf)) == (1, ["a"])


contents = st.sampled_from(
    [
        "# One\n",
        "# Two\n",
        "---\nid: x\n---\n# One\n",
        "---\nid: y\n---\n# Two\n",
        "---\n",
        "",
    ]
)
tables = st.sampled_from(
    [
        '{"id": "x", "text": "One"}\n{"id": "y", "text": "Three"}',
        '{"id": "x", "text": "One"}\n{',
        '{"id": "z", "text": ""}\n{"id": "y", "text": "Two"}',
        "[",
    ]
)
names = st.sampled_from(["a.md", "b.md", "c.md"])
libraries = st.builds(
    lambda files, rows: {**files, **rows},
    st.dictionaries(names, contents),
    st.dictionaries(st.sampled_from(["b.jsonl", "d.jsonl"]), tables),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(libraries, min_size=1, max_size=4))
def test_whatever_came_before_a_second_sync_changes_nothing(
    shelf: CorpusFactory, states: list[dict[str, str]]
) -> None:
    for files in states:
        for path in list(shelf.library.iterdir()):
            path.unlink()
        for name, content in files.items():
            (shelf.library / name).write_text(content)
        first = shelf.sync()
        before = shelf.everything()
        shelf.clock.step(days=1)
        again = shelf.sync()
        assert shelf.everything() == before
        assert again.rejects == first.rejects
        assert (again.new, again.changed, again.retired, again.revived) == (0, 0, 0, 0)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(libraries, min_size=2, max_size=4))
def test_reading_only_what_changed_says_the_same_as_reading_all(
    shelf: CorpusFactory, states: list[dict[str, str]]
) -> None:
    for files in states:
        for path in list(shelf.library.iterdir()):
            path.unlink()
        for name, content in files.items():
            (shelf.library / name).write_text(content)
        shelf.sync()
        learned = shelf.everything()
        with shelf.warehouse.transaction() as con:
            con.execute("UPDATE library_files SET content_hash = NULL")
        change = shelf.sync()
        assert shelf.everything() == learned
        assert (change.new, change.changed, change.retired) == (0, 0, 0)
