"""A writer's answer is completed, or rejected as malformed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from ig_assets.core.generation.gates.spoken_length import (
    spoken_seconds,
    words_per_minute,
)
from ig_assets.core.generation.writing.schema import (
    PolishedScript,
    ScriptAnswer,
    caption,
    script_text,
    spoken_beats,
)

SENTENCES = st.lists(st.text(max_size=30), max_size=6)


@given(beats=SENTENCES, elsewhere=SENTENCES)
def test_beats_end_as_sentences_and_are_not_repeated(
    beats: list[str], elsewhere: list[str]
) -> None:
    spoken = spoken_beats(beats, elsewhere)
    keys = [beat.casefold().rstrip(".!?") for beat in spoken]
    assert len(set(keys)) == len(keys) <= len(beats)
    assert all(beat[-1] in ".!?…:" and beat == beat.strip() for beat in spoken)
    spoken = {text.strip().casefold().rstrip(".!?") for text in elsewhere}
    assert spoken.isdisjoint(keys)


def test_a_beat_that_ends_with_a_comma_ends_as_a_sentence() -> None:
    assert spoken_beats(["Wash it, ", "dry it;", "oil it!"]) == [
        "Wash it.",
        "dry it.",
        "oil it!",
    ]


@given(text=st.text(max_size=80))
def test_a_caption_has_one_to_six_words_or_is_none(text: str) -> None:
    on_screen = caption(text)
    words = text.rstrip(" ,;:").split()
    assert (on_screen is not None) is (0 < len(words) <= 6)
    assert on_screen is None or on_screen.split() == words


@given(answer=st.text(max_size=60))
def test_what_is_not_the_schema_is_refused(answer: str) -> None:
    with pytest.raises(ValidationError):
        ScriptAnswer.model_validate_json(answer)


def test_only_the_polisher_is_asked_for_the_text_on_the_screen() -> None:
    assert "on_screen_text" not in ScriptAnswer.model_json_schema()["required"]
    asked = PolishedScript.model_json_schema()["required"]
    # Not the last one: a small model runs on there until it is cut.
    assert asked == ["hook", "on_screen_text", "beats", "call_to_action", "shots"]


def test_no_model_is_asked_how_long_its_script_takes() -> None:
    assert "hook" in PolishedScript.model_fields
    assert not any("second" in name for name in PolishedScript.model_fields)


@given(
    parts=st.tuples(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
)
def test_a_text_has_its_parts_with_blank_lines_between(
    parts: tuple[str, str, str],
) -> None:
    text = script_text(*parts)
    assert text == text.strip()
    assert not any(part.strip() and not text for part in parts)


# ── how long it takes ─────────────────────────────────────────────────────────
def test_seconds_are_words_over_the_rate_of_the_language() -> None:
    text = " ".join(["word"] * 75)
    assert spoken_seconds(text, "en") == pytest.approx(30.0)
    assert spoken_seconds(text, "EN-gb") == pytest.approx(30.0)
    assert spoken_seconds(text, "de") == pytest.approx(60 * 75 / 118)
    assert spoken_seconds(text, "fi") == pytest.approx(60 * 75 / 121)
    assert spoken_seconds("猫" * 168, "zh") == pytest.approx(60.0)


def test_a_word_with_an_apostrophe_or_a_comma_inside_is_one_word() -> None:
    assert spoken_seconds("It's 1,500 well-known — don't!", "en") == pytest.approx(1.6)


@pytest.mark.parametrize(
    ("language", "read_aloud"),
    [("es", 218), ("fr", 195), ("it", 188), ("pt", 181), ("de", 179), ("xx", 184)],
)
def test_the_rates_have_the_proportion_in_which_texts_were_read_aloud(
    language: str, read_aloud: int
) -> None:
    assert words_per_minute(language) == round(150 * read_aloud / 228)


@given(
    text=st.text(max_size=60), more=st.text(max_size=60), language=st.text(max_size=5)
)
def test_more_words_never_take_less_time(text: str, more: str, language: str) -> None:
    both = spoken_seconds(f"{text} {more}", language)
    assert both >= spoken_seconds(text, language) >= 0.0


def test_the_grammar_of_the_caption_admits_six_words_and_no_more() -> None:
    field = PolishedScript.model_json_schema()["properties"]["on_screen_text"]
    assert re.search(field["pattern"], "Cut the tip, not leaves!")
    for wrong in ("one two three four five six seven", "a\tb", "", 'a "b"', "x" * 21):
        assert not re.search(field["pattern"], wrong)
    PolishedScript.model_validate(
        {
            "hook": "h",
            "on_screen_text": "a server that does not keep to patterns",
            "beats": ["a", "b", "c"],
            "call_to_action": "c",
        }
    )
