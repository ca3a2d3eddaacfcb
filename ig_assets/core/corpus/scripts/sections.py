"""Splits a script's text into hook, body and call to action.

The hook is the first line `# hook`, or the section below a heading `# Hook` where
there is a heading `# Body` or `# Script` too, or given by name. The call to action
is the last paragraph `CTA: …`, the section below a heading `## CTA` or `## Call to
action`, or given by name.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ig_assets.core.corpus.scripts.script import InvalidSourceError
from ig_assets.core.identity import normalise_text

_HEADING = re.compile(r"#{1,6}[ \t]+(\S.*)")
_CALL_TO_ACTION = re.compile(r"(?:CTA|call[ -]to[ -]action):\s*", re.IGNORECASE)
_SECTIONS = {
    "hook": "hook",
    "body": "body",
    "script": "body",
    "cta": "call to action",
    "call to action": "call to action",
    "call-to-action": "call to action",
}


class Parts(NamedTuple):
    """The three parts of a script; body and call to action may be empty."""

    hook: str
    body: str
    call_to_action: str


def split_parts(
    text: str, hook: str = "", call_to_action: str = "", plain_hook: bool = False
) -> Parts:
    """The parts of a text; a `hook` or `call_to_action` given by name comes first.

    With `plain_hook` the first line is the hook even where it is no heading. Raises
    InvalidSourceError when there is no hook, or two different calls to action.
    """
    sections = _sections(normalise_text(text))
    lead = _trimmed(sections["lead"])
    headed, _, after_hook = _trimmed(sections["hook"]).partition("\n\n")
    hook, headed = _one_line(hook), _one_line(headed)
    if hook and headed and headed != hook:
        after_hook = f"{headed}\n\n{after_hook}"
    hook = hook or headed
    first, _, rest = lead.partition("\n")
    if not hook:
        hook, lead = _hook_line(first, plain_hook), rest
    elif _without_marks(first) == hook:
        lead = rest
    pieces = (lead, after_hook, _trimmed(sections["body"]))
    body = "\n\n".join(piece.strip() for piece in pieces if piece.strip())
    found_call = _trimmed(sections["call to action"])
    if not found_call:
        body, found_call = _split_off_call_to_action(body)
    given_call = normalise_text(call_to_action)
    if given_call and found_call and given_call != found_call:
        raise InvalidSourceError(
            "two calls to action", "The text and its labels have different ones."
        )
    return Parts(hook, body, given_call or found_call)


def _sections(text: str) -> dict[str, list[str]]:
    """The lines below each named heading; `lead` are those before the first."""
    sections: dict[str, list[str]] = {
        name: [] for name in ("lead", "hook", "body", "call to action")
    }
    lines = text.split("\n")
    titles = [_section_of(line) for line in lines]
    current = "lead"
    for line, title in zip(lines, titles, strict=True):
        if title and (title != "hook" or "body" in titles):
            current = title
            continue
        if current in ("hook", "call to action") and _HEADING.fullmatch(line):
            current = "body"
        sections[current].append(line)
    return sections


def _section_of(line: str) -> str | None:
    if line.startswith("#") and (heading := _HEADING.fullmatch(line)):
        return _SECTIONS.get(heading.group(1).strip(" \t#:*").casefold())
    return None


def _trimmed(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines).strip())


def _one_line(text: str) -> str:
    return " ".join(normalise_text(text).split("\n"))


def _without_marks(line: str) -> str:
    heading = _HEADING.fullmatch(line)
    return heading.group(1) if heading else line


def _hook_line(line: str, plain_hook: bool) -> str:
    if _HEADING.fullmatch(line) or (plain_hook and line):
        return _without_marks(line)
    raise InvalidSourceError("no hook", "The text does not start with a line `# hook`.")


def _split_off_call_to_action(body: str) -> tuple[str, str]:
    before, separator, last = body.rpartition("\n\n")
    if start := _CALL_TO_ACTION.match(last):
        return before, last[start.end() :].strip()
    return body, ""
