"""History comes in once, with its evidence, and bad rows stay outside."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ig_assets.core.corpus.history_import.importer import ImportReport, import_history
from ig_assets.core.corpus.history_import.planning.plan import ImportOptions
from ig_assets.core.corpus.history_import.reading.columns import map_history
from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.identity import letters_hash, text_hash, words_hash
from ig_assets.core.tabular import open_table, profile_table
from ig_assets.errors import InputError, NothingTakenError
from ig_assets_tests.core.corpus.corpus_factory import (
    START,
    CorpusFactory,
    SteppingClock,
)

UPWORTHY = Path(__file__).parents[5] / "shared" / "data" / "upworthy" / "dev.csv.gz"
HEADER = "test_id,headline,lede,impressions,clicks,eyecatcher_id,winner\n"
ROWS = (
    "t1,Hook one,<p>A &amp; b</p>,1000,50,img1,True\n"
    "t1,Hook two,,1000,20,img1,False\n"
    "t2,Hook one,<p>A &amp; b</p>,500,10,img2,\n"
    "t2,Hook three,,500,9,img3,\n"
)


def put(folder: Path, content: str, name: str = "history.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def load(corpus: CorpusFactory, file: Path, **options: Any) -> ImportReport:
    return import_history(
        corpus.warehouse,
        corpus.clock,
        file,
        ImportOptions(**options),
        machine_clock=SteppingClock(datetime(2026, 11, 28)),
    )


def guess_mapping(columns: list[str]) -> dict[str, str]:
    table = open_table(",".join(columns).encode(), "names.csv")
    return map_history(profile_table(table), {}, None, "names.csv").names


def test_columns_are_guessed_whatever_their_case_and_spelling() -> None:
    assert guess_mapping(HEADER.strip().split(",")) == {
        "experiment_id": "test_id",
        "hook": "headline",
        "body": "lede",
        "impressions": "impressions",
        "clicks": "clicks",
        "image": "eyecatcher_id",
    }
    theirs = ["Caption", "Publish time", "Views", "Like Count", "Saves", "nonsense"]
    assert guess_mapping(theirs) == {
        "text": "Caption",
        "posted_on": "Publish time",
        "views": "Views",
        "likes": "Like Count",
        "saves": "Saves",
    }


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


def test_json_lines_parquet_and_gzip_give_the_same_scripts_as_csv(
    corpus: CorpusFactory,
) -> None:
    csv = put(corpus.folder, "hook,body,views,likes\nHook é,Body,100,5\nTwo,,50,1\n")
    lines = [
        {"hook": "Hook é", "body": "Body", "views": 100, "likes": 5},
        {"hook": "Two", "body": None, "views": 50, "likes": 1},
    ]
    jsonl = put(corpus.folder, "\n".join(map(json.dumps, lines)), "h.jsonl")
    parquet = corpus.folder / "h.parquet"
    duckdb.sql(f"SELECT * FROM read_csv('{csv}')").write_parquet(str(parquet))
    zipped = corpus.folder / "h.csv.gz"
    zipped.write_bytes(gzip.compress(b"\xef\xbb\xbf" + csv.read_bytes()))
    semicolons = put(corpus.folder, csv.read_text().replace(",", ";"), "semi.csv")
    array = put(corpus.folder, json.dumps(lines, indent=1), "array.jsonl")
    tabs = put(corpus.folder, csv.read_text().replace(",", "\t"), "h.tsv")
    ids = set()
    for file in (csv, jsonl, parquet, zipped, semicolons, array, tabs):
        report = load(corpus, file)
        assert (report.imported, report.rejected, report.scripts) == (2, 0, 2)
        ids |= set(corpus.active())
    assert len(ids) == 2


def test_excels_csv_with_semicolons_is_understood(corpus: CorpusFactory) -> None:
    rows = 'Titel;Views;Likes\r\n"Hook; with é";100;5\r\n"Two\nlines";50;1\r\n'
    for name, content in (("a.csv", rows), ("b.csv", f"sep=;\r\n{rows}")):
        file = corpus.folder / name
        file.write_bytes(b"\xef\xbb\xbf" + content.encode())
        report = load(corpus, file, mapping={"hook": "Titel"})
        assert (report.imported, report.rejected) == (2, 0)
        assert (report.numerator, report.denominator) == ("likes", "views")
    hooks = {row["hook"] for row in corpus.active().values()}
    assert hooks == {"Hook; with é", "Two lines"}


@pytest.mark.parametrize("name", ["h.csv", "h.jsonl"])
def test_a_file_that_is_not_utf_8_is_one_sentence_that_says_what_to_do(
    corpus: CorpusFactory, name: str
) -> None:
    file = corpus.folder / name
    file.write_bytes('hook,views\n{"hook": "Café"}\n'.encode("latin-1"))
    with pytest.raises(
        InputError,
        match="not UTF-8; save it as UTF-8 .in Excel.*Line 2 .*Windows-1252",
    ):
        load(corpus, file)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read_by_its_mark_and_refused_without(
    corpus: CorpusFactory, encoding: str
) -> None:
    file = corpus.folder / "h.csv"
    file.write_bytes("hook,views\nCafé,12\n".encode(encoding))
    if encoding == "utf-16":
        assert load(corpus, file).imported == 1
    else:
        with pytest.raises(InputError, match="NUL bytes; save the file as UTF-8"):
            load(corpus, file)


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


def test_a_caption_of_notes_has_lines_where_it_was_broken(
    corpus: CorpusFactory,
) -> None:
    rows = "caption,likes,views\nStop now\u2028A spoon is enough.,5,100\n"
    load(corpus, put(corpus.folder, rows))
    [script] = corpus.active().values()
    assert (script["hook"], script["body"]) == ("Stop now", "A spoon is enough.")


def test_a_given_mapping_overrides_the_guess(corpus: CorpusFactory) -> None:
    file = put(corpus.folder, "headline,punchline,views,hearts\nA,B,10,3\n")
    mapping = {"hook": "punchline", "likes": "hearts"}
    report = load(corpus, file, mapping=mapping, simulated=True)
    assert report.mapping == {"hook": "punchline", "likes": "hearts", "views": "views"}
    [row] = corpus.active().values()
    assert (row["text"], row["simulated"]) == ("B", True)


@pytest.mark.parametrize(
    ("name", "content", "options", "sentence"),
    [
        ("h.csv", "views,likes\n1,1\n", {}, "--map hook=COLUMN"),
        ("h.csv", "hook\nA\n", {"mapping": {"hook": "x"}}, "no column 'x'"),
        ("h.csv", "hook\nA\n", {"mapping": {"x": "hook"}}, "names nothing we know"),
        ("h.csv", "hook\nA\n", {"numerator": "likes"}, "metric 'likes'"),
        ("h.csv", "", {}, "is empty"),
        ("h.docx", "words", {}, "none of the kinds"),
        ("h.xlsx", "PK", {}, "cannot be read as an Excel workbook"),
        ("h.parquet", "PK", {}, "cannot be read as Parquet"),
        ("h.csv.gz", "not gzip", {}, "--map hook=COLUMN"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    corpus: CorpusFactory,
    name: str,
    content: str,
    options: dict[str, Any],
    sentence: str,
) -> None:
    with pytest.raises(InputError, match=sentence):
        load(corpus, put(corpus.folder, content, name), **options)
    with pytest.raises(InputError, match="cannot be opened"):
        load(corpus, corpus.folder / "missing.csv")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("hook,views\n", "it has no rows"),
        ("hook,views\n,1\n,2\nA,x\n", r"3 rows .*, 2 of them as 'no hook' \(line 2"),
    ],
)
def test_a_file_of_which_nothing_is_taken_says_why_and_leaves_no_trace(
    corpus: CorpusFactory, content: str, sentence: str
) -> None:
    file, before = put(corpus.folder, content), corpus.everything()
    with pytest.raises(NothingTakenError, match=sentence):
        load(corpus, file)
    assert corpus.everything() == before
    assert load(corpus, file, dry_run=True).why_nothing


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


@pytest.mark.skipif(not UPWORTHY.exists(), reason="the Upworthy archive is not here")
def test_the_upworthy_archive_is_understood_without_help(corpus: CorpusFactory) -> None:
    report = load(corpus, UPWORTHY)
    assert (report.rows_read, report.rejected, report.experiments) == (13410, 0, 2877)
    assert report.posts == 13410
    assert len(corpus.active()) == report.scripts
    assert corpus.rows(
        "SELECT metric, count(*) FROM engagement GROUP BY metric ORDER BY metric"
    ) == [("clicks", 13410), ("impressions", 13410)]


# ── an extended export ──────────────────────────────────────────────────────

EXPORT = "test,hook,arm,posted_on,impressions,clicks\n"
FIRST = EXPORT + "t1,One,a,2026-01-01,100,10\nt1,Two,b,2026-01-01,100,20\n"
LONE = ",Alone,,2026-01-02,50,5\n"


def import_export(corpus: CorpusFactory, text: str, **options: Any) -> ImportReport:
    path = corpus.folder / "export.csv"
    path.write_text(text, encoding="utf-8")
    return load(corpus, path, mapping={"experiment_id": "test"}, **options)


def test_an_extended_export_adds_only_its_new_rows(corpus: CorpusFactory) -> None:
    first = import_export(corpus, FIRST + LONE, source="team")
    assert (first.experiments, first.known_experiments, first.posts) == (1, 0, 3)
    more = "t2,Three,a,2026-02-01,100,5\nt2,Four,b,2026-02-01,100,6\n"
    second = import_export(corpus, FIRST + LONE + more, source="team")
    assert (second.experiments, second.known_experiments) == (2, 1)
    counts = {
        table: corpus.rows(f"SELECT count(*) FROM {table}")[0][0]
        for table in ("experiments", "posts", "engagement", "script_performance")
    }
    assert counts == {
        "experiments": 2,
        "posts": 5,
        "engagement": 10,
        "script_performance": 5,
    }


def test_new_counts_of_a_known_post_are_a_later_reading(corpus: CorpusFactory) -> None:
    import_export(corpus, FIRST, source="team")
    import_export(corpus, FIRST.replace("100,10", "200,30"), source="team")
    assert corpus.rows("SELECT count(*) FROM posts") == [(2,)]
    readings = corpus.rows(
        "SELECT value FROM engagement WHERE metric = 'clicks' "
        "ORDER BY post_id, observed_at"
    )
    # Both arms' counts are of the later reading, the unchanged ones too.
    assert sorted(value for (value,) in readings) == [10.0, 20.0, 20.0, 30.0]
    rates = corpus.rows("SELECT rate FROM script_performance ORDER BY as_of, rate")
    assert rates == [(0.1,), (0.2,), (0.15,)]


def test_two_sources_with_the_same_test_ids_are_two_experiments(
    corpus: CorpusFactory,
) -> None:
    import_export(corpus, FIRST, source="team")
    other = import_export(corpus, FIRST.replace("One", "Uno"), source="agency")
    assert other.known_experiments == 0
    assert corpus.rows("SELECT count(*) FROM experiments") == [(2,)]


def test_the_same_bytes_under_another_mapping_are_refused(
    corpus: CorpusFactory,
) -> None:
    import_export(corpus, FIRST, source="team")
    path = corpus.folder / "export.csv"
    with pytest.raises(InputError, match="imported before with another mapping"):
        load(corpus, path, mapping={"topic": "test"}, source="team")
    assert import_export(corpus, FIRST, source="team").already_imported


def test_unmapped_columns_are_reported(corpus: CorpusFactory) -> None:
    path = corpus.folder / "export.csv"
    path.write_text(FIRST.replace("test,", "batch,"), encoding="utf-8")
    report = load(corpus, path, dry_run=True)
    assert report.left_alone == ("batch",) and report.experiments == 0


def test_a_broken_json_line_is_a_rejected_row_and_the_others_keep_their_numbers(
    corpus: CorpusFactory,
) -> None:
    path = corpus.folder / "export.jsonl"
    path.write_text('{bad\n[1]\n{"hook": ""}\n{"hook": "Fine"}\n', encoding="utf-8")
    report = load(corpus, path)
    assert [
        (r.source_uri.rpartition("#")[2], r.reason) for r in report.rejects_sample
    ] == [
        ("1", "broken row"),
        ("2", "broken row"),
        ("3", "no hook"),
    ]
    assert report.imported == 1


def test_the_rows_of_an_import_add_up_in_its_row(corpus: CorpusFactory) -> None:
    total = "Total,,,3000,89,,\n"
    load(corpus, put(corpus.folder, HEADER + ROWS + total + "t3,,,x,1,i,\n"))
    [row] = corpus.rows(
        "SELECT rows_read, rows_taken, rows_rejected, rows_skipped FROM imports"
    )
    assert row == (6, 4, 1, 1)


def test_a_row_of_totals_or_averages_is_no_post(corpus: CorpusFactory) -> None:
    text = "Caption,Date,Views,Likes\nSalt the water,2026-03-04,1200,50\n"
    marks = ("Grand Total", "Average", "Moyenne", "TOTAL (2 publications)")
    rows = "".join(f"{mark},,3400,200\n" for mark in (*marks, "Average per post"))
    report = load(corpus, put(corpus.folder, text + rows))
    assert (report.imported, report.rejected) == (1, 0)
    assert report.skipped == {"totals": 5}


def test_digits_that_are_guarded_for_excel_are_the_same_post(
    corpus: CorpusFactory,
) -> None:
    header = "Post ID,Caption,Publish time,Views,Likes\n"
    guarded = '"=""18011111111111111""",Salt the water,2026-03-04,1200,50\n'
    guarded += "'18011111111111112,Oil first,2026-03-05,900,30\n"
    plain = "18011111111111111,Salt the water (new),2026-03-04,1300,60\n"
    plain += "18011111111111112,Oil first (new),2026-03-05,950,31\n"
    load(corpus, put(corpus.folder, header + guarded, "one.csv"), source="s")
    load(corpus, put(corpus.folder, header + plain, "two.csv"), source="s")
    assert corpus.rows("SELECT count(*) FROM posts") == [(2,)]


@pytest.mark.parametrize("counters", [3, 4, 5, 6])
def test_a_single_post_with_any_number_of_counters_is_decided(
    corpus: CorpusFactory, counters: int
) -> None:
    """DuckDB 1.5.5 cannot bind a join of views with QUALIFY for some sizes."""
    names = ("Views", "Likes", "Comments", "Shares", "Saves", "Reach")[:counters]
    text = f"Post ID,Caption,Posted at,{','.join(names)}\n"
    text += f"1801,Your rice is wet.,2026-03-01{',11' * counters}\n"
    load(corpus, put(corpus.folder, text))
    update_results(corpus.warehouse, corpus.clock)
    assert corpus.rows("SELECT count(*) FROM posts") == [(1,)]


def test_a_long_name_of_an_arm_is_known_again(corpus: CorpusFactory) -> None:
    header = "experiment,arm,hook,impressions,clicks\n"
    blue = "Variation 3 - Blue background with a button of {} text"
    rows = [(blue.format("red"), 5000, 130), (blue.format("green"), 5000, 60)]
    for n, more in enumerate((0, 1000)):
        text = header + "".join(
            f"t1,{arm},{arm} hook,{shown + more},{clicks}\n"
            for arm, shown, clicks in rows
        )
        load(corpus, put(corpus.folder, text, f"l{n}.csv"), source="s")
        update_results(corpus.warehouse, corpus.clock)
    assert corpus.rows("SELECT count(*) FROM posts") == [(2,)]
    assert corpus.rows("SELECT decision FROM latest_decisions") == [("winner",)]
