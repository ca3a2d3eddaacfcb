"""History comes in once, with its evidence, and bad rows stay outside."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from ig_assets.core.identity import letters_hash, text_hash, words_hash
from ig_assets_tests.core.corpus.corpus_factory import START, CorpusFactory
from ig_assets_tests.core.corpus.history_import.imports import (
    FIRST,
    HEADER,
    ROWS,
    load,
    put,
)


def test_every_row_is_an_arm_with_its_script_post_and_final_readings(
    corpus: CorpusFactory,
) -> None:
    report = load(corpus, put(corpus.folder, HEADER + ROWS))
    assert (report.rows_read, report.imported, report.rejected) == (4, 4, 0)
    assert (report.experiments, report.scripts, report.posts) == (2, 3, 4)
    assert (report.numerator, report.denominator) == ("clicks", "impressions")
    digest = text_hash("Hook one\n\nA & b")
    row = corpus.active()[f"history/{digest[:16]}"]
    assert (row["hook"], row["body"], row["origin"]) == ("Hook one", "A & b", "history")
    assert row["revision_hash"] == digest
    assert corpus.rows(
        "SELECT DISTINCT numerator, denominator, randomised, sigma, simulated, status "
        "FROM experiments"
    ) == [("clicks", "impressions", True, 0.0, False, "running")]
    posts = corpus.rows(
        "SELECT p.detail, p.platform, p.status, p.variant_id, p.published_at, "
        "max(g.value) FILTER (g.metric = 'impressions'), "
        "max(g.value) FILTER (g.metric = 'clicks'), bool_or(g.age_hours IS NOT NULL) "
        "FROM posts AS p JOIN engagement AS g ON g.post_id = p.post_id "
        "GROUP BY p.post_id, p.detail, p.platform, p.status, p.variant_id, "
        "p.published_at ORDER BY 6, 7"
    )
    seen = ("history", "published", None, None)
    assert posts == [
        ("image:img3", *seen, 500.0, 9.0, False),
        ("image:img2", *seen, 500.0, 10.0, False),
        ("image:img1", *seen, 1000.0, 20.0, False),
        ("image:img1", *seen, 1000.0, 50.0, False),
    ]
    arms = corpus.rows("SELECT count(DISTINCT arm) FROM posts GROUP BY experiment_id")
    assert arms == [(2,), (2,)]


def test_performance_sums_the_posts_of_one_text(corpus: CorpusFactory) -> None:
    load(corpus, put(corpus.folder, HEADER + ROWS))
    digest = text_hash("Hook one\n\nA & b")
    rows = corpus.rows("SELECT revision_hash, views, rate FROM script_performance")
    assert (digest, 1500.0, 60 / 1500) in rows and len(rows) == 3


def test_importing_the_same_file_twice_changes_no_row(corpus: CorpusFactory) -> None:
    file = put(corpus.folder, HEADER + ROWS + "t1,,,1,1,,\n")
    load(corpus, file)
    before = corpus.everything()
    corpus.clock.step(days=3)
    second = load(corpus, file.rename(corpus.folder / "renamed.csv"))
    assert corpus.everything() == before
    assert second.already_imported and second.imported == 0
    assert (second.rows_read, second.rejected) == (5, 1)


def test_a_dry_run_reports_everything_and_writes_nothing(corpus: CorpusFactory) -> None:
    file = put(corpus.folder, HEADER + ROWS)
    before = corpus.everything()
    dry = load(corpus, file, dry_run=True)
    assert corpus.everything() == before
    assert dry == load(corpus, file)


@pytest.mark.parametrize(
    ("reason", "row"),
    [
        ("no hook", "t1, ,,10,1,,"),
        ("impossible counts", "t1,Hook,,10,11,,"),
        ("negative count", "t1,Hook,,10,-2,,"),
        ("not a count", "t1,Hook,,ten,1,,"),
        ("not a count", "t1,Hook,,inf,1,,"),
        ("not a count", "t1,Hook,,1.234,1,,"),
        ("not a count", "t1,Hook,,1.000,1,,"),
        ("looks like a secret", "t1,Use sk-" + "a1B2" * 8 + ",,10,1,,"),
        ("over 64 KiB", "t1," + "x" * 70000 + ",,10,1,,"),
        ("broken row", "t1,Hook,,10,1,,,,,one,too,many"),
    ],
)
def test_a_bad_row_is_listed_with_its_reason_and_the_rest_goes_on(
    corpus: CorpusFactory, reason: str, row: str
) -> None:
    report = load(corpus, put(corpus.folder, HEADER + ROWS + row + "\n"))
    assert (report.rows_read, report.imported, report.rejected) == (5, 4, 1)
    assert [r.reason for r in report.rejects_sample] == [reason]
    [(source_uri, stored)] = corpus.rows(
        "SELECT source_uri, reason FROM script_rejects"
    )
    assert stored == reason and source_uri.startswith("history:history.csv#")


def test_a_library_sync_keeps_the_rejects_of_history(
    corpus: CorpusFactory,
) -> None:
    load(corpus, put(corpus.folder, HEADER + ROWS + "t1,,,1,1,,\n"))
    corpus.sync()
    assert corpus.rows("SELECT reason FROM script_rejects") == [("no hook",)]


def test_a_missing_count_is_missing_and_never_zero(corpus: CorpusFactory) -> None:
    load(corpus, put(corpus.folder, "hook,views,likes,shares\nA,100,5,\nB,100,,3\n"))
    assert corpus.rows("SELECT metric, value FROM engagement ORDER BY metric") == [
        ("likes", 5.0),
        ("views", 100.0),
    ]
    assert corpus.rows(
        "SELECT likes, shares, rate FROM script_performance ORDER BY likes"
    ) == [(5.0, None, 0.05), (None, 3.0, None)]


def test_a_test_with_a_single_arm_is_no_experiment(corpus: CorpusFactory) -> None:
    report = load(corpus, put(corpus.folder, HEADER + "t9,Alone,,100,1,,\n"))
    assert (report.experiments, report.posts) == (0, 1)
    assert corpus.rows("SELECT experiment_id FROM posts") == [(None,)]


def test_times_are_taken_as_utc_and_date_the_experiment(corpus: CorpusFactory) -> None:
    file = put(
        corpus.folder,
        "experiment,arm,hook,views,likes,posted_on\n"
        "e,a,One,100,5,2025-03-01T01:00:00+02:00\n"
        "e,b,Two,100,6,2025-03-02\n"
        "e,c,Three,100,6,someday\n",
    )
    report = load(corpus, file)
    assert report.notes[:2] == (
        "`posted_on`: 1 value was left out, the first because it is not a date such as "
        "2026-01-31.",
        "Times without a zone were taken as UTC; --timezone says another.",
    )
    started = datetime(2025, 2, 28, 23)
    assert corpus.rows("SELECT month, started_at FROM experiments") == [
        ("2025-02", started)
    ]
    assert corpus.rows("SELECT arm, published_at FROM posts ORDER BY arm") == [
        ("a", started),
        ("b", datetime(2025, 3, 2)),
        ("c", None),
    ]
    assert corpus.rows("SELECT DISTINCT observed_at FROM engagement") == [(START,)]


@pytest.mark.parametrize("column", ["words", "Caption"])
@pytest.mark.parametrize("ours", ["text", "hook"])
def test_texts_without_any_engagement_become_scripts_alone(
    corpus: CorpusFactory, column: str, ours: str
) -> None:
    file = put(corpus.folder, f"{column}\nA hook\nAnother\n")
    mapping = {ours: column}
    planned = load(corpus, file, mapping=mapping, dry_run=True)
    assert planned == load(corpus, file, mapping=mapping)
    assert (planned.mapping, planned.numerator) == (mapping, None)
    assert (planned.scripts, planned.posts, planned.experiments) == (2, 0, 0)
    assert [r["text"] for r in corpus.active().values()] == ["Another", "A hook"]
    assert corpus.rows("SELECT count(*) FROM script_performance") == [(0,)]


def test_what_was_forgotten_does_not_come_back_by_an_import(
    corpus: CorpusFactory,
) -> None:
    script_id = f"history/{text_hash('Hook two')[:16]}"
    corpus.insert("forgotten", {"script_id": script_id})
    report = load(corpus, put(corpus.folder, HEADER + ROWS))
    assert [r.reason for r in report.rejects_sample] == ["forgotten"]
    assert script_id not in corpus.active()


def test_forgotten_words_do_not_come_back_by_an_import_in_other_capitals(
    corpus: CorpusFactory,
) -> None:
    receipt = {"erasure": {"words": [words_hash("HOOK  two")]}}
    row = {"request_id": "r", "status": "done", "receipt": json.dumps(receipt)}
    corpus.insert("forget_requests", row)
    report = load(corpus, put(corpus.folder, HEADER + ROWS))
    assert [r.reason for r in report.rejects_sample] == ["forgotten"]


@pytest.mark.parametrize(
    "hook", ["“Hook two”", "HOOK TWO 🍲 #soup #dinner", "Hook — two?", "hook two…"]
)
def test_forgotten_words_do_not_come_back_by_an_import_with_a_phones_punctuation(
    corpus: CorpusFactory, hook: str
) -> None:
    receipt = {"erasure": {"words": [letters_hash("Hook two!")]}}
    row = {"request_id": "r", "status": "done", "receipt": json.dumps(receipt)}
    corpus.insert("forget_requests", row)
    rows = ROWS.replace("Hook two", hook)
    report = load(corpus, put(corpus.folder, HEADER + rows))
    assert [r.reason for r in report.rejects_sample] == ["forgotten"]


# ── an extended export ──────────────────────────────────────────────────────


def test_unmapped_columns_are_reported(corpus: CorpusFactory) -> None:
    path = corpus.folder / "export.csv"
    path.write_text(FIRST.replace("test,", "batch,"), encoding="utf-8")
    report = load(corpus, path, dry_run=True)
    assert report.left_alone == ("batch",) and report.experiments == 0
