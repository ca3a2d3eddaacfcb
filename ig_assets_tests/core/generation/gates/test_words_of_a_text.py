"""What the words of a text show: its brief, its numbers, its letters, its hook."""

from __future__ import annotations

import pytest

from ig_assets.core.generation.gates.hook_style import label_for, styles_by_words
from ig_assets.core.generation.gates.on_brief import (
    brief_coverage,
    contradicted_numbers,
)
from ig_assets.core.generation.gates.wording import (
    foreign_letters,
    on_screen_faults,
    repetition,
)

BRIEF = "Hold the blade at 15 degrees, draw it ten times on each side."


def test_other_forms_of_the_briefs_words_cover_it() -> None:
    said = "Sharpened blades: drawing them on both sides at fifteen degrees."
    assert brief_coverage(said, "sharpening", BRIEF) == pytest.approx(4 / 9, abs=0.12)
    assert brief_coverage("Bread needs salt and time.", "sharpening", BRIEF) == 0.0


def test_a_brief_without_words_that_can_be_told_apart_has_no_coverage() -> None:
    assert brief_coverage("Any text.", "刀を研ぐ" * 0, "") is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        pytest.param("Hold it at 20 degrees.", ["20 degr"], id="a figure"),
        pytest.param("Draw it twelve times.", ["12 time"], id="a word"),
        pytest.param("Draw it 10 times at 15 degrees.", [], id="as the brief"),
        pytest.param("10 times, not 5 times.", [], id="the brief's is among them"),
        pytest.param("Wait 5 minutes.", [], id="of what the brief does not count"),
    ],
)
def test_a_number_contradicts_only_what_the_brief_counts(
    text: str, wrong: list[str]
) -> None:
    assert contradicted_numbers(text, BRIEF) == wrong


def test_two_sentences_that_say_the_same_are_seen_and_a_short_refrain_is_not() -> None:
    once = "Wipe the chain with a dry rag. Oil each link. Wait. Then wait."
    assert repetition(once) < 0.3
    assert repetition(f"{once} Then wipe the chain with a dry rag.") > 0.8


def test_letters_of_the_brief_and_of_the_language_are_not_foreign() -> None:
    assert foreign_letters("Straße, año, façade", "de") == 0
    assert foreign_letters("Secret 秘诀", "en") == 2
    assert foreign_letters("The π rule", "en", known="use π") == 0
    assert foreign_letters("刀を研ぐ", "ja") == 0
    assert foreign_letters("anything", "tlh") is None


def test_on_screen_text_is_judged_by_length_letters_and_language() -> None:
    assert on_screen_faults("Cuchillo afilado en casa", "es") == []
    assert on_screen_faults("Sharpen your kitchen knife today", "es") == [
        "another language"
    ]
    spoken = ("Sharpen it on a mug.",)
    assert on_screen_faults("Sharpen it on the mug", "de", spoken=spoken) == []
    assert on_screen_faults("one two three four five six seven", "en") == ["too long"]


@pytest.mark.parametrize(
    ("hook", "language", "style"),
    [
        ("Why is your knife dull?", "en", "question"),
        ("How to sharpen a knife on a mug.", "en", "how_to"),
        ("So bleiben deine Blumen länger frisch.", "de", "bold_claim"),
        ("So bekommst du deine Messer scharf.", "de", "how_to"),
        ("Cómo afilar un cuchillo con una taza.", "es", "how_to"),
        ("Three strokes make your knife sharp.", "en", "number"),
        ("Meine Messer waren immer stumpf.", "de", "story"),
        ("Nunca pongas la albahaca en la nevera.", "es", "mistake"),
        ("Your mug is the best whetstone.", "en", "bold_claim"),
    ],
)
def test_a_hook_has_the_style_that_its_words_show(
    hook: str, language: str, style: str
) -> None:
    assert styles_by_words(hook, language)[0] == style


def test_a_label_is_kept_where_the_words_allow_it_and_else_changed() -> None:
    both = "I made 3 mistakes with my knife."
    assert {label_for(both, s, "en") for s in ("number", "story", "mistake")} == {
        "number",
        "story",
        "mistake",
    }
    assert label_for("Your mug is the best whetstone.", "question", "en") == (
        "bold_claim"
    )
    counted = "Keeping herbs fresh for two weeks takes a glass."
    assert label_for(counted, "bold_claim", "en") == "bold_claim"
    assert label_for("Two weeks fresh, one glass.", "bold_claim", "en") == "bold_claim"
    assert label_for("Is it sharp?", "bold_claim", "en") == "question"
    assert label_for("Ta tasse est la meilleure pierre.", "story", "fr") == "story"
