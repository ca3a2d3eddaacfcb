"""Renders a stored brief as the prompt of a draft, for training and evaluation.

A training set stores a brief as text (`training_prompt`). This module renders it by the
templates of drafts, without retrieved scripts. A training line with retrieved scripts
would send the words of other people's scripts to a vendor, could show held-out texts,
and would teach the model to copy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ig_assets.core.corpus.scripts.labels import language_name
from ig_assets.core.generation import prompts
from ig_assets.core.generation.writing.schema import HOOK_STYLES

_BRIEF = re.compile(
    r"Topic: (?P<topic>.*?)(?:\nBrief: (?P<brief>.*?))?"
    r"(?:\nAudience: (?P<audience>.*?))?(?:\nVoice: (?P<voice>.*?))?"
    r"\nLanguage: (?P<language>[^\n]*)"
    r"(?:\nHook style: (?P<style>[^\n]*))?"
    r'\n\nWrite one new script about "(?P=topic)"\.',
    re.DOTALL,
)
_NO_STYLE = "Hook style:  ()\n"


def asked_prompt(brief: str, examples: Sequence[str] = ()) -> prompts.Prompt | None:
    """Return the prompt of a draft for a stored brief; None for any other text.

    `examples` are winners that a few-shot model shows.
    """
    found = _BRIEF.fullmatch(brief)
    if found is None:
        return None
    style = found["style"] or ""
    asked = prompts.render(
        prompts.DRAFT,
        prompts.DRAFT_INSTRUCTIONS,
        topic=found["topic"],
        brief=found["brief"] or "",
        audience=found["audience"] or "",
        brand_voice=found["voice"] or "",
        language_name=language_name(found["language"]),
        hook_style=style,
        hook_hint=HOOK_STYLES.get(style, ""),
        references=[],
        examples=list(examples),
    )
    words = asked.prompt if style else asked.prompt.replace(_NO_STYLE, "", 1)
    return replace(asked, prompt=words)
