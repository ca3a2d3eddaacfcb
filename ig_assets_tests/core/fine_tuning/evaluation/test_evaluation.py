from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from ig_assets.core.fine_tuning.evaluation.evaluation import (
    EvaluationSummary,
    Evaluator,
    HeldOutExample,
    Write,
    WrittenText,
    evaluate_model,
    evaluation_of,
)
from ig_assets.core.fine_tuning.evaluation.verdict import verdict
from ig_assets.core.models.registry import ModelRow
from ig_assets.core.ports import Vectors
from ig_assets.errors import MalformedAnswerError, TransientVendorError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    MONTH,
    FineTuningFactory,
)

ACTIVE = ModelRow(
    "active",
    None,
    "p",
    "n",
    "b",
    None,
    datetime(2026, 1, 1),
    "active",
    "",
    datetime.min,
)
CANDIDATE = replace(ACTIVE, model_id="new", status="candidate")


def held_out(env: FineTuningFactory, pairs: int = 3, split: str = "validation") -> None:
    for number in range(pairs):
        env.write(
            "training_examples",
            {
                "month": MONTH,
                "example_id": f"x{number}",
                "kind": "dpo",
                "split": split,
                "group_id": f"g{number // 2}" if pairs > 3 else f"g{number}",
                "prompt": f"prompt {number}",
                "completion": "winner",
                "rejected": "loser",
            },
        )


def embed(texts: Sequence[str]) -> Vectors:
    """Three directions: to the winner, to the loser, and neither."""
    axes = {"winner": 0, "loser": 1}
    rows = [np.eye(3)[axes.get(text, 2)] for text in texts]
    return np.asarray(rows, dtype=np.float32)


class Pen:
    """Writes the given text of each model, and records the requests."""

    def __init__(self, candidate: str | None, active: str | None) -> None:
        self.texts = {"new": candidate, "active": active}
        self.asked: list[tuple[str, str, int]] = []

    def __call__(self, model: ModelRow, example: HeldOutExample) -> WrittenText:
        self.asked.append((model.model_id, example.prompt, example.seed))
        return WrittenText(self.texts[model.model_id])


def evaluator(env: FineTuningFactory, write: Write, n: int = 9) -> Evaluator:
    return Evaluator(env.warehouse, env.clock, write, embed, n, seed=7)


def evaluate(env: FineTuningFactory, pen: Pen, n: int = 9) -> EvaluationSummary:
    return evaluate_model(evaluator(env, pen, n), MONTH, CANDIDATE, ACTIVE)


def test_a_text_near_the_held_out_winner_scores_above_one_near_the_loser(
    env: FineTuningFactory,
) -> None:
    held_out(env)
    good = evaluate(env, Pen("winner", "loser"))
    assert (good.n, good.mean_score, good.mean_against) == (3, 2.0, 0.0)
    assert good.passed and "smoke gate" in good.reason


def test_a_worse_candidate_does_not_pass(env: FineTuningFactory) -> None:
    held_out(env)
    bad = evaluate(env, Pen("loser", "winner"))
    assert not bad.passed and bad.reason.startswith("worse than")


def test_a_draw_passes_and_a_malformed_candidate_does_not(
    env: FineTuningFactory,
) -> None:
    held_out(env)
    assert evaluate(env, Pen("other", "another")).passed


def test_a_malformed_answer_scores_nothing(env: FineTuningFactory) -> None:
    held_out(env)
    summary = evaluate(env, Pen(None, "other"))
    assert (summary.mean_score, summary.mean_against) == (0.0, 1.0)
    assert not summary.passed


def test_a_raised_malformed_answer_scores_nothing_either(
    env: FineTuningFactory,
) -> None:
    held_out(env)

    def write(model: ModelRow, example: HeldOutExample) -> WrittenText:
        raise MalformedAnswerError("Cut.")

    summary = evaluate_model(evaluator(env, write), MONTH, CANDIDATE, ACTIVE)
    assert (summary.mean_score, summary.mean_against) == (0.0, 0.0)


@pytest.mark.parametrize("split", ["train", None])
def test_without_a_held_out_pair_the_gate_stays_closed(
    env: FineTuningFactory, split: str | None
) -> None:
    if split:
        held_out(env, split=split)
    summary = evaluate(env, Pen("winner", "loser"))
    assert not summary.passed and summary.n == 0
    assert "no held-out pair" in summary.reason


def test_both_models_write_for_the_same_prompts_with_the_same_seeds(
    env: FineTuningFactory,
) -> None:
    held_out(env)
    pen = Pen("winner", "loser")
    evaluate(env, pen)
    asked = {model: [] for model in ("new", "active")}  # type: dict[str, list[object]]
    for model, prompt, seed in pen.asked:
        asked[model].append((prompt, seed))
    assert asked["new"] == asked["active"] and len(set(asked["new"])) == 3


def test_one_pair_a_group_and_at_most_as_many_as_asked_for(
    env: FineTuningFactory,
) -> None:
    held_out(env, pairs=6)
    assert evaluate(env, Pen("winner", "loser")).n == 3
    assert evaluate(env, Pen("winner", "loser"), n=2).n == 3  # already finished


def test_finished_pairs_are_not_written_twice_and_a_half_evaluation_does_not_pass(
    env: FineTuningFactory,
) -> None:
    held_out(env)

    class Broken(Pen):
        def __call__(self, model: ModelRow, example: HeldOutExample) -> WrittenText:
            if len(self.asked) == 2:
                raise TransientVendorError("Gone.")
            return super().__call__(model, example)

    with pytest.raises(TransientVendorError):
        evaluate(env, Broken("winner", "loser"))
    with env.warehouse.transaction() as con:
        half = evaluation_of(con, "new", "active")
    assert not half.passed and half.reason == "Only 1 of 3 held-out pairs are finished."
    pen = Pen("winner", "loser")
    assert evaluate(env, pen).passed and len(pen.asked) == 4
    assert evaluate(env, pen).n == 3 and len(pen.asked) == 4


def test_a_model_is_not_compared_with_itself(env: FineTuningFactory) -> None:
    held_out(env)
    pen = Pen("winner", "loser")
    same = evaluate_model(evaluator(env, pen), MONTH, ACTIVE, ACTIVE)
    assert same.passed and same.n == 0 and pen.asked == []


@pytest.mark.parametrize(
    ("pairs", "behind", "passed"),
    [(1, 0.2, True), (1, 0.35, False), (16, 0.2, False), (16, 0.1, True)],
)
def test_a_handful_of_pairs_allows_for_chance(
    env: FineTuningFactory, pairs: int, behind: float, passed: bool
) -> None:
    env.write(
        "evaluations",
        *(
            {
                "model_id": "new",
                "against_model_id": "active",
                "example_id": f"x{number}",
                "month": MONTH,
                "score": 1.0 - behind,
                "against_score": 1.0,
                "detail": f'{{"planned": {pairs}}}',
                "evaluated_at": datetime(2026, 2, 1),
            }
            for number in range(pairs)
        ),
    )
    with env.warehouse.transaction() as con:
        summary = evaluation_of(con, "new", "active")
    assert summary.passed is passed
    assert "allowed for so few" in summary.reason


class Novelist:
    """Writes what a function makes of the prompt, for the candidate and the active."""

    def __init__(self, candidate: Callable[[str], str | None]) -> None:
        self.candidate = candidate

    def __call__(self, model: ModelRow, example: HeldOutExample) -> WrittenText:
        if model.model_id == "new":
            return WrittenText(self.candidate(example.prompt))
        return WrittenText(words(example.prompt, "theirs"))


def words(prompt: str, seed: str, count: int = 40) -> str:
    return " ".join(f"{seed}{prompt[-1]}{number}" for number in range(count))


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (lambda prompt: None, "broken: none of its 3 answers can be used"),
        (
            lambda prompt: None if prompt.endswith("1") else words(prompt, "mine"),
            "broken: 1 of its 3 answers cannot be used",
        ),
        (lambda prompt: words(prompt, "theirs"), "inert: it wrote the very words"),
        (lambda prompt: words(prompt, "theirs").upper() + "!", "inert"),
        (lambda prompt: "buy now " * 20, "broken: .* are repetitions"),
        (lambda prompt: words("x", "mine"), "worse: its texts .* are alike"),
        (lambda prompt: words("t", "trained"), "worse: it repeats its training texts"),
    ],
)
def test_a_broken_an_inert_and_a_worse_candidate_are_refused_each_with_its_reason(
    env: FineTuningFactory, candidate: Callable[[str], str | None], reason: str
) -> None:
    held_out(env)
    trained = {"month": MONTH, "example_id": "t", "kind": "sft", "split": "train"}
    env.write("training_examples", {**trained, "completion": words("t", "trained")})
    summary = evaluate_model(
        evaluator(env, Novelist(candidate)), MONTH, CANDIDATE, ACTIVE
    )
    assert not summary.passed
    assert re.search(reason, summary.reason), summary.reason


def test_a_sound_candidate_passes_and_small_numbers_are_said(
    env: FineTuningFactory,
) -> None:
    held_out(env)
    pen = Novelist(lambda prompt: words(prompt, "mine"))
    summary = evaluate_model(evaluator(env, pen), MONTH, CANDIDATE, ACTIVE)
    assert summary.passed and summary.preference == "insufficient"
    assert "preference is insufficient under 30 pairs" in summary.reason
    with env.warehouse.transaction() as con:
        assert evaluation_of(con, "new", "active") == summary, "as it was stored"
    detail, *_ = env.read("SELECT detail FROM evaluations ORDER BY example_id")
    assert "mine" not in detail["detail"], "no word of a text is stored"


@pytest.mark.parametrize(
    ("ahead", "preference"), [(0.3, "better"), (-0.3, "worse"), (0.001, "undecided")]
)
def test_from_thirty_pairs_on_the_preference_has_an_interval(
    ahead: float, preference: str
) -> None:
    noise = [0.1 * (-1) ** number for number in range(30)]
    scores = [1.0 + ahead + part for part in noise]
    found = verdict(scores, [1.0] * 30, [{}] * 30)
    assert found.preference == preference
    assert found.passed is (preference != "worse")
    assert verdict(scores[:29], [1.0] * 29, [{}] * 29).preference == "insufficient"


def many_held_out(env: FineTuningFactory, pairs: int = 40) -> None:
    for number in range(pairs):
        env.write(
            "training_examples",
            {
                "month": MONTH,
                "example_id": f"x{number:02}",
                "kind": "dpo",
                "split": "validation",
                "group_id": f"g{number}",
                "prompt": f"prompt {number:02}",
                "completion": "winner",
                "rejected": "loser",
            },
        )


@pytest.mark.parametrize(
    ("prefers", "preference", "passed"),
    [("mine", "better", True), ("theirs", "worse", False), ("first", None, True)],
)
def test_a_judge_counts_where_both_orders_agree_and_not_where_the_place_decides(
    env: FineTuningFactory, prefers: str, preference: str | None, passed: bool
) -> None:
    many_held_out(env)
    asked: list[tuple[str, str]] = []

    def judge(example: HeldOutExample, first: str, second: str) -> int | None:
        asked.append((first, second))
        return 0 if prefers == "first" else int(prefers in second)

    def write(model: ModelRow, example: HeldOutExample) -> WrittenText:
        who = "mine" if model.model_id == "new" else "theirs"
        return WrittenText(words(example.prompt[-2:], f"{who}{example.prompt[-2:]}x"))

    judging = replace(evaluator(env, write, n=40), judge=judge)
    summary = evaluate_model(judging, MONTH, CANDIDATE, ACTIVE)
    assert (summary.n, len(asked), summary.passed) == (40, 80, passed)
    if preference is None:  # by its scores then, which are all alike
        assert summary.preference == "undecided" and "judge" not in summary.reason
    else:
        assert summary.preference == preference
        assert "judged alike in both orders (95 % interval" in summary.reason


def test_a_judge_is_not_asked_where_nothing_could_be_said(
    env: FineTuningFactory,
) -> None:
    held_out(env)

    def judge(example: HeldOutExample, first: str, second: str) -> int | None:
        raise AssertionError("asked")

    pen = Pen("winner", "loser")
    judging = replace(evaluator(env, pen), judge=judge)
    summary = evaluate_model(judging, MONTH, CANDIDATE, ACTIVE)
    assert summary.passed and summary.preference == "insufficient"


def test_a_candidate_that_says_the_same_phrases_everywhere_is_refused(
    env: FineTuningFactory,
) -> None:
    many_held_out(env, pairs=6)

    def write(model: ModelRow, example: HeldOutExample) -> WrittenText:
        own = words(example.prompt, f"own{example.prompt[-2:]}x")
        if model.model_id == "active":
            return WrittenText(own)
        # Phrases of four words in another order each time, so that sketches of the
        # whole text see little: half of the words are in a phrase of all texts.
        phrases = [f"p{n}a p{n}b p{n}c p{n}d p{n}e p{n}f p{n}g" for n in range(5)]
        turned = phrases[int(example.prompt[-1]) % 5 :] + phrases
        return WrittenText(" ".join(turned[:5]) + " " + own.split()[0])

    summary = evaluate_model(evaluator(env, write), MONTH, CANDIDATE, ACTIVE)
    assert not summary.passed
    assert re.search("alike|same phrases", summary.reason), summary.reason


def test_texts_are_written_side_by_side_and_a_failure_keeps_the_pairs_before_it(
    env: FineTuningFactory,
) -> None:
    held_out(env, 3)
    together = threading.Barrier(2, timeout=30)

    def write(model: ModelRow, example: HeldOutExample) -> WrittenText:
        together.wait()  # one alone would wait until it fails
        return WrittenText("winner" if model is CANDIDATE else "loser")

    side_by_side = replace(evaluator(env, write), max_in_flight=2)
    found = evaluate_model(side_by_side, MONTH, CANDIDATE, ACTIVE)
    assert (found.n, found.mean_score, found.mean_against) == (3, 2.0, 0.0)
    one_by_one = replace(CANDIDATE, model_id="other")
    pen = Pen("winner", "loser")
    pen.texts["other"] = "winner"
    evaluate_model(evaluator(env, pen), MONTH, one_by_one, ACTIVE)
    new, other = (
        env.read(
            "SELECT example_id, score, against_score, detail FROM evaluations "
            "WHERE model_id = ? ORDER BY example_id",
            name,
        )
        for name in ("new", "other")
    )
    assert new == other and len(new) == 3
