"""No author, topic or hook style becomes all that a model learns."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from ig_assets.core.fine_tuning.training_set.decided_experiments import (
    DecidedArm,
    DecidedExperiment,
)
from ig_assets.core.fine_tuning.training_set.example_caps import within_caps


def experiment(
    number: int, topic: str = "", author: str | None = None, style: str | None = None
) -> DecidedExperiment:
    winner = DecidedArm("a", "t", "h", f"r{number}", style, None, None, author)
    return DecidedExperiment(
        f"e{number:03d}",
        "winner",
        winner,
        (),
        0.1,
        number / 1000,
        topic or f"topic {number}",
        "en",
        None,
        None,
        False,
        datetime(2026, 3, 20),
    )


@pytest.mark.parametrize(
    ("facts", "most", "reason"),
    [
        ({"topic": "Oat Milk!"}, 20, "more than 20 of a topic"),
        ({"author": "rita"}, 100, "more than 100 of an author"),
        ({"style": "question"}, 72, "more than 60% of a hook style"),
    ],
)
def test_the_best_are_taken_and_the_others_counted(
    facts: dict[str, str], most: int, reason: str
) -> None:
    given = [experiment(number, **facts) for number in range(120)]
    taken, excluded = within_caps(given)
    assert [e.experiment_id for e in taken] == [
        e.experiment_id for e in given[-most:]
    ], "the greatest lifts, in their order"
    assert excluded == {reason: 120 - most}
    assert len(taken) + excluded.total() == len(given)


def test_a_small_set_has_no_share_to_keep_and_models_are_no_author() -> None:
    given = [experiment(number, style="question") for number in range(49)]
    assert within_caps(given) == (given, {})
    written = [experiment(number) for number in range(120)]
    assert within_caps(written) == (written, {})


def test_a_decided_winner_comes_before_a_provisional_one() -> None:
    provisional = replace(experiment(9), decision="provisional")
    decided = replace(experiment(1), winner=provisional.winner)
    taken, excluded = within_caps([provisional, decided])
    assert taken == [decided]
    assert excluded == {"the same words as another winner": 1}
