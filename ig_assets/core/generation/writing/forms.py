"""The form in which a writer is asked: its prompt, its schema, what it may answer.

A vendor's model is asked for a script (`ScriptAnswer`), as training files are written.
A model on this machine is small: it is asked for the facts of the brief first and then
for a script of these (`FactsFirstScript`), with one worked example and without whole
scripts on other topics, whose content it would copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ig_assets.core.corpus.scripts.labels import language_name
from ig_assets.core.generation import prompts
from ig_assets.core.generation.gates.hook_style import label_for
from ig_assets.core.generation.gates.on_brief import brief_coverage
from ig_assets.core.generation.gates.wording import foreign_letters, is_latin
from ig_assets.core.generation.writing.schema import (
    HOOK_STYLES,
    FactsFirstScript,
    ScriptAnswer,
)
from ig_assets.core.generation.writing.write import (
    MAX_OUTPUT_TOKENS,
    AnswerSchema,
    BestHook,
)

LOCAL = "local"
FACTS_FIRST_TOKENS = 600
MOST_HOOK_WORDS = 14


@dataclass(frozen=True)
class Brief:
    """What a text is asked for."""

    topic: str
    brief: str
    audience: str
    brand_voice: str
    language: str
    hook_style: str


@dataclass(frozen=True)
class Form:
    """A rendered prompt, the schema of its answer, and how its hook is chosen."""

    prompt: prompts.Prompt
    schema: AnswerSchema
    max_output_tokens: int
    best_hook: BestHook


def writes_facts_first(provider: str, language: str) -> bool:
    """Whether a model of this provider is asked for the facts first.

    Not for a language in other than Latin letters: the grammar knows no others.
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
    """The form of one arm; a control arm keeps the first version for ever.

    `references` and `examples` are whole scripts. Facts first, only their first lines
    are shown. `mend` says what was wrong with the last answer.
    """
    common = _common(brief)
    if writes_facts_first(provider, brief.language) and not is_control:
        prompt = prompts.render(
            prompts.FACTS_FIRST,
            prompts.FACTS_FIRST_INSTRUCTIONS,
            openings=_openings([*examples, *references]),
            mend=mend,
            language=brief.language.lower().split("-")[0],
            **common,
        )
        choose = partial(best_hook, brief)
        return Form(prompt, FactsFirstScript, FACTS_FIRST_TOKENS, choose)
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
    return Form(prompt, ScriptAnswer, MAX_OUTPUT_TOKENS, lambda hooks: hooks[0])


def best_hook(brief: Brief, hooks: Sequence[str]) -> str:
    """The hook that passes most of what a hook can fail alone; the first of equals.

    In this order: no foreign letters, speakable, on the topic, of the style asked for.
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
    """The first line of each script, in order, none twice."""
    firsts = (text.strip().splitlines()[0].strip() for text in scripts if text.strip())
    return list(dict.fromkeys(firsts))
