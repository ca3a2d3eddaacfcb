"""A sync parses changed files, keeps unreadable scripts, and plans without writing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ig_assets.adapters.script_library.folder import FolderLibrary
from ig_assets.core.corpus.library import known_files
from ig_assets.core.corpus.library.staging import FRAME_ROWS
from ig_assets.core.corpus.library.sync import CorpusChange, plan_corpus, sync_corpus
from ig_assets.core.corpus.scripts.parse import READER_VERSION
from ig_assets.core.identity import letters_hash, words_hash
from ig_assets.core.ports import InvalidFile, LibraryFile
from ig_assets.errors import TransientVendorError, WarehouseBusyError
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.factories.cases import FEW_CASES


def table(
    corpus: CorpusFactory, *rows: dict[str, Any], name: str = "rows.jsonl"
) -> None:
    content = "\n".join(map(json.dumps, rows))
    (corpus.library / name).write_text(content, encoding="utf-8")


def row(name: str, text: str = "", **more: Any) -> dict[str, Any]:
    return {"id": name, "text": text or f"Hook {name}\n\nBody.", **more}


def active(corpus: CorpusFactory) -> list[str]:
    return sorted(name.removeprefix("library/") for name in corpus.active())


class FaultyLibrary(FolderLibrary):
    """A folder whose listing or reading fails as a test asks."""

    def __init__(self, corpus: CorpusFactory) -> None:
        super().__init__(str(corpus.library))
        self.answers: dict[str, bytes | InvalidFile | None] = {}
        self.exact = False
        self.files_read: list[str] = []
        self.before_reading: Any = lambda: None
        self.broken = ""

    def files(self, suffixes: tuple[str, ...]) -> list[LibraryFile]:
        if self.broken == "listing":
            raise TransientVendorError("The library cannot be listed.")
        return [
            f._replace(version=f"{f.size} {f.stamp}" if self.exact else None)
            for f in super().files(suffixes)
        ]

    def contents(
        self, files: Iterable[LibraryFile]
    ) -> Iterator[tuple[LibraryFile, bytes | InvalidFile | None]]:
        self.before_reading()
        for file, content in super().contents(files):
            self.files_read.append(file.path)
            yield file, self.answers.get(file.path, content)
            if self.broken == "reading":
                raise TransientVendorError("The library cannot be read.")


def sync(corpus: CorpusFactory, library: FaultyLibrary) -> CorpusChange:
    return sync_corpus(corpus.warehouse, library, corpus.clock)


def test_only_files_whose_bytes_changed_are_parsed(corpus: CorpusFactory) -> None:
    for name in "abc":
        corpus.write(f"{name}.md", hook=name)
    table(corpus, row("t1"), row("t2"))
    assert corpus.sync().parsed == 4
    second = corpus.sync()
    assert (second.parsed, second.unchanged) == (0, 5)
    corpus.write("b.md", hook="B")
    change = corpus.sync()
    assert (change.parsed, change.changed, change.unchanged) == (1, 1, 4)


def test_a_new_parser_version_parses_every_file(
    corpus: CorpusFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.write("a.md")
    corpus.sync()
    known = f"reader_version) = {READER_VERSION}"
    newer = known_files._FILES.replace(known, f"{known}0")
    assert newer != known_files._FILES
    monkeypatch.setattr(known_files, "_FILES", newer)
    assert corpus.sync().parsed == 1


def test_a_file_with_the_same_exact_stamp_is_not_read(corpus: CorpusFactory) -> None:
    library = FaultyLibrary(corpus)
    library.exact = True
    corpus.write("a.md")
    corpus.write("b.md", hook="B")
    sync(corpus, library)
    library.files_read.clear()
    assert (sync(corpus, library).unchanged, library.files_read) == (2, [])
    corpus.write("b.md", hook="Another, longer")
    assert (sync(corpus, library).changed, library.files_read) == (1, ["b.md"])


def test_a_row_is_a_script_like_a_file(corpus: CorpusFactory) -> None:
    table(corpus, row("a", topic="basil"), row("b"), row("c"))
    assert corpus.sync().new == 3
    assert corpus.active()["library/a"]["source_uri"] == "rows.jsonl#a"
    table(corpus, row("a", topic="herbs"), row("b", "Other words"), row("d"))
    change = corpus.sync()
    assert (change.new, change.changed, change.retired) == (1, 2, 1)
    assert active(corpus) == ["a", "b", "d"]
    (corpus.library / "rows.jsonl").rename(corpus.library / "moved.jsonl")
    change = corpus.sync()
    assert (change.new, change.changed, change.retired) == (0, 3, 0)
    (corpus.library / "moved.jsonl").unlink()
    assert corpus.sync().retired == 3


def test_a_bad_row_keeps_its_script_and_the_others_go_on(corpus: CorpusFactory) -> None:
    table(corpus, row("a"), row("b"), row("c"))
    corpus.sync()
    table(corpus, row("a", "New words"), {"id": "b", "text": ["broken"]})
    change = corpus.sync()
    assert (change.changed, change.retired, change.rejected) == (1, 1, 1)
    assert [r.source_uri for r in change.rejects] == ["rows.jsonl#b"]
    assert active(corpus) == ["a", "b"]
    before = corpus.everything()
    assert corpus.sync().rejected == 1
    assert corpus.everything() == before


@pytest.mark.parametrize("broken", ["[1, 2]\n", "{", '{"text": "\\'])
def test_a_broken_table_keeps_all_its_scripts_until_it_is_fixed(
    corpus: CorpusFactory, broken: str
) -> None:
    table(corpus, row("a"), row("b"))
    corpus.sync()
    path = corpus.library / "rows.jsonl"
    good = path.read_text()
    path.write_text(broken)
    for _ in range(2):
        change = corpus.sync()
        assert (change.rejected, change.retired) == (1, 0)
        assert [r.source_uri for r in change.rejects] == ["rows.jsonl"]
        assert active(corpus) == ["a", "b"]
    path.write_text(good)
    assert (corpus.sync().unchanged, corpus.sync().parsed) == (2, 0)


def test_a_line_cut_short_retires_nothing_of_its_table(corpus: CorpusFactory) -> None:
    table(corpus, row("a"), row("b"), row("c"))
    corpus.sync()
    content = (corpus.library / "rows.jsonl").read_text()
    (corpus.library / "rows.jsonl").write_text(content[:-10])
    for _ in range(2):
        change = corpus.sync()
        assert (change.retired, change.rejected) == (0, 1)
        assert active(corpus) == ["a", "b", "c"]


def test_of_two_files_with_one_id_the_first_by_path_is_taken(
    corpus: CorpusFactory,
) -> None:
    corpus.write("b.md", id="x", hook="Second")
    corpus.sync()
    corpus.write("a.md", id="x", hook="First")
    change = corpus.sync()
    assert {r.source_uri: r.reason for r in change.rejects} == {"b.md": "duplicate id"}
    assert "a.md" in change.rejects[0].detail
    assert corpus.active()["library/x"]["hook"] == "First"
    before = corpus.everything()
    assert corpus.sync().rejected == 1
    assert corpus.everything() == before
    (corpus.library / "a.md").unlink()
    change = corpus.sync()
    assert (change.changed, change.rejected, change.retired) == (1, 0, 0)
    assert corpus.active()["library/x"]["hook"] == "Second"


def test_a_copy_with_the_same_id_and_words_takes_over_when_the_first_goes(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md", id="x")
    table(corpus, row("x", "A hook.\n\nSome words about it.\n\nCTA: Save this."))
    assert (corpus.sync().new, corpus.sync().rejected) == (1, 0)
    (corpus.library / "a.md").unlink()
    change = corpus.sync()
    assert (change.changed, change.retired) == (1, 0)
    assert corpus.active()["library/x"]["source_uri"] == "rows.jsonl#x"


def test_words_that_were_forgotten_do_not_come_back_as_a_new_revision(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md", id="a", hook="Forget me.")
    corpus.write("b.md", id="b", hook="Something else.")
    corpus.sync()
    corpus.insert("forgotten", {"script_id": "library/a"})
    corpus.write("b.md", id="b", hook="Forget me.")
    change = corpus.sync()
    assert {r.source_uri for r in change.rejects} == {"a.md", "b.md"}
    assert corpus.active()["library/b"]["hook"] == "Something else."


def forget_words(corpus: CorpusFactory, hashed: Callable[[str], str]) -> None:
    """Note the words of `library/a` as forgotten, by this hash of them."""
    text = corpus.active()["library/a"]["text"]
    corpus.insert("forgotten", {"script_id": "library/a"})
    noted = {"erasure": {"words": [hashed(text)]}}
    row = {"request_id": "r", "step": "tables", "detail": json.dumps(noted)}
    corpus.insert("forget_steps", row)


def test_forgotten_words_are_refused_in_other_letter_case_and_spacing(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md", id="a", hook="Forget me, Zoë.")
    corpus.sync()
    forget_words(corpus, words_hash)
    corpus.write("b.md", id="b", hook="FORGET  me, Zoe\u0308.")
    corpus.write("c.md", id="c", hook="Forget me not, Zoë.")
    change = corpus.sync()
    assert {r.source_uri for r in change.rejects} == {"a.md", "b.md"}
    assert set(corpus.active()) >= {"library/c"}


def test_forgotten_words_are_refused_in_other_punctuation(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md", id="a", hook='Don\'t "boil" it - wait!')
    corpus.sync()
    forget_words(corpus, letters_hash)
    corpus.write("b.md", id="b", hook="Don’t “boil” it — WAIT? 🍲")
    corpus.write("c.md", id="c", hook="Don’t “boil” it — wait 5 minutes!")
    change = corpus.sync()
    assert {r.source_uri for r in change.rejects} == {"a.md", "b.md"}
    assert set(corpus.active()) >= {"library/c"}


def test_a_forgotten_script_of_a_file_that_did_not_change_is_refused(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md", id="a")
    corpus.sync()
    corpus.insert("forgotten", {"script_id": "library/a"})
    assert [r.reason for r in corpus.sync().rejects] == ["forgotten"]


@pytest.mark.parametrize("broken", ["listing", "reading"])
def test_a_library_that_fails_changes_no_row(
    corpus: CorpusFactory, broken: str
) -> None:
    corpus.write("a.md")
    corpus.write("b.md", hook="B")
    library = FaultyLibrary(corpus)
    sync(corpus, library)
    before = corpus.everything()
    corpus.write("c.md", hook="C")
    library.broken = broken
    with pytest.raises(TransientVendorError):
        sync(corpus, library)
    assert corpus.everything() == before


@pytest.mark.parametrize("answer", [None, InvalidFile("unreadable", "No permission.")])
def test_a_file_that_cannot_be_read_now_keeps_its_scripts(
    corpus: CorpusFactory, answer: InvalidFile | None
) -> None:
    corpus.write("a.md", id="a")
    table(corpus, row("b"))
    library = FaultyLibrary(corpus)
    sync(corpus, library)
    library.answers = {"a.md": answer, "rows.jsonl": answer}
    for _ in range(2):
        change = sync(corpus, library)
        assert (change.retired, change.rejected) == (0, 2 if answer else 0)
        assert active(corpus) == ["a", "b"]
    library.answers = {}
    assert sync(corpus, library).unchanged == 2


def test_a_sync_that_another_sync_overtook_writes_nothing(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md", id="a")
    library = FaultyLibrary(corpus)

    def other() -> None:
        corpus.write("b.md", id="b", hook="B")
        corpus.sync()
        (corpus.library / "b.md").unlink()

    library.before_reading = other
    with pytest.raises(WarehouseBusyError, match="Another sync"):
        sync(corpus, library)
    assert active(corpus) == ["a", "b"]


def test_a_plan_equals_the_sync_and_writes_nothing(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md", id="a")
    corpus.sync()
    corpus.write("b.md", id="b", hook="B")
    (corpus.library / "a.md").unlink()
    before = corpus.everything()
    library = FolderLibrary(str(corpus.library))
    change, ids = plan_corpus(
        corpus.warehouse,
        library,
        corpus.clock,
        lambda con: con.execute("SELECT script_id FROM current_scripts").fetchall(),
    )
    assert ids == [("library/b",)]
    assert corpus.everything() == before
    assert change == corpus.sync()


def test_a_large_library_is_staged_like_a_small_one(corpus: CorpusFactory) -> None:
    rows = [row(f"r{n}", author="mara" if n == 7 else None) for n in range(FRAME_ROWS)]
    table(corpus, *rows, row("odd", '😀 it\'s "quoted", with\ttabs'))
    change = corpus.sync()
    assert (change.new, change.rejected) == (FRAME_ROWS + 1, 0)
    scripts = corpus.active()
    assert [s["script_id"] for s in scripts.values() if s["author"]] == ["library/r7"]
    assert scripts["library/odd"]["text"] == '😀 it\'s "quoted", with\ttabs'
    assert corpus.sync().unchanged == FRAME_ROWS + 1


def test_a_script_inserted_by_another_program_is_retired(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md", id="a")
    corpus.sync()
    foreign = {"script_id": "library/foreign", "revision_hash": "0" * 64}
    corpus.insert("scripts", {**foreign, "source_uri": "nowhere.md", "text": "Words"})
    corpus.insert(
        "script_status",
        {**foreign, "changed_at": corpus.clock.now(), "status": "active"},
    )
    assert (corpus.sync().retired, active(corpus)) == (1, ["a"])


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


@FEW_CASES
@given(st.lists(libraries, min_size=1, max_size=4))
def test_after_any_history_a_second_sync_changes_nothing(
    corpus: CorpusFactory, states: list[dict[str, str]]
) -> None:
    assert states
    for files in states:
        for path in list(corpus.library.iterdir()):
            path.unlink()
        for name, content in files.items():
            (corpus.library / name).write_text(content)
        first = corpus.sync()
        before = corpus.everything()
        corpus.clock.step(days=1)
        second = corpus.sync()
        assert corpus.everything() == before
        assert second.rejects == first.rejects
        assert (second.new, second.changed, second.retired, second.revived) == (
            0,
            0,
            0,
            0,
        )


@FEW_CASES
@given(st.lists(libraries, min_size=2, max_size=4))
def test_parsing_only_changed_files_gives_the_same_rows_as_parsing_all(
    corpus: CorpusFactory, states: list[dict[str, str]]
) -> None:
    assert states
    for files in states:
        for path in list(corpus.library.iterdir()):
            path.unlink()
        for name, content in files.items():
            (corpus.library / name).write_text(content)
        corpus.sync()
        learned = corpus.everything()
        with corpus.warehouse.transaction() as con:
            con.execute("UPDATE library_files SET content_hash = NULL")
        change = corpus.sync()
        assert corpus.everything() == learned
        assert (change.new, change.changed, change.retired) == (0, 0, 0)
