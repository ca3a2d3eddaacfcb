"""Defines the schema of a script as writers return it, and its form as one text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ig_assets.core.generation.gates.content_words import stems
from ig_assets.core.identity import normalise_text

HOOK_STYLES: dict[str, str] = {
    "question": "a question the viewer wants answered",
    "bold_claim": "a surprising claim that the body proves",
    "story": "the first line of a small story",
    "number": "a concrete number in the first words",
    "mistake": "a mistake that many make",
    "how_to": "a promise of how to do it",
}

MOST_ON_SCREEN_WORDS = 6

# Only some servers enforce this; an answer with one beat more is not refused.
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


# For the grammar that constrains an answer. It is not validated, since not every server
# enforces patterns.
_SIX_WORDS = r'^[^ \t\n\r"\\]{1,20}( [^ \t\n\r"\\]{1,20}){0,5}$'


def _require_all(schema: dict[str, Any]) -> None:
    """Mark every field of a schema as required, even those with a default."""
    schema["required"] = list(schema["properties"])


class PolishedScript(BaseModel):
    """What a polisher returns: the script and its on-screen text.

    `on_screen_text` follows the hook: as the last field, a model of 1.5B parameters
    wrote it on until the answer was cut off, in 7 of 12 answers. An answer without
    shots is a script all the same.
    """

    model_config = ConfigDict(json_schema_extra=_require_all)

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
    shots: list[str] = Field(
        default_factory=list,
        description="What the camera shows at each beat, at most 8 words",
        json_schema_extra={"maxItems": MOST_BEATS},
    )


# A word of Latin letters and digits with punctuation before or after it, or a number
# with a separator. A grammar of such words excludes foreign scripts, unclosed
# quotations, emojis, and lists without spaces.
_WORD = (
    "([(¿¡]?[A-Za-zÀ-ÖØ-öø-ſ0-9°%€$£'’/&+-]{1,22}[),;:]{0,2}"
    "|[0-9]{1,4}[,.:][0-9]{1,4}[A-Za-z%]{0,3})"
)


def _words(least: int, most: int, end: str = "") -> dict[str, Any]:
    """Return a JSON schema pattern for `least` to `most` words and an optional end.

    `most` exceeds the wanted number, since a model that has reached the limit writes
    further words without spaces.
    """
    return {"pattern": f"^{_WORD}( {_WORD}){{{least - 1},{most - 1}}}{end}$"}


_Hook = Annotated[str, Field(json_schema_extra=_words(5, 16, "[.!?]"))]


def capitalised(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[:1].upper() + text[1:]


def _keeps(say: str, fact: str) -> bool:
    """Return whether a sentence has at least half of its fact's content words.

    `fact` is the fact of the brief that `say`, a spoken sentence, should state. Words
    are compared by their stems. The result is true for a fact without content words.
    """
    asked = stems(fact)
    return 2 * len(asked & stems(say)) >= len(asked)


class Step(BaseModel):
    """One step of the brief, how it is spoken, and what the camera shows."""

    fact: str = Field(json_schema_extra=_words(1, 28, r"\."))
    say: str = Field(json_schema_extra=_words(2, 28, "[.!?]"))
    show: str = Field(json_schema_extra=_words(2, 16))


class SpokenStep(BaseModel):
    """How a step of the brief is spoken, and what the camera shows."""

    say: str = Field(json_schema_extra=_words(2, 28, "[.!?]"))
    show: str = Field(json_schema_extra=_words(2, 16))


class StepsScript(BaseModel):
    """What a small writer returns for the numbered steps of a full brief.

    The steps are in the prompt word for word, so that the answer need not list them.
    """

    steps: list[SpokenStep] = Field(min_length=2, json_schema_extra={"maxItems": 6})
    hooks: list[_Hook] = Field(min_length=1, json_schema_extra={"maxItems": 3})
    call_to_action: str = Field(json_schema_extra=_words(5, 18, "[.!?]"))
    on_screen_text: str = Field(json_schema_extra=_words(1, 12))

    @property
    def beats(self) -> list[str]:
        """Return each step's sentence."""
        return [step.say for step in self.steps]

    @property
    def shots(self) -> list[str]:
        """Return what the camera shows at each step."""
        return [step.show for step in self.steps]


class FactsFirstScript(BaseModel):
    """What a small writer returns: the brief's facts first, then a script of these.

    A model of 1.5B parameters stays with a fact that it has just copied out, and keeps
    to lengths and letters only where a grammar holds it (the patterns, which are for
    languages in Latin letters).
    """

    steps: list[Step] = Field(min_length=2, json_schema_extra={"maxItems": 6})
    hooks: list[_Hook] = Field(min_length=1, json_schema_extra={"maxItems": 3})
    call_to_action: str = Field(json_schema_extra=_words(5, 18, "[.!?]"))
    on_screen_text: str = Field(json_schema_extra=_words(1, 12))

    @property
    def beats(self) -> list[str]:
        """Each step's sentence, or its fact if the sentence does not state it.

        A small model copies a German fact correctly but then says something else.
        """
        return [
            step.say if _keeps(step.say, step.fact) else capitalised(step.fact)
            for step in self.steps
        ]

    @property
    def shots(self) -> list[str]:
        """What the camera shows, one text per step."""
        return [step.show for step in self.steps]


@dataclass(frozen=True)
class Spoken:
    """The parts of a script as they are spoken and shown; `shots` is one text a beat.

    `on_screen_text` and `shots` are None where none were asked for. `from_brief` names
    the parts that are not the model's words but made of the topic and the brief.
    """

    hook: str
    beats: tuple[str, ...]
    call_to_action: str
    on_screen_text: str | None = None
    shots: tuple[str, ...] | None = None
    from_brief: tuple[str, ...] = ()


Answered = ScriptAnswer | PolishedScript | FactsFirstScript | StepsScript
AnswerSchema = (
    type[ScriptAnswer]
    | type[PolishedScript]
    | type[FactsFirstScript]
    | type[StepsScript]
)


def as_answered(script: Answered) -> Spoken:
    """Return a script as the model answered it, with the first of several hooks."""
    if isinstance(script, FactsFirstScript | StepsScript):
        hook = next((h.strip() for h in script.hooks if h.strip()), "")
    else:
        hook = script.hook.strip()
    beats, action = tuple(script.beats), script.call_to_action.strip()
    if isinstance(script, ScriptAnswer):
        return Spoken(hook, beats, action)
    return Spoken(hook, beats, action, script.on_screen_text, tuple(script.shots))


def spoken_beats(beats: Sequence[str], but_not: Sequence[str] = ()) -> list[str]:
    """Return the beats as separate sentences, without repetitions.

    `but_not` are texts that are spoken elsewhere and are left out: small models tend to
    repeat the hook or the call to action among the beats.
    """
    spoken = {text.strip().casefold().rstrip(".!?") for text in but_not}
    sentences = []
    for beat in (beat.strip().rstrip(",;").rstrip() for beat in beats):
        key = beat.casefold().rstrip(".!?")
        if key and key not in spoken:
            spoken.add(key)
            sentences.append(beat if beat[-1] in ".!?…:" else f"{beat}.")
    return sentences


def shots_of(shots: Sequence[str], beats: int) -> tuple[str, ...] | None:
    """Return one shot for each beat, in order; None if their numbers differ.

    They differ if a repeated beat was dropped; the shots can then not be assigned.
    """
    said = tuple(" ".join(shot.split()) for shot in shots)
    return said if all(said) and len(said) == beats else None


def caption(text: str) -> str | None:
    """Return the on-screen text; None if it is empty or longer than six words."""
    words = text.rstrip(" ,;:").split()
    return " ".join(words) if 0 < len(words) <= MOST_ON_SCREEN_WORDS else None


def script_text(hook: str, body: str, call_to_action: str) -> str:
    """Return hook, body and call to action as one normalised text.

    A blank line separates the parts; empty parts are left out.
    """
    parts = (hook, body, call_to_action)
    return normalise_text("\n\n".join(p.strip() for p in parts if p.strip()))


def beats_json(beats: Sequence[str] | None) -> str | None:
    """Return beats as JSON, as a column stores them; None for None."""
    return None if beats is None else json.dumps(beats, ensure_ascii=False)
