"""A rate is over exactly the posts that have both of its counts."""

from __future__ import annotations

import pytest

from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import.identity.test_file_posts import (
    REAL,
    load,
    needs_real_files,
)

HEADER = "post_id,caption,posted_at,impressions,views,likes\n"


def rates(corpus: CorpusFactory) -> list[float]:
    return [r for (r,) in corpus.rows("SELECT rate FROM script_performance ORDER BY 1")]


@needs_real_files
def test_impressions_and_views_are_never_mixed(corpus: CorpusFactory) -> None:
    report = load(corpus, REAL / "13a_impressions_then_views.csv")
    onions = corpus.rows(
        "SELECT views, likes, rate FROM script_performance JOIN scripts "
        "USING (script_id, revision_hash) WHERE text LIKE 'Your onions%' ORDER BY 1"
    )
    assert onions == [(10_000.0, 500.0, 0.05), (20_000.0, 1000.0, 0.05)]
    assert "2 posts by impressions and 3 posts by views" in " ".join(report.notes)
    assert report.posts == 5
    [(rate,)] = corpus.rows(
        "SELECT rate FROM latest_rates JOIN scripts USING (script_id, revision_hash) "
        "WHERE text LIKE 'Your onions%'"
    )
    assert rate == 0.05


@needs_real_files
def test_a_post_with_hidden_likes_is_in_no_rate(corpus: CorpusFactory) -> None:
    report = load(corpus, REAL / "13c_likes_blank.csv")
    assert rates(corpus) == [0.05]
    assert "1 post without likes" in " ".join(report.notes)


def test_a_rate_above_1_cannot_come_from_two_sets_of_posts(
    corpus: CorpusFactory,
) -> None:
    rows = "1,A.,2026-02-03,,,900\n2,A.,2026-02-04,,1000,50\n"
    load(corpus, HEADER + rows)
    assert rates(corpus) == [0.05]


def test_a_test_is_rated_by_what_its_arms_share(corpus: CorpusFactory) -> None:
    rows = (
        "t,1,A.,2026-02-03,,1000,50\nt,2,B.,2026-02-03,900,1000,60\n"
        "t,3,C.,2026-02-03,900,,60\nt,4,D.,2026-02-03,,900,60\n"
    )
    report = load(corpus, "test_id," + HEADER + rows)
    assert corpus.rows("SELECT denominator FROM experiments") == [("views",)]
    arms = corpus.rows("SELECT count(*) FROM posts WHERE experiment_id IS NOT NULL")
    assert (arms, report.posts) == ([(3,)], 4)
    assert "no part of the test" in " ".join(report.notes)


def test_a_given_denominator_is_the_only_one(corpus: CorpusFactory) -> None:
    rows = "1,A.,2025-02-03,1000,,50\n2,B.,2026-02-04,,1000,50\n"
    report = load(corpus, HEADER + rows, denominator="views")
    assert (report.posts, report.denominator) == (1, "views")


def test_a_rate_that_a_person_said_is_kept_and_a_later_file_that_differs_says_so(
    corpus: CorpusFactory,
) -> None:
    header = "test_id,post_id,caption,posted_at,reach,views,likes\n"
    rows = "t,1,A.,2026-02-03,900,1000,50\nt,2,B.,2026-02-03,900,1000,60\n"
    more = "u,3,C.,2026-02-04,900,1000,50\nu,4,D.,2026-02-04,900,1000,60\n"
    said = "SELECT numerator, denominator FROM imports ORDER BY rows_read"
    load(corpus, header + rows, denominator="views", source="s")
    assert corpus.rows(said) == [(None, "views")]
    silent = load(corpus, header + rows + more, source="s", dry_run=True)
    [note] = [one for one in silent.notes if "--denominator views" in one]
    assert "rated per views, as a person said" in note and "per reach" in note
    again = load(corpus, header + rows + more, source="s", denominator="views")
    assert not [one for one in again.notes if "--denominator" in one]
    assert corpus.rows(said) == [(None, "views")] * 2
    rates = corpus.rows("SELECT DISTINCT denominator FROM experiments")
    assert rates == [("views",)]
    longer = header + rows + more + more.replace("u,", "v,").replace(",3,", ",5,")
    reach = load(corpus, longer, source="s", denominator="reach")
    assert "tests of this source keep their rate, per views" in reach.notes[-1]
    other = load(corpus, header + more, source="other", dry_run=True)
    assert not [one for one in other.notes if "--denominator" in one]


@pytest.mark.parametrize("test", ["t", ""])
def test_a_rate_that_a_person_said_is_corrected_by_the_same_file_and_back(
    corpus: CorpusFactory, test: str
) -> None:
    header = "test_id,post_id,caption,posted_at,reach,views,likes,comments\n"
    posts = ("1,A.,2026-02-03,900,1000,90,9", "2,B.,2026-02-03,900,1000,9,9")
    rows = "".join(f"{test},{post}\n" for post in posts)
    for said, rate in [
        ({"denominator": "views"}, 0.09),
        ({"denominator": "reach"}, 0.1),
        ({"denominator": "views"}, 0.09),
        ({"numerator": "comments", "denominator": "reach"}, 0.01),
        ({"numerator": "likes", "denominator": "reach"}, 0.1),
    ]:
        for is_again in (False, True):
            report = load(corpus, header + rows, source="s", **said)
            assert report.already_imported is is_again
        whole = {"numerator": "likes"} | said
        stated = (said.get("numerator"), said["denominator"])
        assert corpus.rows("SELECT numerator, denominator FROM imports") == [stated]
        rates = corpus.rows("SELECT numerator, denominator FROM experiments")
        assert rates == ([(whole["numerator"], said["denominator"])] if test else [])
        [(found,)] = corpus.rows(
            "SELECT p.rate FROM script_performance AS p JOIN scripts AS s "
            "USING (script_id) WHERE s.text LIKE 'A%' ORDER BY p.as_of DESC LIMIT 1"
        )
        assert found == pytest.approx(rate)


@pytest.mark.parametrize("likes", [1001, 2000])
def test_more_events_than_trials_are_refused_by_the_own_denominator(
    corpus: CorpusFactory, likes: int
) -> None:
    rows = f"1,A.,2026-02-03,,1000,{likes}\n2,B.,2025-02-04,1000,,50\n"
    report = load(corpus, HEADER + rows)
    assert [r.reason for r in report.rejects_sample] == ["impossible counts"]
