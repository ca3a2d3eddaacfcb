"""Holds versioned prompt files; a change is a new file, released ones are never edited.

Every value is data: `as_data` neutralises characters that could end a tag or begin
another role, so that a script cannot leave its place in the prompt.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from ig_assets.core.corpus.scripts.screening.control_tokens import (
    without_control_tokens,
)

if TYPE_CHECKING:
    from jinja2 import Template

DRAFT = "draft.v2.j2"
DRAFT_INSTRUCTIONS = "draft.instructions.v2.j2"
POLISH = "polish.v3.j2"
FACTS_FIRST = "facts_first.v1.j2"
FACTS_FIRST_INSTRUCTIONS = "facts_first.instructions.v2.j2"
STEPS = "steps.v1.j2"
STEPS_INSTRUCTIONS = "steps.instructions.v1.j2"
HELD_OUT = "held_out.v1.j2"
JUDGE = "judge.v1.j2"
JUDGE_INSTRUCTIONS = "judge.instructions.v1.j2"

# The control arm's prompts, which never change: the loop's lift is measured against
# them. Those of a small model are the ones with which its control arms began.
FIRST_DRAFT = "draft.v1.j2"
FIRST_DRAFT_INSTRUCTIONS = "draft.instructions.v1.j2"
FIRST_FACTS_FIRST = "facts_first.v1.j2"
FIRST_FACTS_FIRST_INSTRUCTIONS = "facts_first.instructions.v2.j2"
FIRST_STEPS = "steps.v1.j2"
FIRST_STEPS_INSTRUCTIONS = "steps.instructions.v1.j2"

# Prompt files that show a worked example, which a text must not copy.
WITH_EXAMPLES = tuple(
    sorted(
        {
            FACTS_FIRST_INSTRUCTIONS,
            STEPS_INSTRUCTIONS,
            FIRST_FACTS_FIRST_INSTRUCTIONS,
            FIRST_STEPS_INSTRUCTIONS,
        }
    )
)


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt, and the hash of the template files from which it was made."""

    instructions: str
    prompt: str
    prompt_hash: str


# Joiners are part of the spelling of some languages and of emojis.
_JOINERS = "\u200c\u200d"


def as_data(text: str) -> str:
    """Return the text without control tokens and without hidden characters.

    `<` becomes `‹` and `[INST]` becomes `(INST)` (see `without_control_tokens`), so
    that neither closing tags of the prompt nor a model's role tokens can occur in it.
    Characters of Unicode's category Cf (zero-width, bidirectional, tags), which a
    person cannot see, are dropped except for joiners.
    """
    visible = (c for c in text if c in _JOINERS or unicodedata.category(c) != "Cf")
    return without_control_tokens("".join(visible))


def _fenced(value: object) -> object:
    if isinstance(value, str):
        return as_data(value)
    if isinstance(value, Sequence):
        return [_fenced(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    raise TypeError(f"a prompt takes texts and numbers, not {type(value).__name__}")


@lru_cache(maxsize=32)
def _source(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@lru_cache(maxsize=32)
def _compiled(source: str) -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, autoescape=False)
    return environment.from_string(source)


def render(template: str, instructions: str, **values: object) -> Prompt:
    """Render a prompt with all values neutralised as data (`as_data`).

    Raises UndefinedError for a missing value, and TypeError for one that is no text,
    number or sequence of these, since its texts would not be neutralised.
    """
    sources = _source(template), _source(instructions)
    data = {name: _fenced(value) for name, value in values.items()}
    prompt, system = (_compiled(s).render(**data) for s in sources)
    digest = hashlib.sha256("\x1f".join(sources).encode("utf-8")).hexdigest()
    return Prompt(system.strip(), prompt.strip(), digest)
