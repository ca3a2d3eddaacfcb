"""What was assumed about an imported test is said, and can be said otherwise."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import.identity.test_file_posts import (
    REAL,
    load,
    needs_real_files,
)

HEADER = "test_id,arm,headline,impressions,clicks,date\n"
SPLIT = "t,a,One,1000,50,2025-03-01\nt,b,Two,1000,90,2025-03-01\n"


def terms(corpus: CorpusFactory) -> Any:
    return corpus.rows("SELECT randomised, sigma FROM experiments")[0]


def running(corpus: CorpusFactory) -> bool:
    [(is_running,)] = corpus.rows("SELECT is_running FROM experiments")
    return bool(is_running)


def test_arms_at_one_time_are_taken_as_a_split_and_that_is_said(
    corpus: CorpusFactory,
) -> None:
    report = load(corpus, HEADER + SPLIT)
    assert terms(corpus) == (True, 0.0)
    assert any("split at random: 1 test" in note for note in report.notes)


@pytest.mark.parametrize(
    "rows",
    [
        "t,a,One,1000,50,2025-03-01\nt,b,Two,1000,90,2025-03-08\n",
        "t,a,One,1000,50,2025-03-01\nt,b,Two,1000,90,\n",
    ],
)
def test_arms_at_different_times_are_organic(corpus: CorpusFactory, rows: str) -> None:
    report = load(corpus, HEADER + rows, organic_sigma=0.2)
    assert terms(corpus) == (False, 0.2)
    assert any("Taken as organic (σ 0.20" in note for note in report.notes)


def test_posts_of_their_own_are_organic(corpus: CorpusFactory) -> None:
    rows = "".join(f"{n},{row}\n" for n, row in enumerate(SPLIT.splitlines(), 1))
    load(corpus, "post_id," + HEADER + rows)
    assert terms(corpus) == (False, None)


def test_likes_are_of_posts_and_not_of_a_split(corpus: CorpusFactory) -> None:
    load(corpus, HEADER.replace("clicks", "likes") + SPLIT)
    assert terms(corpus) == (False, None)


@needs_real_files
@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, (False, 0.2)), ({"randomised": True}, (True, 0.0))],
)
def test_a_split_is_asserted_by_a_person(
    corpus: CorpusFactory, given: dict[str, Any], expected: Any
) -> None:
    load(corpus, REAL / "23_organic_pair.csv", organic_sigma=0.2, **given)
    assert terms(corpus) == expected


def test_a_person_takes_a_guessed_split_back_and_no_other_file_makes_it_one(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + SPLIT)
    report = load(corpus, HEADER + SPLIT, randomised=False, organic_sigma=0.2)
    assert terms(corpus) == (False, 0.2) and not report.already_imported
    assert any("judged anew" in note for note in report.notes)
    report = load(corpus, HEADER + SPLIT, randomised=True)
    assert terms(corpus) == (False, 0.2) and report.already_imported
    assert any("1 known test stay organic" in note for note in report.notes)


def test_a_split_that_is_asserted_later_counts_and_the_larger_sigma_stays(
    corpus: CorpusFactory,
) -> None:
    other_day = SPLIT.replace("2025-03-01", "2025-03-02", 1)
    load(corpus, HEADER + other_day, organic_sigma=0.2)
    assert terms(corpus) == (False, 0.2)
    load(corpus, HEADER + other_day, randomised=True)
    assert terms(corpus) == (True, 0.0)
    load(corpus, HEADER + other_day, sigma=0.1)
    report = load(corpus, HEADER + other_day, sigma=0.05)
    assert terms(corpus) == (True, 0.1)
    assert any("keep the larger σ" in note for note in report.notes)


def test_a_running_test_is_over_with_the_import_that_does_not_say_so(
    corpus: CorpusFactory,
) -> None:
    first = load(corpus, HEADER + SPLIT, running=True)
    assert running(corpus)
    assert any("Running: 1 test" in note for note in first.notes)
    over = load(corpus, HEADER + SPLIT)
    assert not running(corpus) and not over.already_imported
    assert any("Over now: 1 test" in note for note in over.notes)


def test_a_column_says_which_tests_run(corpus: CorpusFactory) -> None:
    rows = SPLIT.replace("2025-03-01\n", "2025-03-01,yes\n")
    load(corpus, HEADER.replace("date", "date,running") + rows)
    assert running(corpus)
    load(corpus, HEADER.replace("date", "date,running") + rows.replace("yes", "no"))
    assert not running(corpus)


@pytest.mark.parametrize(
    ("read_on", "expected"),
    [("2025-03-09", True), ("2025-03-10", False), ("2025-03-11", False)],
)
def test_a_test_runs_until_its_counts_are_of_its_end(
    corpus: CorpusFactory, read_on: str, expected: bool
) -> None:
    end, read_at = datetime(2025, 3, 10), datetime.fromisoformat(read_on)
    load(corpus, HEADER + SPLIT, ends=end, as_of=read_at)
    assert running(corpus) == expected
    assert corpus.rows("SELECT ends_at FROM experiments") == [(end,)]


@pytest.mark.parametrize(("days", "expected"), [(3, True), (30, False)])
def test_an_end_is_remembered_and_compared_with_the_imports_own_time(
    corpus: CorpusFactory, days: int, expected: bool
) -> None:
    rows = HEADER.replace("date", "date,ends_on") + SPLIT.replace(
        "2025-03-01\n", "2025-03-01,2026-01-20\n"
    )
    load(corpus, rows)
    assert running(corpus)
    corpus.clock.step(days=days)
    load(corpus, HEADER + SPLIT.replace("1000", "2000"))
    assert running(corpus) == expected


@needs_real_files
def test_captions_alone_have_hook_and_body(corpus: CorpusFactory) -> None:
    report = load(corpus, REAL / "14_captions_only_two_tests.csv")
    assert (report.experiments, report.scripts) == (2, 4)
    parts = corpus.rows("SELECT hook, body FROM scripts ORDER BY hook")
    assert ("Three cuts, one pepper.", "Follow the ribs.") in parts
    assert all(body for _, body in parts)


def decided(corpus: CorpusFactory) -> str:
    update_results(corpus.warehouse, corpus.clock)
    [(decision,)] = corpus.rows("SELECT decision FROM latest_decisions")
    return str(decision)


def test_a_running_test_keeps_its_single_look_for_its_end(
    corpus: CorpusFactory,
) -> None:
    """Counts that win on z alone, after two looks while the test ran."""
    rows = "t,a,One,{0},{1},2025-03-01\nt,b,Two,{0},{2},2025-03-01\n"
    for trials, a, b in ((1000, 50, 52), (2000, 100, 104)):
        corpus.clock.step(days=1)
        load(corpus, HEADER + rows.format(trials, a, b), running=True)
        assert decided(corpus) == "running"
    corpus.clock.step(days=1)
    load(corpus, HEADER + rows.format(2600, 130, 174))
    assert decided(corpus) == "winner"


def test_a_moved_end_of_a_repeated_file_is_news(corpus: CorpusFactory) -> None:
    read_at = datetime(2025, 3, 12)
    load(corpus, HEADER + SPLIT, ends=datetime(2025, 3, 10), as_of=read_at)
    moved = datetime(2025, 3, 11)
    report = load(corpus, HEADER + SPLIT, ends=moved, as_of=read_at)
    assert not report.already_imported and not running(corpus)
    assert corpus.rows("SELECT ends_at FROM experiments") == [(moved,)]
    assert load(corpus, HEADER + SPLIT, ends=moved, as_of=read_at).already_imported


def test_a_test_that_runs_again_after_its_single_look_is_not_promised_another(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + SPLIT.replace("90", "52"))
    assert decided(corpus) == "inconclusive"
    corpus.clock.step(days=1)
    grown = SPLIT.replace("1000,50", "2000,100").replace("1000,90", "2000,104")
    again = load(corpus, HEADER + grown, running=True)
    assert any("single look was spent" in note for note in again.notes)
    assert not any("is not spent" in note for note in again.notes)
    assert decided(corpus) == "running"
    [(reason,)] = corpus.rows("SELECT reason FROM latest_decisions")
    assert "the single look on z is spent" in reason
    corpus.clock.step(days=1)
    over = load(corpus, HEADER + grown)
    assert any("only e-values look at them" in note for note in over.notes)
    assert not any("is taken" in note for note in over.notes)


def test_an_older_file_does_not_say_whether_a_test_runs_now(
    corpus: CorpusFactory,
) -> None:
    header = HEADER.replace("date", "date,running")
    rows = SPLIT.replace("2025-03-01\n", "2025-03-01,{}\n")
    load(corpus, header + rows.format("yes", "yes"), as_of=datetime(2025, 3, 5))
    over = rows.replace("1000", "2000").format("no", "no")
    load(corpus, header + over, as_of=datetime(2025, 3, 20))
    assert not running(corpus)
    load(corpus, header + rows.format("yes", "yes"), as_of=datetime(2025, 3, 5))
    assert not running(corpus)


def test_an_older_file_does_not_set_an_ended_test_to_running(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + SPLIT.replace("1000", "2000"), as_of=datetime(2025, 3, 20))
    older: dict[str, Any] = {"as_of": datetime(2025, 3, 5)}
    report = load(corpus, HEADER + SPLIT, running=True, **older)
    assert not running(corpus)
    assert any("--running was not heard for 1 test:" in note for note in report.notes)
    load(corpus, HEADER + SPLIT, ends=datetime(2025, 3, 10), **older)
    assert not running(corpus)  # the known counts are of after this end
    load(corpus, HEADER + SPLIT, ends=datetime(2025, 3, 28), **older)
    assert running(corpus)
