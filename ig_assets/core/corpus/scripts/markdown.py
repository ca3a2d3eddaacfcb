"""Parses a Markdown or text file as one script, with optional YAML front matter.

---
id: slow-onions            (missing: the file's path names it)
topic: caramelising onions
hook_style: story
author: jonas
language: en
performance: {source: export, as_of: 2026-01-31, views: 1200, likes: 80}
---
# hook

body

CTA: call to action
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ig_assets.core.corpus.scripts.build import BROKEN, make_script
from ig_assets.core.corpus.scripts.decoding import decoded, refuse_secrets
from ig_assets.core.corpus.scripts.script import InvalidSourceError, ParsedScript

# The C loader is thirteen times faster, but a few ten thousand nested brackets
# overflow its stack and end the process; longer blocks get the Python loader.
_FAST_CHARACTERS = 4_000


def markdown_script(path: str, content: bytes) -> ParsedScript:
    """The script of one file. Raises InvalidSourceError."""
    text = decoded(content)
    if not text.strip():
        raise InvalidSourceError("empty", "The file has no text.")
    refuse_secrets(text)
    fields, rest = _split_front_matter(text)
    return make_script(fields, rest, path, path.rsplit(".", 1)[0])


def _split_front_matter(text: str) -> tuple[Mapping[str, Any], str]:
    lines = text.lstrip("\n").split("\n")
    if lines[0].rstrip() != "---":
        return {}, text
    ends = [n for n, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")]
    if not ends:
        raise InvalidSourceError(BROKEN, "The closing --- is missing.")
    return _front_matter("\n".join(lines[1 : ends[0]])), "\n".join(lines[ends[0] + 1 :])


def _front_matter(block: str) -> Mapping[str, Any]:
    """The named values, every scalar as text: `language: no` is not False."""
    import yaml

    loader = yaml.BaseLoader
    if len(block) <= _FAST_CHARACTERS:
        loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        front = yaml.load(block, Loader=loader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 2}" if mark else ""
        raise InvalidSourceError(BROKEN, f"It is not YAML{where}.") from None
    if front and not isinstance(front, dict):
        raise InvalidSourceError(BROKEN, "It is not a list of `name: value`.")
    return front or {}
