from __future__ import annotations

import pytest

from ig_assets.core.fine_tuning.evaluation.judged_pairs import (
    ACTIVE,
    CANDIDATE,
    UNDECIDED,
    Judged,
    in_both_orders,
)
from ig_assets.core.fine_tuning.evaluation.self_bleu import self_bleu, shared_length
from ig_assets.core.fine_tuning.evaluation.verdict import verdict


def own_words(name: str, count: int) -> str:
    return " ".join(f"{name}{number}" for number in range(count))


def test_texts_that_are_alike_have_a_self_bleu_of_one_and_others_one_near_nothing() -> (
    None
):
    alike = self_bleu([own_words("a", 20)] * 3, 20)
    apart = self_bleu([own_words(name, 20) for name in "abc"], 20)
    assert alike == pytest.approx(1.0)
    assert apart is not None and apart < 0.05


def test_longer_texts_do_not_score_higher_since_all_are_cut_to_one_length() -> None:
    short = ["a b c d e f one", "a b c d x y two", "p q r s t u three"]
    long = [f"{text[:-4]} {own_words(text[-3:], 40)}" for text in short]
    assert self_bleu(long, 6) == self_bleu(short, 6)
    assert shared_length(short, long) == 7


def test_bleu_is_that_of_its_definition() -> None:
    # Of the first: 4 of 5 words, 3 of 4 pairs, 2 of 3, 1 of 2 are in the other.
    first, second = "a b c d e", "a b c d f"
    expected = (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    assert self_bleu([first, second], 5) == pytest.approx(expected)


def test_too_few_or_too_short_texts_have_no_figure() -> None:
    assert self_bleu([own_words("a", 20)], 20) is None
    assert self_bleu(["a b c", "a b c"], 3) is None
    assert self_bleu([own_words("a", 20), "short"], 20) is None
    assert shared_length([], ["a b"]) == 0


def test_a_pair_counts_where_both_orders_prefer_one_text() -> None:
    longer = {("mine", "ours!"): 1, ("ours!", "mine"): 0}
    assert in_both_orders(lambda a, b: longer[a, b], "mine", "ours!") == ACTIVE
    assert in_both_orders(lambda a, b: longer[a, b], "ours!", "mine") == CANDIDATE
    assert in_both_orders(lambda a, b: 0, "mine", "ours!") == UNDECIDED
    assert in_both_orders(lambda a, b: None, "mine", "ours!") == UNDECIDED


def test_the_interval_is_wilsons() -> None:
    # (0.5 + z²/80 ± z sqrt(0.25/40 + z²/6400)) / (1 + z²/40) by hand
    low, high = Judged.of([CANDIDATE] * 20 + [ACTIVE] * 20 + [UNDECIDED] * 9).interval
    assert low == pytest.approx(0.3520, abs=1e-4) and high == pytest.approx(1 - low)
    assert Judged(0, 0, 5).interval == (0.0, 1.0)


@pytest.mark.parametrize(
    ("alike", "refused"), [(0.9, True), (0.65, True), (0.6, False), (None, False)]
)
def test_the_figure_of_the_most_texts_refuses(
    alike: float | None, refused: bool
) -> None:
    text = {"usable": True, "repeated": 0.0, "novelty": 1.0, "sketch": []}
    detail: dict[str, object] = {"same": False, "candidate": text, "active": text}
    details = [dict(detail) for _ in range(3)]
    if alike is not None:
        figure = {"candidate": 0.99, "active": 0.1, "words": 20, "texts": 2}
        details[0]["self_bleu"] = figure
        details[2]["self_bleu"] = figure | {"candidate": alike, "texts": 6}
    found = verdict([1.0] * 3, [1.0] * 3, details)
    assert found.passed is not refused
    assert ("self-BLEU" in found.reason) is refused
