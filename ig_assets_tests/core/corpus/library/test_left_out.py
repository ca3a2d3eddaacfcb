"""What notes hold that is not spoken is counted, costs nothing, changes no script."""

from __future__ import annotations

from ig_assets.adapters.script_library.folder import FolderLibrary
from ig_assets.core.corpus.library.sync import plan_corpus, sync_corpus
from ig_assets_tests.core.corpus.corpus_factory import (
    START,
    CorpusFactory,
    SteppingClock,
)

SECRET = "budget 400 EUR, do not publish"


def note(corpus: CorpusFactory, comment: str, name: str = "a.md") -> None:
    text = f"---\nstatus: draft\n---\n# Salt first\n\nWait. %%{comment}%%\n"
    (corpus.library / name).write_text(text, encoding="utf-8")


def totals(corpus: CorpusFactory) -> dict[str, tuple[int, int]]:
    change = corpus.sync()
    return {t["kind"]: (t["pieces"], t["scripts"]) for t in change.left_out}


def test_a_note_that_changes_is_not_embedded_again(corpus: CorpusFactory) -> None:
    note(corpus, "first thought")
    corpus.materialise()
    index_before = corpus.rows("SELECT * FROM index_entries")
    note(corpus, f"second thought: {SECRET}")
    change, embedded, indexed = corpus.materialise()
    assert (change.parsed, change.changed, change.unchanged) == (1, 0, 1)
    assert (embedded.embedded, indexed.unchanged) == (0, 1)
    assert corpus.rows("SELECT * FROM index_entries") == index_before


def test_what_is_not_spoken_reaches_no_embedder_and_no_table(
    corpus: CorpusFactory,
) -> None:
    note(corpus, SECRET)
    corpus.materialise()
    assert corpus.embedder.embedded == ["Salt first\n\nWait."]
    assert SECRET not in repr(corpus.everything())


def test_left_out_pieces_are_counted_over_the_whole_library(
    corpus: CorpusFactory,
) -> None:
    note(corpus, "one")
    note(corpus, "two%% %%three", "b.md")
    counted = {"comment": (3, 2), "property": (2, 2)}
    assert totals(corpus) == counted
    assert totals(corpus) == counted, "also where no file is parsed"
    note(corpus, "one", "b.md")
    assert totals(corpus) == {"comment": (2, 2), "property": (2, 2)}
    (corpus.library / "b.md").unlink()
    assert totals(corpus) == {"comment": (1, 1), "property": (1, 1)}


def test_a_reading_without_its_day_is_named_and_its_script_is_taken(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md", performance="{views: 100, likes: 7}", author="{a: b}")
    change = corpus.sync()
    assert (change.new, change.rejected) == (1, 0)
    assert [(f["source_uri"], f["kind"]) for f in change.faults] == [
        ("a.md", "label"),
        ("a.md", "reading"),
    ]
    assert corpus.rows("SELECT * FROM script_performance") == []
    block = "{as_of: 2026-01-01, views: 100, likes: 7}"
    corpus.write("a.md", performance=block)
    change = corpus.sync()
    assert (change.faults, change.unchanged) == ((), 1)
    assert corpus.rows("SELECT rate FROM script_performance") == [(0.07,)]


def test_a_direction_inside_a_line_reaches_no_embedder_and_no_table(
    corpus: CorpusFactory,
) -> None:
    said = "# Salt (smiles) first\n\nWait [zoom in] for [product name].\n"
    (corpus.library / "a.md").write_text(said, encoding="utf-8")
    change, _, _ = corpus.materialise()
    assert corpus.embedder.embedded == ["Salt first\n\nWait for [product name]."]
    everything = repr(corpus.everything())
    assert "zoom" not in everything and "smiles" not in everything
    assert [(t["kind"], t["pieces"]) for t in change.left_out] == [("cue", 2)]
    assert [(f["source_uri"], f["kind"]) for f in change.faults] == [
        ("a.md", "placeholder")
    ]


def test_files_of_kinds_that_are_not_read_are_named_and_counted(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md")
    for name in ("deck.pdf", "sub/Board.canvas", "~$a.docx", "README", ".hidden.pdf"):
        path = corpus.library / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\x00")
    change = corpus.sync()
    assert (change.new, change.rejected, change.unread) == (1, 0, 4)
    assert change.not_read == (
        ".canvas 1, .docx 1, .pdf 1, no suffix 1: "
        "README, deck.pdf, sub/Board.canvas, ~$a.docx"
    )


def test_a_dry_run_says_what_a_sync_would_leave_out(corpus: CorpusFactory) -> None:
    note(corpus, "one")
    (corpus.library / "deck.pdf").write_bytes(b"%PDF")
    library = FolderLibrary(str(corpus.library))
    change, _ = plan_corpus(corpus.warehouse, library, corpus.clock, lambda con: None)
    assert {t["kind"]: t["pieces"] for t in change.left_out} == {
        "comment": 1,
        "property": 1,
    }
    assert change.unread == 1
    assert corpus.rows("SELECT * FROM script_left_out") == []


def test_a_reading_of_a_day_to_come_is_named_and_never_the_latest(
    corpus: CorpusFactory,
) -> None:
    for day in ("2099-01-01", "2026-01-01"):
        corpus.write("a.md", performance=f"{{as_of: {day}, views: 100, likes: 7}}")
        library = FolderLibrary(str(corpus.library))
        plan, _ = plan_corpus(corpus.warehouse, library, corpus.clock, lambda con: None)
        change = corpus.sync()
        assert plan.faults == change.faults
        assert [f["kind"] for f in change.faults] == ["reading"] * (day > "2026-01-05")
    assert corpus.rows("SELECT as_of FROM latest_performance") == [
        (START.replace(day=1, hour=0),)
    ]
    corpus.write("b.md", performance="{as_of: 2026-02-01, views: 100, likes: 7}")
    machine = SteppingClock(START.replace(month=3))
    sync_corpus(corpus.warehouse, library, corpus.clock, machine_clock=machine)
    assert corpus.rows("SELECT count(*) FROM latest_performance") == [(2,)]
