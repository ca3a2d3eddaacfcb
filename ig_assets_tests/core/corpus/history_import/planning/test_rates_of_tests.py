"""What a test is rated by follows from all its arms, in whichever order they come."""

from __future__ import annotations

from itertools import permutations

import pytest

from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import.identity.test_file_posts import load
from ig_assets_tests.core.corpus.history_import.test_files_of_arms import (
    finals,
    verdict,
)
from ig_assets_tests.factories.cases import with_further

WORDS = {"a": "One", "b": "Two", "c": "Three", "d": "Four", "e": "Five"}
Counts = dict[str, int]


def bring(corpus: CorpusFactory, arm: str, counts: Counts, source: str = "ads") -> str:
    """Import a file with one arm that has these counts only; return its notes."""
    header = ",".join(("test_id,arm,headline,date", *counts))
    row = ",".join(("t", arm, WORDS[arm], "2025-03-01", *map(str, counts.values())))
    report = load(corpus, f"{header}\n{row}\n", f"{source}-{arm}.csv", source=source)
    return " ".join(report.notes)


def arms_of_test(corpus: CorpusFactory) -> str:
    rows = corpus.rows("SELECT arm FROM posts WHERE experiment_id IS NOT NULL")
    return "".join(sorted(arm for (arm,) in rows))


def rate(corpus: CorpusFactory) -> tuple[str, str]:
    [found] = corpus.rows("SELECT numerator, denominator FROM experiments")
    return found


SETS: dict[str, dict[str, Counts]] = {
    "one by views": {
        "a": {"impressions": 5000, "clicks": 60},
        "b": {"impressions": 5000, "clicks": 130},
        "c": {"views": 5000, "clicks": 61},
    },
    "most by views": {
        "a": {"impressions": 5000, "clicks": 160},
        "b": {"views": 5000, "clicks": 130},
        "c": {"views": 5000, "clicks": 61},
    },
    "one by likes": {
        "a": {"views": 5000, "clicks": 60},
        "b": {"views": 5000, "clicks": 130},
        "c": {"views": 5000, "likes": 400},
    },
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(
    "order", with_further(["".join(order) for order in permutations("abc")], 3)
)
def test_no_order_of_files_changes_the_rate_or_the_verdict(
    corpus: CorpusFactory, name: str, order: str
) -> None:
    arms = SETS[name]
    for arm in order:
        bring(corpus, arm, arms[arm])
        verdict(corpus)  # a decision between two imports changes nothing either
    assert verdict(corpus)[0][:4] == ("winner", "b", True, 0.0)
    most = "bc" if name == "most by views" else "ab"
    assert arms_of_test(corpus) == most
    assert rate(corpus) == ("clicks", [*arms["b"]][0])


def test_the_files_are_rated_as_one_file_is(corpus: CorpusFactory) -> None:
    rows = "t,a,One,5000,,60\nt,b,Two,5000,,130\nt,c,Three,,5000,61\n"
    header = "test_id,arm,headline,impressions,views,clicks\n"
    report = load(corpus, header + rows, source="ads")
    assert arms_of_test(corpus) == "ab" and rate(corpus) == ("clicks", "impressions")
    assert "1 post without the counts by which most arms" in " ".join(report.notes)
    assert not any("one arm so far" in note for note in report.notes)


def test_arms_without_a_shared_rate_are_no_experiment(corpus: CorpusFactory) -> None:
    bring(corpus, "a", {"impressions": 5000, "clicks": 60})
    notes = bring(corpus, "c", {"views": 5000, "clicks": 130})
    assert "no part of the test" in notes
    assert corpus.rows("SELECT * FROM experiments") == []


def test_arms_of_another_rate_that_are_more_by_now_take_the_test(
    corpus: CorpusFactory,
) -> None:
    for arm, events in (("a", 60), ("b", 130)):
        bring(corpus, arm, {"views": 5000, "clicks": events})
    assert verdict(corpus)[0][:2] == ("winner", "b")
    notes = ""
    for arm, events in (("c", 200), ("d", 60), ("e", 61)):
        assert arms_of_test(corpus) == ("cd" if arm == "e" else "ab")
        notes += bring(corpus, arm, {"impressions": 4000, "clicks": events})
    assert "1 known test rated by clicks per impressions from now on (t)" in notes
    assert arms_of_test(corpus) == "cde"
    assert finals(corpus) == [("c", 4000, 200), ("d", 4000, 60), ("e", 4000, 61)]
    [(decision, winner, *_)] = verdict(corpus)
    assert (decision, winner) == ("winner", "c")
    for arm, events in (("a", 60), ("b", 130)):
        bring(corpus, arm, {"views": 5000, "impressions": 6000, "clicks": events})
    assert arms_of_test(corpus) == "abcde"


def test_another_rate_is_no_count_that_fell(corpus: CorpusFactory) -> None:
    """Arms that grow by another denominator keep the evidence of none of both."""
    for arm, events in (("a", 60), ("b", 130)):
        bring(corpus, arm, {"views": 5000, "clicks": events})
    verdict(corpus)
    for arm, events in (("a", 60), ("b", 130), ("c", 61)):
        bring(corpus, arm, {"reach": 4000, "clicks": events})
    assert (arms_of_test(corpus), verdict(corpus)[0][:2]) == ("abc", ("winner", "b"))
    assert rate(corpus) == ("clicks", "reach")
    reasons = corpus.rows("SELECT reason FROM latest_decisions")
    assert "fell" not in str(reasons) and "lower" not in str(reasons)


def test_a_rate_that_a_person_chose_is_not_replaced(corpus: CorpusFactory) -> None:
    rows = "t,a,One,5000,60,9\nt,b,Two,5000,130,8\n"
    header = "test_id,arm,headline,views,saves,likes\n"
    load(corpus, header + rows, source="ads", numerator="saves")
    for arm in "cde":
        bring(corpus, arm, {"views": 5000, "likes": 61})
    assert (arms_of_test(corpus), rate(corpus)) == ("ab", ("saves", "views"))


def test_the_same_file_again_changes_nothing(corpus: CorpusFactory) -> None:
    for arm, counts in SETS["one by views"].items():
        bring(corpus, arm, counts)
    before = corpus.everything()
    for arm, counts in SETS["one by views"].items():
        bring(corpus, arm, counts)
    assert corpus.everything() == before
