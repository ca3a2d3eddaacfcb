"""A post that is an arm of a test and also in an export of all posts is one post."""

from __future__ import annotations

from datetime import datetime

import pytest

from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import.reading.test_sources import load

LINK = "https://www.instagram.com/reel/C{}abcdefghi/"
TEST = (
    "test_id,arm,permalink,caption,views,likes,date\n"
    f"t1,a,{LINK.format(1)},One,1000,50,2025-03-01\n"
    f"t1,b,{LINK.format(2)},Two,1000,90,2025-03-01\n"
)
SITE = (
    "permalink,caption,views,likes,date\n"
    f"{LINK.format(1)},One,3000,150,2025-03-01\n"
    f"{LINK.format(2)},Two,3000,280,2025-03-01\n"
    f"{LINK.format(3)},Three,500,20,2025-03-05\n"
)


def arms(corpus: CorpusFactory) -> list[tuple[str, float]]:
    return corpus.rows(
        "SELECT p.arm, r.value FROM posts AS p "
        "JOIN latest_readings AS r ON r.post_id = p.post_id AND r.metric = 'views' "
        "WHERE p.experiment_id IS NOT NULL ORDER BY p.arm"
    )


@pytest.mark.parametrize("site_source", [None, "site"])
def test_an_export_of_all_posts_refreshes_an_arm_and_adds_none(
    corpus: CorpusFactory, site_source: str | None
) -> None:
    load(corpus, TEST, "tests.csv")
    assert arms(corpus) == [("a", 1000.0), ("b", 1000.0)]
    corpus.clock.step(days=30)
    load(corpus, SITE, "site.csv", source=site_source)
    assert arms(corpus) == [("a", 3000.0), ("b", 3000.0)]
    assert corpus.rows("SELECT count(*) FROM posts") == [(3,)]


def test_a_test_file_after_an_export_of_all_posts_doubles_no_counts(
    corpus: CorpusFactory,
) -> None:
    load(corpus, SITE, "site.csv")
    corpus.clock.step(days=30)
    load(corpus, TEST.replace("1000", "3000"), "tests.csv")
    assert arms(corpus) == [("a", 3000.0), ("b", 3000.0)]
    views = corpus.rows("SELECT sum(views) FROM latest_performance")
    assert views == [(6500.0,)]


OTHER = (
    "test_id,arm,permalink,caption,views,likes,date\n"
    f"t2,a,{LINK.format(1)},One,900,45,2025-03-01\n"
    f"t2,c,{LINK.format(3)},Three,400,18,2025-03-05\n"
)


@pytest.mark.parametrize("order", ["tos", "sto", "ost"])
def test_an_arm_of_two_tests_is_refreshed_in_both_in_any_order(
    corpus: CorpusFactory, order: str
) -> None:
    files = {"t": (TEST, "2025-03-10"), "o": (OTHER, "2025-03-09")}
    files["s"] = (SITE, "2025-03-20")
    notes: list[str] = []
    for file in order:
        content, day = files[file]
        report = load(
            corpus,
            content,
            f"{file}.csv",
            source=file,
            as_of=datetime.fromisoformat(day),
        )
        notes += report.notes
        corpus.clock.step(days=1)
    assert arms(corpus) == [("a", 3000), ("a", 3000), ("b", 3000), ("c", 500)]
    assert any("arms of" in note and "tests" in note for note in notes)


def test_a_file_of_one_test_changes_no_counts_of_another(corpus: CorpusFactory) -> None:
    load(corpus, TEST, "t.csv", source="t")
    load(corpus, OTHER, "o.csv", source="o")
    before = corpus.rows("SELECT * FROM engagement")
    corpus.clock.step(days=1)
    load(corpus, OTHER.replace("900,45", "950,49"), "o2.csv", source="o")
    assert arms(corpus) == [("a", 1000), ("a", 950), ("b", 1000), ("c", 400)]
    assert {*before} < {*corpus.rows("SELECT * FROM engagement")}


@pytest.mark.parametrize("place", [0, 4])
def test_a_row_of_no_test_beside_two_tests_is_a_reading_in_both_and_no_third_post(
    corpus: CorpusFactory, place: int
) -> None:
    """Wherever it stands in the file, and it is one row of the file."""
    header, *rows = (TEST + OTHER.split("\n", 1)[1]).splitlines(keepends=True)
    rows.insert(place, f",,{LINK.format(1)},One,3000,150,2025-03-01\n")
    report = load(corpus, header + "".join(rows), "all.csv")
    assert (report.rows_read, report.rejected) == (5, 0)
    assert report.imported + sum(report.skipped.values()) == 5
    assert corpus.rows("SELECT count(*), count(experiment_id) FROM posts") == [(4, 4)]
    assert arms(corpus) == [("a", 3000.0), ("a", 3000.0), ("b", 1000.0), ("c", 400.0)]


def test_a_row_of_no_test_is_taken_once_where_one_of_its_tests_is_refused(
    corpus: CorpusFactory,
) -> None:
    load(corpus, OTHER, "tests.csv")
    other = OTHER.splitlines(keepends=True)[1]
    new = f"t2,d,{LINK.format(4)},Four,400,18,2025-03-05\n"
    single = f",,{LINK.format(1)},One,3000,150,2025-03-01\n"
    report = load(corpus, TEST + other + new + single, "more.csv", source="tests")
    assert (report.imported, report.rejected, report.repeated) == (2, 1, 2)
    assert report.rejects_sample[0].source_uri.endswith("#5")
