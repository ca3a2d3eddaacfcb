"""A post that is an arm of a test and also in an export of all posts is one post."""

from __future__ import annotations

import pytest

from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import.test_sources import load

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
