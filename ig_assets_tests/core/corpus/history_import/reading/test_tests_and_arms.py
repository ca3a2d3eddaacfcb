"""Columns of tests and of arms, and the rows below them that sum a test up."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets_tests.core.corpus.history_import.reading.exports import history

ROWS = ("Salt first,1000,50", "Never salt,1000,80", "Lids on,900,40", "Lids off,900,9")


def table(header: str, *labels: str) -> str:
    rows = [f"{label},{row}" for label, row in zip(labels, ROWS, strict=True)]
    return "\n".join([f"{header},Caption,Impressions,Clicks", *rows])


@pytest.mark.parametrize(
    ("header", "test", "arm"),
    [
        ("Test,Variant", "Test", "Variant"),
        ("Experiment,A/B", "Experiment", "A/B"),
        ("A/B Test,Variation", "A/B Test", "Variation"),
        ("Versuch,Testgruppe", "Versuch", "Testgruppe"),
        ("Exp\u00e9rience,Variante", "Exp\u00e9rience", "Variante"),
        ("Prueba,Variaci\u00f3n", "Prueba", "Variaci\u00f3n"),
        ("Teste A/B,Varia\u00e7\u00e3o", "Teste A/B", "Varia\u00e7\u00e3o"),
        ("Esperimento,Variazione", "Esperimento", "Variazione"),
        ("A/B,Test", "A/B", "Test"),
    ],
)
def test_tests_and_arms_are_found_in_six_languages_by_names_and_values(
    tmp_path: Path, header: str, test: str, arm: str
) -> None:
    text = table(header, "Week 1,A", "Week 1,B", "Week 2,A", "Week 2,B")
    found = history(tmp_path, "t.csv", text)
    assert (found.mapping["experiment_id"], found.mapping["arm"]) == (test, arm)
    assert {(row.experiment, row.arm) for row in found.rows} == {
        (f"Week {n}", arm) for n in (1, 2) for arm in "AB"
    }


def test_a_column_of_yes_and_no_is_neither_a_test_nor_an_arm(tmp_path: Path) -> None:
    found = history(tmp_path, "t.csv", table("Test", "yes", "no", "yes", "no"))
    assert not {"experiment_id", "arm"} & found.mapping.keys()


def test_arms_without_a_column_of_tests_are_said_to_be_compared_with_nothing(
    tmp_path: Path,
) -> None:
    found = history(tmp_path, "t.csv", table("Test", "A", "B", "A", "B"))
    assert [row.arm for row in found.rows] == ["A", "B", "A", "B"]
    assert "names arms, and no column names their test" in " ".join(found.notes)


@pytest.mark.parametrize(
    "row",
    [
        *("t,Winner,Never salt,1000,80", "t,Winner,The best one,1000,80"),
        *("t,Winner: B,Never salt,3000,200", "t,Winner,B,1000,80", "t,Winner,B,,"),
        *("t,Lift %,60,12,8", "t,Statistical significance,95,,", "t,p-value,0.03,,"),
        *("t,Winner = Variant B,Never salt,1000,80", "t,B wins,Never salt,1000,80"),
        *(
            "t,\U0001f3c6 Winner \U0001f3c6,Never salt,1000,80",
            "t,Winner,Variant B,1,1",
        ),
        *("t,Gewinner: B,Never salt,1000,80", "t,Ganador,Never salt,1000,80"),
        *("t,R\u00e9sultat : B,Never salt,1000,80", "t,Vincitore,B,1000,80"),
    ],
)
def test_a_row_that_repeats_an_arm_as_the_winner_is_no_arm(
    tmp_path: Path, row: str
) -> None:
    text = f"Test,Variant,Caption,Views,Clicks\nt,A,{ROWS[0]}\nt,B,{ROWS[1]}\n{row}\n"
    found = history(tmp_path, "t.csv", text)
    assert [row.arm for row in found.rows] == ["A", "B"]
    [reject] = found.rejects
    assert reject.reason == "a result, not an arm" and reject.source_uri[-2:] == "#4"


@pytest.mark.parametrize(
    "row",
    [
        *("Winner,A winning lid,70,5,", "Results first,Never salt,1000,80,"),
        *("Never wins,Never wins again,70,5,", "Winner takes all,Lids on,70,5,"),
        *("Winner,Never salt,1000,80,reel99", "Winner,All at zero,0,0,"),
    ],
)
def test_an_arm_or_a_post_with_words_and_counts_of_its_own_stays(
    tmp_path: Path, row: str
) -> None:
    text = (
        f"Test,Variant,Caption,Views,Clicks,Post ID\nt,A,{ROWS[0]},reel1\n"
        f"t,B,{ROWS[1]},reel2\nt,C,Nothing yet,0,0,reel3\nt,{row}\n"
    )
    assert len(history(tmp_path, "t.csv", text).rows) == 4


def test_a_winner_in_a_column_of_tests_makes_no_script_of_an_arms_name(
    tmp_path: Path,
) -> None:
    text = f"Test,Caption,Views,Clicks\nA,{ROWS[0]}\nB,{ROWS[1]}\nWinner,B,,\n"
    found = history(tmp_path, "t.csv", text)
    assert [row.hook for row in found.rows] == ["Salt first", "Never salt"]
    assert [reject.reason for reject in found.rejects] == ["a result, not an arm"]


@pytest.mark.parametrize("words", ["2026-03-05", "1047", "14/03/2026"])
def test_a_date_or_a_number_in_place_of_words_is_no_script(
    tmp_path: Path, words: str
) -> None:
    text = f"Caption,Views,Likes\nSalt first,100,5\n{words},60,2\n"
    found = history(tmp_path, "t.csv", text)
    assert [row.hook for row in found.rows] == ["Salt first"]
    assert [reject.reason for reject in found.rejects] == ["no words"]
