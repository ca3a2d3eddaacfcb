"""The corpus follows its library and its winners, and a second look changes nothing."""

from __future__ import annotations

from datetime import datetime

from ig_assets.core.corpus.library.sync import unpromoted_winners
from ig_assets.core.identity import text_hash
from ig_assets_tests.core.corpus.corpus_factory import START, CorpusFactory


def statuses(shelf: CorpusFactory, script_id: str) -> list[str]:
    rows = shelf.rows(
        "SELECT script_id, status FROM script_status ORDER BY changed_at, script_id"
    )
    return [status for found, status in rows if found == script_id]


def waiting(shelf: CorpusFactory) -> int:
    with shelf.warehouse.transaction() as con:
        return unpromoted_winners(con)


def test_a_second_run_changes_no_row(shelf: CorpusFactory) -> None:
    shelf.write("a.md", id="a", performance="{as_of: 2026-01-01, views: 9, likes: 1}")
    shelf.write("b.md", id="b")
    (shelf.library / "bad.md").write_bytes(b"\x00")
    shelf.add_variant("v1", "Won.\n\nWith this.")
    shelf.decide("e1", winner_variant_id="v1")
    first = shelf.sync()
    assert (first.new, first.rejected, first.promoted) == (2, 1, 1)
    before = shelf.everything()
    shelf.clock.step(days=1)
    second = shelf.sync()
    assert shelf.everything() == before
    assert (second.unchanged, second.new, second.promoted) == (2, 0, 0)
    assert second.rejected == 1
    assert second.sample == ()


def test_a_script_is_named_by_its_words_and_carries_its_author(
    shelf: CorpusFactory,
) -> None:
    shelf.write("a.md", hook="Hook.", id="a", author="mara", topic="basil")
    shelf.sync()
    row = shelf.active()["library/a"]
    assert row["revision_hash"] == text_hash(row["text"])
    assert (row["origin"], row["author"], row["topic"]) == ("library", "mara", "basil")
    assert (row["source_uri"], row["first_seen_at"]) == ("a.md", START)


def test_new_words_are_a_new_revision_and_the_old_one_stays_a_row(
    shelf: CorpusFactory,
) -> None:
    shelf.write("a.md", hook="Before.", id="a")
    shelf.sync()
    old = shelf.active()["library/a"]["revision_hash"]
    shelf.write("a.md", hook="After.", id="a")
    assert shelf.sync().changed == 1
    assert shelf.active()["library/a"]["hook"] == "After."
    assert len(shelf.active()) == 1
    assert shelf.rows("SELECT count(*) FROM scripts") == [(2,)]
    shelf.write("a.md", hook="Before.", id="a")
    assert shelf.sync().changed == 1
    assert shelf.active()["library/a"]["revision_hash"] == old
    assert shelf.rows("SELECT count(*) FROM scripts") == [(2,)]


def test_a_new_description_of_the_same_words_is_no_new_revision(
    shelf: CorpusFactory,
) -> None:
    shelf.write("a.md", id="a", topic="basil")
    shelf.sync()
    shelf.clock.step(days=1)
    shelf.write("a.md", id="a", topic="herbs")
    assert shelf.sync().changed == 1
    assert shelf.active()["library/a"]["topic"] == "herbs"
    assert shelf.active()["library/a"]["first_seen_at"] == START
    assert statuses(shelf, "library/a") == ["active"]


def test_a_vanished_file_retires_its_script_and_its_return_revives_it(
    shelf: CorpusFactory,
) -> None:
    path = shelf.write("a.md", id="a")
    shelf.write("b.md", hook="Another.", id="b")
    shelf.sync()
    path.unlink()
    # The clock of a simulation stands still between two runs; order must hold.
    assert shelf.sync().retired == 1
    assert list(shelf.active()) == ["library/b"]
    shelf.write("a.md", id="a")
    assert shelf.sync().revived == 1
    assert sorted(shelf.active()) == ["library/a", "library/b"]
    assert statuses(shelf, "library/a") == ["active", "retired", "active"]


def test_a_renamed_file_keeps_its_lineage(shelf: CorpusFactory) -> None:
    path = shelf.write("old.md", hook="The same words.")
    shelf.sync()
    path.rename(shelf.library / "new.md")
    change = shelf.sync()
    assert (change.new, change.retired, change.renamed) == (1, 1, 1)
    assert list(shelf.active()) == ["library/new"]
    assert shelf.rows(
        "SELECT child_id, parent_kind, parent_id, relation FROM edges"
    ) == [("library/new", "script", "library/old", "renamed_from")]
    assert shelf.rows("SELECT DISTINCT revision_hash FROM scripts") == [
        (shelf.active()["library/new"]["revision_hash"],)
    ]


def test_a_rename_seen_as_a_vanishing_first_keeps_its_lineage_too(
    shelf: CorpusFactory,
) -> None:
    path = shelf.write("old.md")
    shelf.sync()
    path.unlink()
    shelf.sync()
    shelf.write("new.md")
    assert shelf.sync().renamed == 1


def test_a_copy_is_not_a_rename(shelf: CorpusFactory) -> None:
    shelf.write("a.md")
    shelf.sync()
    shelf.write("b.md")
    change = shelf.sync()
    assert (change.new, change.renamed) == (1, 0)
    assert sorted(shelf.active()) == ["library/a", "library/b"]


def test_a_file_that_becomes_unusable_keeps_its_script_as_it_was(
    shelf: CorpusFactory,
) -> None:
    path = shelf.write("a.md", id="a")
    shelf.sync()
    good = path.read_bytes()
    path.write_bytes(b"---\nid: a\n")
    change = shelf.sync()
    assert (change.rejected, change.retired) == (1, 0)
    assert list(shelf.active()) == ["library/a"]
    path.write_bytes(good)
    assert shelf.sync().unchanged == 1


def test_a_reject_is_a_row_that_is_resolved_when_the_file_is_put_right(
    shelf: CorpusFactory,
) -> None:
    path = shelf.library / "a.md"
    path.write_bytes(b"\x00")
    shelf.sync()
    shelf.sync()
    path.unlink()
    shelf.write("a.md")
    shelf.sync()
    path.write_bytes(b"\x00")
    shelf.sync()
    rows = shelf.rows("SELECT source_uri, reason FROM script_rejects ORDER BY seen_at")
    assert rows == [("a.md", "binary"), ("a.md", "resolved"), ("a.md", "binary")]


def test_a_forgotten_script_never_comes_back_under_any_name(
    shelf: CorpusFactory,
) -> None:
    path = shelf.write("a.md", id="a", hook="Please forget.")
    shelf.sync()
    shelf.insert(
        "script_status",
        {
            "script_id": "library/a",
            "changed_at": datetime(2026, 1, 6),
            "status": "forgotten",
            "revision_hash": shelf.active()["library/a"]["revision_hash"],
            "reason": "asked for",
        },
    )
    shelf.insert("forgotten", {"script_id": "library/a", "reason": "asked for"})
    with shelf.warehouse.transaction() as con:
        con.execute("DELETE FROM scripts")
    shelf.clock.step(days=2)
    change = shelf.sync()
    assert [reject.reason for reject in change.rejects] == ["forgotten"]
    path.unlink()
    shelf.write("b.md", id="b", hook="Please forget.")
    assert [reject.reason for reject in shelf.sync().rejects] == ["forgotten"]
    assert shelf.active() == {}
    assert shelf.rows("SELECT count(*) FROM scripts") == [(0,)]


def test_a_request_to_forget_hides_a_script_at_once(shelf: CorpusFactory) -> None:
    shelf.write("a.md", id="a")
    shelf.sync()
    shelf.insert("forgotten", {"script_id": "library/a", "reason": "asked for"})
    assert shelf.active() == {}


def test_performance_is_kept_as_readings_over_time(shelf: CorpusFactory) -> None:
    for day, likes in ((1, 10), (2, 30), (2, 20)):
        block = f"{{as_of: 2026-01-0{day}, views: 100, likes: {likes}}}"
        shelf.write("a.md", id="a", performance=block)
        shelf.sync()
    rows = shelf.rows("SELECT as_of, rate FROM script_performance ORDER BY as_of")
    assert rows == [(datetime(2026, 1, 1), 0.1), (datetime(2026, 1, 2), 0.2)]


def test_a_winner_becomes_a_script_with_its_lineage(shelf: CorpusFactory) -> None:
    shelf.add_variant("v1", "Won.\n\nWith this.")
    shelf.decide("e1", "provisional", winner_variant_id="v1")
    assert waiting(shelf) == 1
    assert shelf.sync().promoted == 1
    row = shelf.active()["winner/v1"]
    assert (row["origin"], row["text"]) == ("winner", "Won.\n\nWith this.")
    assert (row["topic"], row["language"], row["variant_id"]) == ("herbs", "en", "v1")
    assert shelf.rows(
        "SELECT parent_kind, parent_id, relation FROM edges ORDER BY 1"
    ) == [
        ("decision", "e1", "won"),
        ("variant", "v1", "promoted_from"),
    ]
    assert waiting(shelf) == 0


def test_what_was_published_is_promoted_rather_than_what_was_written(
    shelf: CorpusFactory,
) -> None:
    shelf.add_variant("v1", "As the model wrote it.")
    edited = "As a person edited it."
    post = {"post_id": "p1", "experiment_id": "e1", "variant_id": "v1"}
    shelf.insert("posts", {**post, "published_revision_hash": text_hash(edited)})
    shelf.decide("e1", winner_variant_id="v1")
    # Words that are stored nowhere cannot be promoted, and are not waited for.
    assert waiting(shelf) == shelf.sync().promoted == 0
    shelf.insert(
        "post_edits",
        {
            "post_id": "p1",
            "edited_at": datetime(2026, 1, 1),
            "variant_id": "v1",
            "revision_hash": text_hash(edited),
            "hook": edited,
            "body": "",
            "call_to_action": "",
            "text": edited,
        },
    )
    assert shelf.sync().promoted == 1
    assert shelf.active()["winner/v1"]["text"] == edited


def test_only_the_latest_decision_of_an_experiment_promotes(
    shelf: CorpusFactory,
) -> None:
    shelf.add_variant("v1", "First ahead.")
    shelf.decide("e1", "provisional", winner_variant_id="v1")
    shelf.clock.step(days=1)
    shelf.decide("e1", "inconclusive")
    assert waiting(shelf) == shelf.sync().promoted == 0


def test_a_sample_names_scripts_and_quotes_none(shelf: CorpusFactory) -> None:
    for n in range(30):
        shelf.write(f"{n}.md", hook=f"Secret words {n}.")
    change = shelf.sync()
    assert len(change.sample) == 20
    assert "Secret" not in repr(change.sample)
