"""The planted preferences of the simulated audience, by which a learner can win."""

from __future__ import annotations

import numpy as np
import pytest

from ig_assets.adapters.simulated.taste import (
    BRIEF,
    HOOK_LENGTH,
    SCRIPT_LENGTH,
    STYLE_EFFECTS,
    STYLES,
    YOU,
    Taste,
    classified,
    covered,
)


@pytest.mark.parametrize(
    ("hook", "style"),
    [
        ("Does half of the shell always stick?", "question"),
        ("How to boil an egg that peels", "how_to"),
        ("7 minutes make the perfect egg", "number"),
        ("Two steps give potatoes their crust", "number"),
        ("My grandmother never owned a whisk", "story"),
        ("Never start eggs in cold water", "mistake"),
        ("Peeling is decided in the pot", "bold_claim"),
        ("¿Por qué se pega la cáscara?", "question"),
        ("", "bold_claim"),
    ],
)
def test_a_hook_is_what_its_words_are_whatever_its_label(hook: str, style: str) -> None:
    assert classified(hook) == style


def test_each_style_has_one_of_the_planted_effects_and_seeds_differ() -> None:
    drawn = [Taste(seed).of_styles() for seed in range(30)]
    for liked in drawn:
        assert tuple(liked) == STYLES
        assert sorted(liked.values()) == sorted(STYLE_EFFECTS)
    assert len({max(liked, key=lambda s: liked[s]) for liked in drawn}) == 6
    assert Taste(3).of_styles() == Taste(3).of_styles()


def test_speaking_to_the_viewer_and_a_good_length_gain() -> None:
    taste = Taste(7)
    plain = "Peeling is decided long before in the pot"
    assert classified(plain) == classified(plain.replace("Peeling", "Your egg"))
    gained = taste.of_hook(plain.replace("Peeling", "Yours")) - taste.of_hook(plain)
    assert gained == pytest.approx(YOU)
    nine = "Peeling is decided very long before in the pot"
    twice = taste.of_hook(f"{nine} {nine}")
    assert taste.of_hook(nine) - twice == pytest.approx(HOOK_LENGTH)
    longest = taste.of_hook(" ".join([nine] * 9))
    assert taste.of_hook(nine) - longest == pytest.approx(2 * HOOK_LENGTH)


def test_a_text_gains_by_covering_its_brief_and_by_its_length() -> None:
    taste = Taste(7)
    hook, body = "Peeling is decided in the pot", "boiling water shells " * 20
    text = f"{hook}\n\n{body}"
    whole = taste.of_text(text, "boiling the water, stew")
    half = taste.of_text(text, "waters of soup, stews")
    assert covered(text, "boiling water") == 1.0 and covered(text, "") == 0.5
    assert covered(text, "waters or soup") == 0.5
    assert whole - half == pytest.approx(BRIEF * (2 / 3 - 1 / 3))
    longer = f"{hook}\n\n{body} {body} {body}"
    assert taste.of_text(text) - taste.of_text(longer) > SCRIPT_LENGTH


def test_a_drifting_taste_is_another_after_half_its_time_and_back_after_all() -> None:
    taste = Taste(5, drift_months=12)
    then, now, back = (np.array([*taste.of_styles(m).values()]) for m in (0, 6, 12))
    assert then == pytest.approx(np.array([*Taste(5).of_styles().values()]))
    assert now == pytest.approx(-then) and back == pytest.approx(then)
