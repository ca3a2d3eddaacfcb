"""The shape of a script as writers return it, and as one text."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydantic import BaseModel, Field

from ig_assets.core.identity import normalise_text

HOOK_STYLES: dict[str, str] = {
    "question": "a question the viewer wants answered",
    "bold_claim": "a surprising claim that the body proves",
    "story": "the first line of a small story",
    "number": "a concrete number in the first words",
    "mistake": "a mistake that many make",
    "how_to": "a promise of how to do it",
}

LANGUAGE_NAMES = {
    "en": "English",
    "es": "Spanish",
    "de": "German",
    "fr": "French",
    "it": "Italian",
    "pt": "Portuguese",
}


MOST_ON_SCREEN_WORDS = 6


# What a writer is held to where its server can; one beat more is no reason to refuse.
MOST_BEATS = 4


class ScriptAnswer(BaseModel):
    """What a writer returns."""

    hook: str = Field(description="One sentence of at most 12 words")
    beats: list[str] = Field(
        min_length=3,
        description="Short spoken sentences",
        json_schema_extra={"maxItems": MOST_BEATS},
    )
    call_to_action: str = Field(description="One sentence")


# For the grammar that a writer's answer is held to. No answer is refused for it, since
# not every server keeps to patterns.
_SIX_WORDS = r'^[^ \t\n\r"\\]{1,20}( [^ \t\n\r"\\]{1,20}){0,5}$'


class PolishedScript(BaseModel):
    """What a polisher returns: the script and what stands on the screen with it.

    The text on the screen comes right after the hook that it is shown with: as the
    last field a model of 1.5B ran on until it was cut, in 7 of 12 answers.
    """

    hook: str = Field(description="One sentence of at most 12 words")
    on_screen_text: str = Field(
        description="At most 6 words, shown with the hook",
        json_schema_extra={"pattern": _SIX_WORDS},
    )
    beats: list[str] = Field(
        min_length=3,
        description="Short spoken sentences",
        json_schema_extra={"maxItems": MOST_BEATS},
    )
    call_to_action: str = Field(description="One sentence")


def spoken_beats(beats: Sequence[str], but_not: Sequence[str] = ()) -> list[str]:
    """The beats that are spoken: each ends as a sentence, none is said twice.

    Small models like to repeat the hook or the call to action among the beats;
    `but_not` names the texts that are spoken elsewhere.
    """
    said = {text.strip().casefold().rstrip(".!?") for text in but_not}
    sentences = []
    for beat in (beat.strip().rstrip(",;").rstrip() for beat in beats):
        key = beat.casefold().rstrip(".!?")
        if key and key not in said:
            said.add(key)
            sentences.append(beat if beat[-1] in ".!?…:" else f"{beat}.")
    return sentences


def caption(text: str) -> str | None:
    """The on-screen text where it keeps to six words; half of one would be worse."""
    words = text.split()
    return " ".join(words) if 0 < len(words) <= MOST_ON_SCREEN_WORDS else None


def script_text(hook: str, body: str, call_to_action: str) -> str:
    """Hook, body and call to action as one normalised text, blank lines between."""
    parts = (hook, body, call_to_action)
    return normalise_text("\n\n".join(p.strip() for p in parts if p.strip()))


def language_name(code: str) -> str:
    """The English name of a language code, or the code itself."""
    return LANGUAGE_NAMES.get(code.lower(), code)


def beats_json(beats: Sequence[str] | None) -> str | None:
    """Beats as a column keeps them."""
    return None if beats is None else json.dumps(beats, ensure_ascii=False)
