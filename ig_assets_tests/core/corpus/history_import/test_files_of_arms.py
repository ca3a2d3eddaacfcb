"""The arms of one test come in files of their own."""

from __future__ import annotations

from datetime import datetime

import pytest

from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.errors import InputError, NothingTakenError
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import.identity.test_file_posts import (
    count,
    load,
)
from ig_assets_tests.factories.cases import with_further

HEADER = "test_id,arm,headline,impressions,clicks,date\n"
A = "t,a,One,5000,60,2025-03-01\n"
B = "t,b,Two,5000,130,2025-03-01\n"
C = "t,c,Three,5000,61,2025-03-01\n"


def finals(corpus: CorpusFactory) -> list[tuple[str, float, float]]:
    return [
        (arm, trials, events)
        for arm, trials, events in corpus.rows(
            "SELECT arm, trials, events FROM final_readings ORDER BY arm"
        )
    ]


def test_files_of_one_source_become_one_test_when_its_second_arm_comes(
    corpus: CorpusFactory,
) -> None:
    first = load(corpus, HEADER + A, "a.csv", source="ads")
    assert (first.experiments, count(corpus, "experiments")) == (0, 0)
    assert any("1 test with one arm so far" in note for note in first.notes)
    second = load(corpus, HEADER + B, "b.csv", source="ads")
    assert (second.experiments, count(corpus, "posts")) == (1, 2)
    assert any("an earlier one and this: t." in note for note in second.notes)
    assert finals(corpus) == [("a", 5000, 60), ("b", 5000, 130)]
    assert update_results(corpus.warehouse, corpus.clock).winners == 1
    assert corpus.rows("SELECT winner_arm FROM decisions") == [("b",)]
    load(corpus, HEADER + A.replace("60", "64"), "a2.csv", source="ads")
    assert finals(corpus)[0] == ("a", 5000, 64)


def test_the_files_decide_as_one_file_does(corpus: CorpusFactory) -> None:
    for name, row in {"a": A, "b": B, "c": C}.items():
        load(corpus, HEADER + row, f"{name}.csv", source="apart")
    load(corpus, HEADER + A + B + C, "all.csv", source="together")
    update_results(corpus.warehouse, corpus.clock)
    found = corpus.rows(
        "SELECT d.decision, d.winner_arm, e.randomised, e.sigma, e.month, "
        "e.started_at FROM latest_decisions AS d JOIN experiments AS e "
        "ON e.experiment_id = d.experiment_id"
    )
    assert len(found) == 2 and found[0] == found[1]
    assert found[0][:3] == ("winner", "b", True)


def test_a_file_with_two_arms_takes_the_one_that_waits_with_them(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + A, "a.csv", source="ads")
    load(corpus, HEADER + B + C, "rest.csv", source="ads")
    assert [arm for arm, *_ in finals(corpus)] == ["a", "b", "c"]


def test_arms_at_different_times_in_files_of_their_own_are_organic(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + A, "a.csv", source="ads")
    later = B.replace("2025-03-01", "2025-03-09")
    load(corpus, HEADER + later, "b.csv", source="ads", organic_sigma=0.2)
    assert corpus.rows("SELECT randomised, sigma FROM experiments") == [(False, 0.2)]


LATE = {
    "a": A.replace("60", "100"),
    "b": B.replace("130", "200"),
    "c": C.replace("03-01", "03-02"),
}


def verdict(corpus: CorpusFactory) -> list[tuple[object, ...]]:
    update_results(corpus.warehouse, corpus.clock)
    return corpus.rows(
        "SELECT d.decision, d.winner_arm, e.randomised, e.sigma, e.month, e.started_at "
        "FROM latest_decisions AS d "
        "JOIN experiments AS e ON e.experiment_id = d.experiment_id"
    )


@pytest.mark.parametrize(
    "order", with_further(["abc", "cba", "acb", "bac", "bca", "cab"], 3)
)
@pytest.mark.parametrize("given", with_further([None, "a", "c"]))
def test_the_order_of_files_of_arms_changes_no_verdict(
    corpus: CorpusFactory, order: str, given: str | None
) -> None:
    """`given` is the arm in whose file a person asserts the split."""
    for arm in order:
        said = True if arm == given else None
        name = f"{arm}.csv"
        load(corpus, HEADER + LATE[arm], name, source="ads", randomised=said)
        verdict(corpus)  # a decision between two imports changes nothing either
    start = datetime(2025, 3, 1)
    expected = (
        ("winner", "b", True, 0.0) if given else ("provisional", "b", False, None)
    )
    assert verdict(corpus) == [(*expected, "2025-03", start)]


def test_a_split_that_turns_out_to_be_none_takes_its_evidence_with_it(
    corpus: CorpusFactory,
) -> None:
    sure = B.replace("130", "180")
    load(corpus, HEADER + A + sure, "ab.csv", source="ads")
    assert verdict(corpus)[0][:2] == ("winner", "b")
    report = load(corpus, HEADER + LATE["c"], "c.csv", source="ads")
    assert any("1 known test judged anew (t) as organic" in n for n in report.notes)
    assert verdict(corpus)[0][:3] == ("provisional", "b", False)
    [(now,)] = corpus.rows(
        "SELECT max(s.log_e_ahead) FROM sided_evidence AS s JOIN latest_standings AS n "
        "ON n.experiment_id = s.experiment_id AND n.data_through = s.data_through"
    )
    assert now < 3  # as organic; of the split it was above ln 40
    whole = HEADER + A + sure + LATE["c"]
    report = load(corpus, whole, "abc.csv", source="ads", randomised=True)
    assert any("as a person said" in note for note in report.notes)
    assert verdict(corpus)[0][:3] == ("winner", "b", True)


def test_the_look_on_z_is_repeated_at_the_same_counts_once_its_split_is_asserted(
    corpus: CorpusFactory,
) -> None:
    rows = A + B.replace("130", "100").replace("03-01", "03-02")
    load(corpus, HEADER + rows, "ab.csv", source="ads")
    assert verdict(corpus)[0][:2] == ("provisional", "b")
    load(corpus, HEADER + rows, "ab.csv", source="ads", randomised=True)
    assert verdict(corpus)[0][:2] == ("winner", "b")
    assert corpus.rows("SELECT rule FROM latest_standings") == [("z",)]
    load(corpus, HEADER + rows, "ab.csv", source="ads", randomised=False)
    assert verdict(corpus)[0][:2] == ("provisional", "b")


def test_new_counts_after_the_look_on_z_leave_it_spent_whatever_is_asserted(
    corpus: CorpusFactory,
) -> None:
    rows = A + B.replace("130", "62").replace("03-01", "03-02")
    load(corpus, HEADER + rows, "ab.csv", source="ads")
    verdict(corpus)
    grown = rows.replace(",62,", ",100,")
    load(corpus, HEADER + grown, "ab.csv", source="ads", randomised=True)
    assert verdict(corpus)[0][:3] == ("inconclusive", None, True)


@pytest.mark.parametrize(
    "again",
    [
        A,
        A.replace("60", "70"),
        A.replace("One", "Edited words"),
        A.replace(",a,", ",,"),
    ],
)
def test_the_same_arm_again_is_no_second_arm(corpus: CorpusFactory, again: str) -> None:
    load(corpus, HEADER + A, "a.csv", source="ads")
    report = load(corpus, HEADER + again, "again.csv", source="ads")
    assert (report.experiments, count(corpus, "experiments")) == (0, 0)


def test_files_without_a_source_are_asked_about(corpus: CorpusFactory) -> None:
    load(corpus, HEADER + A, "a.csv")
    before = corpus.everything()
    with pytest.raises(InputError, match=r"names \(t\) with source a.*--source a "):
        load(corpus, HEADER + B, "b.csv")
    assert corpus.everything() == before
    load(corpus, HEADER + B, "b.csv", source="a")
    assert count(corpus, "experiments") == 1


def test_a_repeated_file_gives_an_older_folder_the_tests_of_its_single_posts(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + A, "a.csv", source="ads")
    with corpus.warehouse.transaction() as con:
        con.execute("DELETE FROM vendor_post_names")  # as an earlier version left it
    assert not load(corpus, HEADER + A, "a.csv", source="ads").already_imported
    assert load(corpus, HEADER + A, "a.csv", source="ads").already_imported
    load(corpus, HEADER + B, "b.csv", source="ads")
    assert [arm for arm, *_ in finals(corpus)] == ["a", "b"]


Z = "t,z,Four,5000,300,2025-03-01\n"


@pytest.mark.parametrize("named", [{}, {"source": "ads"}])
def test_a_new_arm_in_place_of_a_known_one_is_rejected_and_the_test_stays_as_it_was(
    corpus: CorpusFactory, named: dict[str, str]
) -> None:
    load(corpus, HEADER + A + B, "ads.csv", **named)
    other = C.replace("t,", "t2,") + A.replace("t,", "t2,").replace("One", "Uno")
    report = load(corpus, HEADER + A + Z + other, "ads.csv", **named)
    assert (report.imported, report.rejected) == (2, 2)
    [reject, _] = report.rejects_sample
    assert reject.reason == "missing arm"
    assert "has arm z here" in reject.detail and "of its arm b." in reject.detail
    assert "own with --source ads;" in reject.detail
    assert ("z", 5000, 300) not in finals(corpus)


@pytest.mark.parametrize("content", [Z, A + B + Z])
def test_a_new_arm_of_a_known_test_is_taken_by_itself_or_with_all_and_said(
    corpus: CorpusFactory, content: str
) -> None:
    load(corpus, HEADER + A + B, "ads.csv")
    report = load(corpus, HEADER + content, "ads.csv")
    assert [arm for arm, *_ in finals(corpus)] == ["a", "b", "z"]
    assert any("that no earlier file has: t (z)." in note for note in report.notes)


def test_an_arm_whose_script_was_forgotten_is_not_missed(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + A + B, "ads.csv")
    [(script_id,)] = corpus.rows("SELECT script_id FROM posts WHERE arm = 'b'")
    with corpus.warehouse.transaction() as con:
        con.execute("INSERT INTO forgotten (script_id) VALUES (?)", [script_id])
    assert load(corpus, HEADER + A + Z, "ads.csv").rejected == 0


def test_a_lone_arm_with_the_words_of_a_known_one_is_rejected(
    corpus: CorpusFactory,
) -> None:
    """A new name of it would double the arm, and cost its test the winner."""
    load(corpus, HEADER + A + B, "ads.csv", source="ads")
    with pytest.raises(NothingTakenError, match="arm b2 here with the words of its"):
        load(corpus, HEADER + B.replace(",b,", ",b2,"), "b.csv", source="ads")
    assert [arm for arm, *_ in finals(corpus)] == ["a", "b"]


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (A.replace("2025-03-01", ""), A),
        (A, A.replace("03-01", "03-02")),
        (A.replace(",a,", ",,"), A.replace(",a,", ",,").replace("2025-03-01", "")),
    ],
)
def test_a_lone_arm_with_another_date_is_the_same_arm(
    corpus: CorpusFactory, first: str, again: str
) -> None:
    for name, row in (("a", first), ("a2", again), ("b", B)):
        load(corpus, HEADER + row, f"{name}.csv", source="ads")
    assert [events for _, _, events in finals(corpus)] == [60, 130]
    assert corpus.rows("SELECT randomised FROM experiments") == [(True,)]


DAILY = (
    "t,a,One,1000,30,2025-03-01\nt,a,One,1100,33,2025-03-02\n"
    "t,b,Two,1000,52,2025-03-01\nt,b,Two,1050,60,2025-03-02\n"
)


@pytest.mark.parametrize("rows", [DAILY, DAILY.replace("-02\n", "-01\n")])
def test_days_or_countries_of_an_arm_are_no_arms_of_their_own(
    corpus: CorpusFactory, rows: str
) -> None:
    other = "u,a,One,5000,60,2025-03-01\nu,b,Two,5000,130,2025-03-01\n"
    report = load(corpus, HEADER + rows + other)
    assert (report.imported, report.experiments) == (2, 1)
    assert report.rejected == 4
    assert {r.reason for r in report.rejects_sample} == {"several rows of one arm"}
    assert finals(corpus) == [("a", 5000, 60), ("b", 5000, 130)]


def test_a_row_of_an_arm_that_is_there_twice_counts_once(
    corpus: CorpusFactory,
) -> None:
    report = load(corpus, HEADER + A + B + A)
    assert (report.imported, report.repeated, report.experiments) == (2, 1, 1)
    assert finals(corpus) == [("a", 5000, 60), ("b", 5000, 130)]


def test_a_late_arm_of_a_split_that_ran_on_another_day_is_said(
    corpus: CorpusFactory,
) -> None:
    load(corpus, HEADER + A + B, "a.csv", source="ads", randomised=True)
    same = load(corpus, HEADER + C, "c.csv", source="ads")
    assert "ran at another time" not in " ".join(same.notes)
    late = C.replace("c,Three", "d,Four").replace("03-01", "03-09")
    report = load(corpus, HEADER + late, "d.csv", source="ads")
    assert "new arm that ran at another time" in " ".join(report.notes)
