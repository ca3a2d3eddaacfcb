"""The worked examples that prompt files hold, read from the rendered files.

An example that is added later is therefore known as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ig_assets.core.generation import prompts

STYLES = ("question", "bold_claim", "story", "number", "mistake", "how_to")
_ANSWER = re.compile(r"^Answer: (\{.*\})$", re.MULTILINE)


def examples_in(instructions: str, language: str) -> Iterator[dict[str, Any]]:
    """Yield the answers that a prompt file shows as examples, one per hook style.

    `instructions` is the name of the file; one without examples yields nothing.
    """
    for style in STYLES:
        rendered = prompts.render(
            instructions,
            instructions,
            language=language.lower().split("-")[0],
            language_name="",
            hook_style=style,
        ).prompt
        for answer in _ANSWER.findall(rendered):
            yield json.loads(answer)
