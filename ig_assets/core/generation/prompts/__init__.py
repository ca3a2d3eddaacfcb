"""Versioned prompt files; a landed version is never edited, a change is a new file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

DRAFT = "draft.v1.j2"
DRAFT_INSTRUCTIONS = "draft.instructions.v1.j2"
POLISH = "polish.v1.j2"
HELD_OUT = "held_out.v1.j2"

# What the control arm is written with, for ever: the loop's lift is measured
# against it.
FIRST_DRAFT = "draft.v1.j2"
FIRST_DRAFT_INSTRUCTIONS = "draft.instructions.v1.j2"


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt and the hash of the template files it came from."""

    instructions: str
    prompt: str
    prompt_hash: str


@lru_cache(maxsize=32)
def _source(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def render(template: str, instructions: str, **values: object) -> Prompt:
    """Render a prompt; a value that a template needs and lacks is an error."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, autoescape=False)
    sources = _source(template), _source(instructions)
    prompt, system = (environment.from_string(s).render(**values) for s in sources)
    digest = hashlib.sha256("\x1f".join(sources).encode("utf-8")).hexdigest()
    return Prompt(system.strip(), prompt.strip(), digest)
