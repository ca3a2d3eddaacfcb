"""How often a model finds the winner of a held-out pair likelier than the loser."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ig_assets.core.fine_tuning.evaluation.evaluation import (
    EvaluationSummary,
    HeldOutExample,
    WrittenText,
    evaluate_model,
    evaluation_of,
)
from ig_assets.core.fine_tuning.evaluation.preference_accuracy import (
    PairLikelihood,
    preference_accuracy,
)
from ig_assets.core.models.registry import ModelRow
from ig_assets.errors import MalformedAnswerError
from ig_assets_tests.core.fine_tuning.evaluation.test_evaluation import (
    ACTIVE,
    CANDIDATE,
    evaluator,
    many_held_out,
    words,
)
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    MONTH,
    FineTuningFactory,
)

Rights = Callable[[int], bool]
"""Whether a model finds the winner of the pair with this number the likelier."""


def pair(right: bool) -> dict[str, float]:
    return {"winner": -1.0, "loser": -1.5 if right else -0.5}


def details(both: int, mine: int, theirs: int, neither: int) -> list[dict[str, Any]]:
    """Pairs that both models find right, the candidate or the active alone, none."""
    outcomes = [(True, True)] * both + [(True, False)] * mine
    outcomes += [(False, True)] * theirs + [(False, False)] * neither
    found = [{"candidate": pair(a), "active": pair(b)} for a, b in outcomes]
    return [{"planned": len(found), "likelihood": one} for one in found]


def test_accuracies_and_their_difference_are_of_the_same_pairs() -> None:
    found = preference_accuracy(details(both=20, mine=12, theirs=2, neither=6))
    assert found is not None
    assert (found.likelihood_pairs, found.accuracy) == (40, 0.8)
    assert (found.accuracy_of_active, found.accuracy_difference) == (0.55, 0.25)
    assert (found.accuracy_low, found.accuracy_high) == pytest.approx(
        (0.6524, 0.8950), abs=1e-4
    ), "Wilson's interval of 32 of 40"
    # Agresti and Min: (12.5 - 2.5) / 42, error sqrt(15 - 100 / 42) / 42.
    assert (found.difference_low, found.difference_high) == pytest.approx(
        (0.07235, 0.40384), abs=1e-4
    )
    assert "80% of 40 pairs" in str(found) and "+25 points (+7 to +40)" in str(found)


def test_a_winner_that_is_as_likely_as_the_loser_is_not_found_the_likelier() -> None:
    same = {"winner": -1.0, "loser": -1.0}
    [found] = [
        preference_accuracy([{"likelihood": {"candidate": same, "active": same}}])
    ]
    assert found is not None and (found.accuracy, found.accuracy_of_active) == (0, 0)


def test_without_a_measured_pair_there_is_no_accuracy() -> None:
    assert preference_accuracy([{"planned": 30}, {"likelihood": None}]) is None


def evaluate(
    env: FineTuningFactory,
    candidate: Rights,
    active: Rights,
    measured: Rights = lambda number: True,
    asked: list[str] | None = None,
) -> EvaluationSummary:
    def write(model: ModelRow, example: HeldOutExample) -> WrittenText:
        who = "mine" if model.model_id == "new" else "theirs"
        number = example.prompt[-2:]
        return WrittenText(words(number, f"{who}{number}x"))

    def likelihood(model: ModelRow, example: HeldOutExample) -> PairLikelihood | None:
        if asked is not None:
            asked.append(example.example_id)
        number = int(example.prompt[-2:])
        if not measured(number):
            return None
        right = candidate if model.model_id == "new" else active
        return PairLikelihood(**pair(right(number)))

    def judge(example: HeldOutExample, first: str, second: str) -> int | None:
        raise AssertionError("a judge is for models without log-probabilities")

    measuring = replace(evaluator(env, write, n=40), likelihood=likelihood, judge=judge)
    return evaluate_model(measuring, MONTH, CANDIDATE, ACTIVE)


@pytest.mark.parametrize(
    ("candidate", "active", "preference", "passed"),
    [(32, 16, "better", True), (16, 32, "worse", False), (20, 22, "undecided", True)],
)
def test_a_candidate_is_judged_by_the_winners_that_it_finds_likelier(
    env: FineTuningFactory, candidate: int, active: int, preference: str, passed: bool
) -> None:
    many_held_out(env)
    found = evaluate(env, lambda n: n < candidate, lambda n: n < active)
    assert (found.preference, found.passed) == (preference, passed), found.reason
    assert found.accuracy is not None
    assert found.accuracy.accuracy == candidate / 40
    assert found.accuracy.accuracy_of_active == active / 40
    assert "finds the held-out winner likelier in" in found.reason
    with env.warehouse.transaction() as con:
        assert evaluation_of(con, "new", "active") == found, "as it was stored"


def test_a_candidate_that_finds_the_losers_likelier_is_refused_as_worse(
    env: FineTuningFactory,
) -> None:
    many_held_out(env)
    found = evaluate(env, lambda n: False, lambda n: True)
    assert not found.passed
    assert found.reason.startswith("worse: by log-probability it finds the held-out")


def test_under_thirty_measured_pairs_the_preference_is_insufficient(
    env: FineTuningFactory,
) -> None:
    many_held_out(env)
    found = evaluate(env, lambda n: False, lambda n: True, measured=lambda n: n < 29)
    assert found.accuracy is not None and found.accuracy.likelihood_pairs == 29
    assert (found.preference, found.passed) == ("insufficient", True)
    assert "preference is insufficient under 30 pairs" in found.reason


def test_log_probabilities_are_not_asked_for_where_nothing_could_be_said(
    env: FineTuningFactory,
) -> None:
    many_held_out(env, pairs=29)
    asked: list[str] = []
    found = evaluate(env, lambda n: False, lambda n: True, asked=asked)
    assert (found.preference, found.accuracy, asked) == ("insufficient", None, [])


def test_without_its_log_probabilities_a_candidate_does_not_pass(
    env: FineTuningFactory,
) -> None:
    many_held_out(env)

    def broken(number: int) -> bool:
        if number == 31:
            raise MalformedAnswerError("Other tokens.")
        return True

    with pytest.raises(MalformedAnswerError):
        evaluate(env, broken, lambda n: True)
    with env.warehouse.transaction() as con:
        found = evaluation_of(con, "new", "active")
    assert not found.passed and "held-out pairs are finished" in found.reason
    assert evaluate(env, lambda n: True, lambda n: True).passed


def test_pairs_that_were_compared_without_log_probabilities_are_compared_anew(
    env: FineTuningFactory,
) -> None:
    """As after an update; until the last of them is done the gate stays closed."""
    many_held_out(env)
    evaluate(env, lambda n: True, lambda n: True)
    for row in env.read("SELECT * FROM evaluations WHERE example_id > 'x04'"):
        detail = json.loads(row["detail"])
        del detail["likelihood"]
        env.write("evaluations", row | {"detail": json.dumps(detail)})
    with env.warehouse.transaction() as con:
        found = evaluation_of(con, "new", "active")
    assert not found.passed
    assert found.reason == "Only 5 of 40 held-out pairs have log-probabilities."
    asked: list[str] = []
    assert evaluate(env, lambda n: True, lambda n: True, asked=asked).passed
    assert len(asked) == 70 and "x04" not in asked
