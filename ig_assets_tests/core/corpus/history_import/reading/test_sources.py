"""An extended export is one source: new rows are added, nothing counts twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.corpus.history_import.importer import ImportReport
from ig_assets.core.corpus.history_import.reading.sources import source_name
from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.errors import InputError
from ig_assets.warehouse.migrations import MIGRATIONS
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import import imports
from ig_assets_tests.core.corpus.history_import.imports import put

HEADER = "test_id,arm,headline,impressions,clicks,date\n"
T1 = "t1,a,One,1000,50,2025-03-01\nt1,b,Two,1000,90,2025-03-01\n"
T2 = "t2,a,Three,1000,50,2025-04-01\nt2,b,Four,1000,51,2025-04-01\n"
COUNTED = ("scripts", "script_status", "experiments", "posts", "engagement")


def load(
    corpus: CorpusFactory, content: str, name: str = "h.csv", **options: Any
) -> Any:
    file = put(corpus.folder, content, name)
    return imports.load(corpus, file, **{"by_name": True, **options})


def counts(corpus: CorpusFactory) -> dict[str, int]:
    rows = {t: corpus.rows(f"SELECT count(*) FROM {t}") for t in COUNTED}
    return {table: found[0][0] for table, found in rows.items()}


def imported_rows(corpus: CorpusFactory) -> dict[str, Any]:
    """All rows but those with the id of an import."""
    kept = corpus.everything()
    for table in ("imports", "edges", "script_status"):
        kept.pop(table, None)
    return kept


def without_times(corpus: CorpusFactory) -> dict[str, Any]:
    """All rows but those of imports, without when counts were read."""
    return {
        table: [{**row, "as_of": None} if "as_of" in row else row for row in rows]
        for table, rows in imported_rows(corpus).items()
    }


def test_the_name_of_an_export_is_its_files_without_suffixes() -> None:
    names = ["h.csv", "h.csv.gz", "h.parquet", "h.2026.jsonl", "h", ".csv"]
    assert [source_name(name) for name in names] == [
        *["h", "h", "h", "h.2026", "h", ".csv"]
    ]


def test_an_extended_file_adds_only_its_new_rows(corpus: CorpusFactory) -> None:
    load(corpus, HEADER + T1)
    before = corpus.everything()
    corpus.clock.step(days=30)
    report = load(corpus, HEADER + T2 + T1)
    assert counts(corpus) == dict(
        scripts=4, script_status=4, experiments=2, posts=4, engagement=8
    )
    assert (report.known_scripts, report.missing_scripts) == (2, 0)
    after = corpus.everything()
    for table in (*COUNTED, "script_performance", "imports"):
        assert all(row in after[table] for row in before[table]), table
    assert len(after["script_performance"]) == 4


def test_one_import_and_two_of_a_growing_file_give_the_same_rows(
    corpus: CorpusFactory, tmp_path: Path
) -> None:
    load(corpus, HEADER + T1)
    load(corpus, HEADER + T1 + T2)
    (tmp_path / "once").mkdir()
    at_once = CorpusFactory(tmp_path / "once")
    load(at_once, HEADER + T1 + T2)
    assert without_times(corpus) == without_times(at_once)


def test_a_decided_experiment_is_not_redecided(corpus: CorpusFactory) -> None:
    load(corpus, HEADER + T1)
    assert update_results(corpus.warehouse, corpus.clock).winners == 1
    load(corpus, HEADER + T1 + T2)
    assert update_results(corpus.warehouse, corpus.clock).experiments == 1
    assert corpus.rows("SELECT count(*) FROM decisions") == [(2,)]


def import_and_decide(
    corpus: CorpusFactory, *arms: tuple[int, int], date: str = "2025-03-01"
) -> str:
    """Import these (trials, events) as the arms a, b, … of one test and decide it."""
    rows = [
        f"t,{arm},Words {arm},{trials},{events},{date}\n"
        for arm, (trials, events) in zip("abcd", arms, strict=False)
    ]
    load(corpus, HEADER + "".join(rows))
    update_results(corpus.warehouse, corpus.clock)
    (decision, arm), *_ = corpus.rows(
        "SELECT decision, winner_arm FROM decisions ORDER BY decided_at DESC"
    )
    return f"{decision} {arm or ''}".strip()


@pytest.mark.parametrize("date", ["2025-03-01", ""])
@pytest.mark.parametrize("days", [0, 30])
def test_newer_counts_are_redecided(
    corpus: CorpusFactory, date: str, days: int
) -> None:
    assert (
        import_and_decide(corpus, (1000, 30), (1000, 36), date=date) == "inconclusive"
    )
    corpus.clock.step(days=days)
    more = (100_000, 3000), (100_000, 4500)
    assert import_and_decide(corpus, *more, date=date) == "winner b"
    assert update_results(corpus.warehouse, corpus.clock).experiments == 0
    evidence = corpus.rows(
        "SELECT trials_a, events_a, trials_b, events_b FROM evidence "
        "ORDER BY data_through"
    )
    assert evidence == [(1000.0, 30.0, 1000.0, 36.0), (100_000, 3000, 100_000, 4500)]
    assert corpus.rows(
        "SELECT d.decision, v.events_b FROM decisions AS d JOIN evidence AS v "
        "USING (experiment_id, data_through) ORDER BY d.decided_at"
    ) == [("inconclusive", 36.0), ("winner", 4500.0)]


@pytest.mark.parametrize("date", ["2025-03-01", ""])
def test_a_change_of_one_count_alone_is_redecided_too(
    corpus: CorpusFactory, date: str
) -> None:
    import_and_decide(corpus, (1000, 30), (1000, 36), date=date)
    corpus.clock.step(days=1)
    assert import_and_decide(corpus, (1000, 30), (1000, 90), date=date) == "winner b"


def test_a_verdict_confirmed_on_newer_counts_is_a_row_of_its_own(
    corpus: CorpusFactory,
) -> None:
    for events in (50, 51):
        assert import_and_decide(corpus, (1000, events), (1000, 120)) == "winner b"
    lifts = corpus.rows("SELECT round(lift, 2) FROM decisions ORDER BY decided_at")
    assert lifts == [(1.4,), (1.35,)]
    summary = update_results(corpus.warehouse, corpus.clock)
    assert (summary.experiments, summary.redecided) == (0, 0)


def test_an_extended_export_does_not_repeat_the_single_look(
    corpus: CorpusFactory, tmp_path: Path
) -> None:
    enough_for_z = (2600, 130), (2600, 174)
    (tmp_path / "once").mkdir()
    assert (
        import_and_decide(CorpusFactory(tmp_path / "once"), *enough_for_z) == "winner b"
    )
    assert import_and_decide(corpus, (1000, 50), (1000, 52)) == "inconclusive"
    assert import_and_decide(corpus, *enough_for_z) == "inconclusive"
    assert import_and_decide(corpus, (26_000, 1300), (26_000, 1740)) == "winner b"


def test_a_first_look_with_too_few_events_leaves_the_single_look_to_the_next(
    corpus: CorpusFactory,
) -> None:
    assert import_and_decide(corpus, (100, 2), (100, 20)) == "inconclusive"
    assert import_and_decide(corpus, (1300, 24), (1300, 87)) == "inconclusive"
    assert import_and_decide(corpus, (2600, 130), (2600, 174)) == "winner b"


def test_what_won_by_the_single_look_stays_the_winner_while_it_leads(
    corpus: CorpusFactory,
) -> None:
    assert import_and_decide(corpus, (2600, 130), (2600, 174)) == "winner b"
    assert import_and_decide(corpus, (2700, 136), (2700, 178)) == "winner b"
    assert import_and_decide(corpus, (5200, 260), (5200, 259)) == "inconclusive"


@pytest.mark.parametrize("date", ["2025-03-01", ""])
def test_an_arm_that_came_later_is_decided_but_not_by_the_single_look(
    corpus: CorpusFactory, tmp_path: Path, date: str
) -> None:
    two, third = ((2600, 130), (2600, 131)), (2600, 176)
    (tmp_path / "once").mkdir()
    assert (
        import_and_decide(CorpusFactory(tmp_path / "once"), *two, third) == "winner c"
    )
    assert import_and_decide(corpus, *two, date=date) == "inconclusive"
    assert import_and_decide(corpus, *two, third, date=date) == "inconclusive"
    assert import_and_decide(corpus, *two, third, (2600, 400), date=date) == "winner d"
    assert corpus.rows(
        "SELECT count(*), count(DISTINCT data_through) FROM decisions"
    ) == [(3, 3)]


def test_changed_counts_are_later_observations(corpus: CorpusFactory) -> None:
    """Even where the clock does not move, as the simulated one."""
    load(corpus, HEADER + T1)
    load(corpus, HEADER + T1.replace("1000,50", "2000,70"))
    assert counts(corpus)["engagement"] == 8  # both arms of the later reading
    assert corpus.rows(
        "SELECT g.metric, arg_max(g.value, g.observed_at), count(*) FROM engagement "
        "AS g JOIN posts AS p USING (post_id) WHERE p.arm = 'a' GROUP BY ALL ORDER BY 1"
    ) == [("clicks", 70.0, 2), ("impressions", 2000.0, 2)]
    assert corpus.rows(
        "SELECT count(*), arg_max(views, as_of), arg_max(rate, as_of), "
        "count(DISTINCT source) FROM script_performance WHERE revision_hash IN "
        "(SELECT published_revision_hash FROM posts WHERE arm = 'a')"
    ) == [(2, 2000.0, 0.035, 1)]


def test_arms_without_names_are_known_by_their_words(corpus: CorpusFactory) -> None:
    header = "test_id,headline,impressions,clicks\n"
    load(corpus, header + "t,One,100,5\nt,Two,100,6\n")
    arms = "SELECT arm, published_revision_hash, post_id FROM posts ORDER BY arm"
    before = corpus.rows(arms)
    report = load(corpus, header + "t,Three,100,7\nt,Two,100,6\nt,One,100,5\n")
    after = corpus.rows(arms)
    assert (report.rejected, len(after)) == (0, 3)
    assert {*before} < {*after}


def test_a_single_row_joins_its_test_when_the_second_arm_comes(
    corpus: CorpusFactory,
) -> None:
    first, second = T1.splitlines(keepends=True)
    load(corpus, HEADER + first)
    load(corpus, HEADER + second + first)
    assert counts(corpus) == dict(
        scripts=2, script_status=2, experiments=1, posts=2, engagement=6
    )
    assert corpus.rows("SELECT count(DISTINCT experiment_id) FROM posts") == [(1,)]
    third = load(corpus, HEADER + "t1,c,Five,1000,70,2025-03-01\n")
    assert (third.experiments, third.missing_scripts) == (1, 2)
    assert counts(corpus)["posts"] == 3 and counts(corpus)["experiments"] == 1


def test_what_a_test_is_rated_by_stays_and_what_a_person_says_of_it_counts(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + T1)
    rated = (
        "SELECT experiment_id, numerator, denominator, segment, simulated, "
        "intent_key, started_at FROM experiments"
    )
    terms = "SELECT randomised, sigma, terms_since IS NULL FROM experiments"
    update_results(corpus.warehouse, corpus.clock)
    before = corpus.rows(rated)
    assert corpus.rows(terms) == [(True, 0.0, True)]
    later = "t1,c,Five,1000,70,2025-05-01\n"
    load(corpus, HEADER + later, sigma=0.2, randomised=False, simulated=True)
    assert counts(corpus)["posts"] == 3
    assert corpus.rows(rated) == before
    assert corpus.rows(terms) == [(False, 0.2, False)]


def test_posts_in_no_test_are_known_wherever_their_rows_are(
    corpus: CorpusFactory,
) -> None:
    header = "caption,views,likes,date\n"
    rows = ["One,100,5,2025-01-01\n", "One,200,5,2025-01-01\n", "Two,100,5,\n"]
    load(corpus, header + "".join(rows))
    report = load(corpus, header + "New,9,1,\n" + "".join(rows))
    assert (report.posts, counts(corpus)["posts"]) == (4, 4)
    assert counts(corpus)["engagement"] == 8


def test_another_file_of_the_same_name_does_not_overwrite_the_first(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + T1)
    before = imported_rows(corpus)
    other = T1.replace("One", "Uno").replace("Two", "Dos") + T2
    report = load(corpus, HEADER + other)
    assert [r.reason for r in report.rejects_sample] == ["other words"] * 2
    assert "another export needs another --source" in report.rejects_sample[0].detail
    assert (report.known_scripts, report.missing_scripts) == (0, 2)
    after = imported_rows(corpus)
    assert all(row in after["posts"] for row in before["posts"])
    assert (report.imported, counts(corpus)["posts"]) == (2, 4)
    apart = load(corpus, HEADER + other, source="other")
    assert (apart.rejected, apart.experiments, counts(corpus)["posts"]) == (0, 2, 8)


def test_posts_whose_rows_vanished_stay(corpus: CorpusFactory) -> None:
    load(corpus, HEADER + T1 + T2)
    before = imported_rows(corpus)
    report = load(corpus, HEADER + T2)
    assert imported_rows(corpus) == before
    assert (report.known_scripts, report.missing_scripts) == (2, 2)


def test_the_same_bytes_under_another_name_change_nothing(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + T1)
    before = corpus.everything()
    for dry_run in (True, False):
        second = load(corpus, HEADER + T1, "copy.csv", dry_run=dry_run)
        assert second.already_imported and second.numerator == "clicks"
    assert corpus.everything() == before


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_same_bytes_with_other_columns_are_refused(
    corpus: CorpusFactory, dry_run: bool
) -> None:
    rows = "headline,words,views,likes\nA,B,10,3\n"
    load(corpus, rows)
    before = corpus.everything()
    with pytest.raises(
        InputError, match="hook was headline and is now words.*--source NAME"
    ):
        load(corpus, rows, mapping={"hook": "words"}, dry_run=dry_run)
    assert corpus.everything() == before
    other = load(corpus, rows, mapping={"hook": "words"}, source="other")
    assert other.scripts == 1 and not other.already_imported


def test_an_extended_file_may_have_more_counts_but_not_other_words(
    corpus: CorpusFactory,
) -> None:
    load(corpus, "headline,words,views\nA,B,10\n")
    report: ImportReport = load(corpus, "headline,words,views,likes\nA,B,10,3\n")
    assert report.known_scripts == 1
    with pytest.raises(InputError, match="hook was headline"):
        load(corpus, "headline,words,views\nA,C,10\n", mapping={"hook": "words"})


def test_a_file_imported_before_exports_had_names_keeps_its_source(
    corpus: CorpusFactory,
) -> None:
    single = ",,Alone,100,5,2025-01-01\n"
    load(corpus, HEADER + T1 + single, by_name=False)
    with corpus.warehouse.transaction() as con:  # as an older version left it
        con.execute("ALTER TABLE imports DROP COLUMN source")
        number = next(n for n, _, ddl in MIGRATIONS if "imports ADD COLUMN" in ddl)
        con.execute("DELETE FROM migrations WHERE number = ?", [number])
    corpus.warehouse = Warehouse(corpus.warehouse.url, corpus.clock.now)
    report = load(corpus, HEADER + T2 + single + T1)
    assert counts(corpus) == dict(
        scripts=5, script_status=5, experiments=2, posts=5, engagement=10
    )
    assert report.known_scripts == 3
    load(corpus, HEADER + T2 + single + T1 + ",,Last,100,5,2025-01-01\n")
    assert (counts(corpus)["posts"], counts(corpus)["experiments"]) == (6, 2)
    assert corpus.rows(
        "SELECT count(DISTINCT coalesce(source, content_hash)) FROM imports"
    ) == [(1,)]


def test_ids_of_files_without_a_name_never_change(corpus: CorpusFactory) -> None:
    """The history that the loop imports must have the same ids in every version."""
    load(corpus, HEADER + T1 + ",,Alone,100,5,2025-01-01\n", by_name=False)
    assert corpus.rows("SELECT experiment_id FROM experiments") == [
        ("6e6cc8c2bdf7d6dc",)
    ]
    assert corpus.rows("SELECT post_id FROM posts ORDER BY arm") == [
        ("d68d2c4a3c9546af",),
        ("cc7ef97139b78c06",),
        ("4c8d1adad70e465f",),
    ]
    assert corpus.rows("SELECT DISTINCT source FROM script_performance") == [
        ("import/af71b2273cbe93a7",)
    ]


def test_a_test_keeps_the_name_that_its_file_gives_it(corpus: CorpusFactory) -> None:
    long = T2.replace("t2", "t" * 300)
    load(corpus, HEADER + T1 + long)
    names = "SELECT intent_key FROM experiments ORDER BY length(intent_key)"
    assert corpus.rows(names) == [("t1",), ("t" * 200,)]


def test_a_test_of_an_older_version_gets_its_name_with_the_next_file(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + T1)
    with corpus.warehouse.transaction() as con:
        con.execute("UPDATE experiments SET intent_key = experiment_id")
    load(corpus, HEADER + T1 + T2)
    names = "SELECT intent_key FROM experiments ORDER BY 1"
    assert corpus.rows(names) == [("t1",), ("t2",)]


def test_unmapped_columns_are_reported_by_a_dry_run(corpus: CorpusFactory) -> None:
    report = load(corpus, "batch,headline,views,when\nt,A,10,x\n", dry_run=True)
    assert report.left_alone == ("batch", "when")
