"""The corpus follows its library and its winners; a second sync changes nothing."""

from __future__ import annotations

from datetime import datetime

from ig_assets.core.corpus.library.winners import unpromoted_winners
from ig_assets.core.identity import text_hash
from ig_assets_tests.core.corpus.corpus_factory import START, CorpusFactory


def statuses(corpus: CorpusFactory, script_id: str) -> list[str]:
    rows = corpus.rows(
        "SELECT script_id, status FROM script_status ORDER BY changed_at, script_id"
    )
    return [status for found, status in rows if found == script_id]


def waiting(corpus: CorpusFactory) -> int:
    with corpus.warehouse.transaction() as con:
        return len(unpromoted_winners(con))


def test_a_second_run_changes_no_row(corpus: CorpusFactory) -> None:
    corpus.write("a.md", id="a", performance="{as_of: 2026-01-01, views: 9, likes: 1}")
    corpus.write("b.md", id="b")
    (corpus.library / "bad.md").write_bytes(b"\x00")
    corpus.add_variant("v1", "Won.\n\nWith this.")
    corpus.decide("e1", winner_variant_id="v1")
    first = corpus.sync()
    assert (first.new, first.rejected, first.promoted) == (2, 1, 1)
    before = corpus.everything()
    corpus.clock.step(days=1)
    second = corpus.sync()
    assert corpus.everything() == before
    assert (second.unchanged, second.new, second.promoted) == (2, 0, 0)
    assert second.rejected == 1
    assert second.sample == ()


def test_a_script_is_named_by_its_words_and_carries_its_author(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md", hook="Hook.", id="a", author="mara", topic="basil")
    corpus.sync()
    row = corpus.active()["library/a"]
    assert row["revision_hash"] == text_hash(row["text"])
    assert (row["origin"], row["author"], row["topic"]) == ("library", "mara", "basil")
    assert (row["source_uri"], row["first_seen_at"]) == ("a.md", START)


def test_new_words_are_a_new_revision_and_the_old_one_stays_a_row(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md", hook="Before.", id="a")
    corpus.sync()
    old = corpus.active()["library/a"]["revision_hash"]
    corpus.write("a.md", hook="After.", id="a")
    assert corpus.sync().changed == 1
    assert corpus.active()["library/a"]["hook"] == "After."
    assert len(corpus.active()) == 1
    assert corpus.rows("SELECT count(*) FROM scripts") == [(2,)]
    corpus.write("a.md", hook="Before.", id="a")
    assert corpus.sync().changed == 1
    assert corpus.active()["library/a"]["revision_hash"] == old
    assert corpus.rows("SELECT count(*) FROM scripts") == [(2,)]


def test_a_new_description_of_the_same_words_is_no_new_revision(
    corpus: CorpusFactory,
) -> None:
    corpus.write("a.md", id="a", topic="basil")
    corpus.sync()
    corpus.clock.step(days=1)
    corpus.write("a.md", id="a", topic="herbs")
    assert corpus.sync().changed == 1
    assert corpus.active()["library/a"]["topic"] == "herbs"
    assert corpus.active()["library/a"]["first_seen_at"] == START
    assert statuses(corpus, "library/a") == ["active"]


def test_a_vanished_file_retires_its_script_and_its_return_revives_it(
    corpus: CorpusFactory,
) -> None:
    path = corpus.write("a.md", id="a")
    corpus.write("b.md", hook="Another.", id="b")
    corpus.sync()
    path.unlink()
    # A simulated clock does not move between two runs; rows must stay in order.
    assert corpus.sync().retired == 1
    assert list(corpus.active()) == ["library/b"]
    corpus.write("a.md", id="a")
    assert corpus.sync().revived == 1
    assert sorted(corpus.active()) == ["library/a", "library/b"]
    assert statuses(corpus, "library/a") == ["active", "retired", "active"]


def test_a_renamed_file_keeps_its_lineage(corpus: CorpusFactory) -> None:
    path = corpus.write("old.md", hook="The same words.")
    corpus.sync()
    path.rename(corpus.library / "new.md")
    change = corpus.sync()
    assert (change.new, change.retired, change.renamed) == (1, 1, 1)
    assert list(corpus.active()) == ["library/new"]
    assert corpus.rows(
        "SELECT child_id, parent_kind, parent_id, relation FROM edges"
    ) == [("library/new", "script", "library/old", "renamed_from")]
    assert corpus.rows("SELECT DISTINCT revision_hash FROM scripts") == [
        (corpus.active()["library/new"]["revision_hash"],)
    ]


def test_a_rename_over_two_syncs_keeps_its_lineage_too(
    corpus: CorpusFactory,
) -> None:
    path = corpus.write("old.md")
    corpus.sync()
    path.unlink()
    corpus.sync()
    corpus.write("new.md")
    assert corpus.sync().renamed == 1


def test_a_copy_is_not_a_rename(corpus: CorpusFactory) -> None:
    corpus.write("a.md")
    corpus.sync()
    corpus.write("b.md")
    change = corpus.sync()
    assert (change.new, change.renamed) == (1, 0)
    assert sorted(corpus.active()) == ["library/a", "library/b"]


def test_a_file_that_becomes_unusable_keeps_its_script_as_it_was(
    corpus: CorpusFactory,
) -> None:
    path = corpus.write("a.md", id="a")
    corpus.sync()
    good = path.read_bytes()
    path.write_bytes(b"---\nid: a\n")
    change = corpus.sync()
    assert (change.rejected, change.retired) == (1, 0)
    assert list(corpus.active()) == ["library/a"]
    path.write_bytes(good)
    assert corpus.sync().unchanged == 1


def test_a_reject_is_a_row_that_is_resolved_when_the_file_is_fixed(
    corpus: CorpusFactory,
) -> None:
    path = corpus.library / "a.md"
    path.write_bytes(b"\x00")
    corpus.sync()
    corpus.sync()
    path.unlink()
    corpus.write("a.md")
    corpus.sync()
    path.write_bytes(b"\x00")
    corpus.sync()
    rows = corpus.rows("SELECT source_uri, reason FROM script_rejects ORDER BY seen_at")
    assert rows == [("a.md", "binary"), ("a.md", "resolved"), ("a.md", "binary")]


def test_a_forgotten_script_never_comes_back_under_any_name(
    corpus: CorpusFactory,
) -> None:
    path = corpus.write("a.md", id="a", hook="Please forget.")
    corpus.sync()
    corpus.insert(
        "script_status",
        {
            "script_id": "library/a",
            "changed_at": datetime(2026, 1, 6),
            "status": "forgotten",
            "revision_hash": corpus.active()["library/a"]["revision_hash"],
            "reason": "asked for",
        },
    )
    corpus.insert("forgotten", {"script_id": "library/a", "reason": "asked for"})
    with corpus.warehouse.transaction() as con:
        con.execute("DELETE FROM scripts")
    corpus.clock.step(days=2)
    change = corpus.sync()
    assert [reject.reason for reject in change.rejects] == ["forgotten"]
    path.unlink()
    corpus.write("b.md", id="b", hook="Please forget.")
    assert [reject.reason for reject in corpus.sync().rejects] == ["forgotten"]
    assert corpus.active() == {}
    assert corpus.rows("SELECT count(*) FROM scripts") == [(0,)]


def test_a_forgotten_script_is_inactive_at_once(corpus: CorpusFactory) -> None:
    corpus.write("a.md", id="a")
    corpus.sync()
    corpus.insert("forgotten", {"script_id": "library/a", "reason": "asked for"})
    assert corpus.active() == {}


def test_performance_is_kept_as_readings_over_time(corpus: CorpusFactory) -> None:
    for day, likes in ((1, 10), (2, 30), (2, 20)):
        block = f"{{as_of: 2026-01-0{day}, views: 100, likes: {likes}}}"
        corpus.write("a.md", id="a", performance=block)
        corpus.sync()
    rows = corpus.rows("SELECT as_of, rate FROM script_performance ORDER BY as_of")
    assert rows == [(datetime(2026, 1, 1), 0.1), (datetime(2026, 1, 2), 0.2)]


def test_a_reading_of_a_day_to_come_is_left_out_and_said(corpus: CorpusFactory) -> None:
    for day, name in ((6, "tomorrow"), (9, "later")):
        block = f"{{as_of: 2026-01-0{day}, views: 100, likes: 10}}"
        corpus.write(f"{name}.md", id=name, performance=block)
    change = corpus.sync()
    assert corpus.rows("SELECT script_id FROM script_performance") == [
        ("library/tomorrow",)
    ]
    [fault] = change.faults
    assert fault["source_uri"] == "later.md"
    assert "after today, 2026-01-05 by the machine's clock" in fault["detail"]
    assert corpus.active().keys() == {"library/later", "library/tomorrow"}


def test_a_winner_becomes_a_script_with_its_lineage(corpus: CorpusFactory) -> None:
    corpus.add_variant("v1", "Won.\n\nWith this.")
    corpus.decide("e1", "provisional", winner_variant_id="v1")
    assert waiting(corpus) == 1
    assert corpus.sync().promoted == 1
    row = corpus.active()["winner/v1"]
    assert (row["origin"], row["text"]) == ("winner", "Won.\n\nWith this.")
    assert (row["topic"], row["language"], row["variant_id"]) == ("herbs", "en", "v1")
    assert corpus.rows(
        "SELECT parent_kind, parent_id, relation FROM edges ORDER BY 1"
    ) == [
        ("decision", "e1", "won"),
        ("variant", "v1", "promoted_from"),
    ]
    assert waiting(corpus) == 0


def test_the_published_words_are_promoted_and_not_the_written_ones(
    corpus: CorpusFactory,
) -> None:
    corpus.add_variant("v1", "As the model wrote it.")
    edited = "As a person edited it."
    post = {"post_id": "p1", "experiment_id": "e1", "variant_id": "v1"}
    corpus.insert("posts", {**post, "published_revision_hash": text_hash(edited)})
    corpus.decide("e1", winner_variant_id="v1")
    # Words that are stored nowhere cannot be promoted, and are not waited for.
    assert waiting(corpus) == corpus.sync().promoted == 0
    corpus.insert(
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
    assert corpus.sync().promoted == 1
    assert corpus.active()["winner/v1"]["text"] == edited


def test_only_the_latest_decision_of_an_experiment_promotes(
    corpus: CorpusFactory,
) -> None:
    corpus.add_variant("v1", "First ahead.")
    corpus.decide("e1", "provisional", winner_variant_id="v1")
    corpus.clock.step(days=1)
    corpus.decide("e1", "inconclusive")
    assert waiting(corpus) == corpus.sync().promoted == 0


def test_a_sample_has_ids_of_scripts_and_no_text(corpus: CorpusFactory) -> None:
    for n in range(30):
        corpus.write(f"{n}.md", hook=f"Secret words {n}.")
    change = corpus.sync()
    assert len(change.sample) == 20
    assert "Secret" not in repr(change.sample)
