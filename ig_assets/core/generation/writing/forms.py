"""Builds a request to a writer: its prompt, and the schema of the answer.

A vendor's model is asked for a script (`ScriptAnswer`), as in training files. A model
on this machine is small. It is asked first for the steps of the brief and then for a
script made of them (`FactsFirstScript`), with one worked example. It is not shown whole
scripts on other topics, since it would copy their content. What it adds to a full brief
is not spoken (`with_brief`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ig_assets.core.corpus.scripts.labels import language_name
from ig_assets.core.generation import prompts
from ig_assets.core.generation.writing.from_brief.spoken import (
    steps_to_speak,
    with_brief,
)
from ig_assets.core.generation.gates.hook_style import label_for
from ig_assets.core.generation.gates.on_brief import brief_coverage
from ig_assets.core.generation.gates.wording import foreign_letters, is_latin
from ig_assets.core.generation.writing.schema import (
    HOOK_STYLES,
    FactsFirstScript,
    Answered,
    AnswerSchema,
    ScriptAnswer,
    Spoken,
    StepsScript,
    as_answered,
)
from ig_assets.core.generation.writing.write import (
    MAX_OUTPUT_TOKENS,
    Finish,
    Sampling,
)

LOCAL = "local"
FACTS_FIRST_TOKENS = 600
FACTS_FIRST_TEMPERATURE = 0.3  # at 0.7 a small model adds more of its own
MOST_HOOK_WORDS = 14

# Prompt and instructions by whether the brief says its steps, and for a control arm.
_SMALL_MODEL_PROMPTS = {
    (True, False): (prompts.STEPS, prompts.STEPS_INSTRUCTIONS),
    (True, True): (prompts.FIRST_STEPS, prompts.FIRST_STEPS_INSTRUCTIONS),
    (False, False): (prompts.FACTS_FIRST, prompts.FACTS_FIRST_INSTRUCTIONS),
    (False, True): (prompts.FIRST_FACTS_FIRST, prompts.FIRST_FACTS_FIRST_INSTRUCTIONS),
}


@dataclass(frozen=True)
class Brief:
    """The request for one text: topic, brief, audience, voice, language and style."""

    topic: str
    brief: str
    audience: str
    brand_voice: str
    language: str
    hook_style: str


@dataclass(frozen=True)
class Form:
    """A rendered prompt, the schema of its answer, and how its script is made of it.

    `most_temperature` bounds the temperature at which it is sampled.
    """

    prompt: prompts.Prompt
    schema: AnswerSchema
    max_output_tokens: int
    finish: Finish = as_answered
    most_temperature: float = 2.0

    def sampling(self, temperature: float, seed: int) -> Sampling:
        """Return how the answer is sampled."""
        return Sampling(min(temperature, self.most_temperature), seed)


def writes_facts_first(provider: str, language: str) -> bool:
    """Return whether a model of this provider lists the brief's facts before it writes.

    The answer is then constrained by a grammar of Latin letters, so the result is False
    for languages with another script.
    """
    return provider == LOCAL and is_latin(language)


def draft_form(
    brief: Brief,
    provider: str,
    references: Sequence[str],
    examples: Sequence[str],
    is_control: bool = False,
    mend: str = "",
) -> Form:
    """Return the form of one arm; a control arm always has the prompt's first version.

    `references` and `examples` are whole scripts; a facts-first prompt shows only their
    first lines. `mend` says what was wrong with the last answer.
    """
    common = _common(brief)
    if writes_facts_first(provider, brief.language):
        common |= {
            "openings": _openings([*examples, *references]),
            "mend": mend,
            "language": brief.language.lower().split("-")[0],
        }
        steps = steps_to_speak(brief.brief, brief.language)
        small: AnswerSchema = StepsScript if steps else FactsFirstScript
        files = _SMALL_MODEL_PROMPTS[bool(steps), is_control]
        prompt = prompts.render(*files, steps=steps, **common)
        finish = partial(_finished, brief)
        return Form(prompt, small, FACTS_FIRST_TOKENS, finish, FACTS_FIRST_TEMPERATURE)
    template, instructions = (
        (prompts.FIRST_DRAFT, prompts.FIRST_DRAFT_INSTRUCTIONS)
        if is_control
        else (prompts.DRAFT, prompts.DRAFT_INSTRUCTIONS)
    )
    prompt = prompts.render(
        template,
        instructions,
        references=list(references),
        examples=list(examples),
        **common,
    )
    return Form(prompt, ScriptAnswer, MAX_OUTPUT_TOKENS)


def _finished(brief: Brief, answer: Answered) -> Spoken:
    assert isinstance(answer, FactsFirstScript | StepsScript)
    choose = partial(best_hook, brief)
    return with_brief(
        answer, brief.topic, brief.brief, brief.language, brief.hook_style, choose
    )


def best_hook(brief: Brief, hooks: Sequence[str]) -> str:
    """Return the best hook by four criteria; the first of equally good ones.

    The criteria, in this order, are: no foreign letters, short enough to speak, on the
    topic, in the requested style.
    """

    def passed(hook: str) -> tuple[bool, ...]:
        known = f"{brief.topic} {brief.brief}"
        label = label_for(hook, brief.hook_style, brief.language)
        return (
            not foreign_letters(hook, brief.language, known),
            len(hook.split()) <= MOST_HOOK_WORDS,
            bool(brief_coverage(hook, brief.topic, brief.brief)),
            label == brief.hook_style,
        )

    return max(hooks, key=passed)


def _common(brief: Brief) -> dict[str, Any]:
    return {
        "topic": brief.topic,
        "brief": brief.brief,
        "audience": brief.audience,
        "brand_voice": brief.brand_voice,
        "language_name": language_name(brief.language),
        "hook_style": brief.hook_style,
        "hook_hint": HOOK_STYLES[brief.hook_style],
    }


def _openings(scripts: Sequence[str]) -> list[str]:
    """Return the first line of each script, in order, without repetitions."""
    firsts = (text.strip().splitlines()[0].strip() for text in scripts if text.strip())
    return list(dict.fromkeys(firsts))
