"""Defines a parsed script, its past performance, and rejected sources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from ig_assets.core.identity import normalise_text, text_hash

MAX_BYTES = 64 * 1024
MAX_ID_LENGTH = 200
BROKEN = "broken front matter"
COUNTS = ("views", "reach", "likes", "comments", "shares", "saves")


@dataclass(frozen=True)
class Performance:
    """Cumulative counts of one script at a naive UTC time; None means not reported."""

    source: str
    as_of: datetime
    views: float | None = None
    reach: float | None = None
    likes: float | None = None
    comments: float | None = None
    shares: float | None = None
    saves: float | None = None

    @property
    def rate(self) -> float | None:
        """Likes per view, or per person reached without views; None if unknown."""
        trials = self.views if self.views is not None else self.reach
        if self.likes is None or not trials:
            return None
        return self.likes / trials


class LeftOut(NamedTuple):
    """Pieces of one kind in a source that its script does not contain.

    `pieces` is their number. `detail` says why a label or a reading cannot be read, or
    what a person should correct; it quotes no value.
    """

    kind: str
    pieces: int
    detail: str = ""


@dataclass(frozen=True)
class ParsedScript:
    """One script of the library; `text` is hook, body and call to action.

    `language` is "" if none is declared, and None if the declared text is no language.
    `source_uri` is the file's path below the library, with `#row` in a table.
    `left_out` has one entry per kind.
    """

    script_id: str
    source_uri: str
    author: str | None
    topic: str
    hook_style: str
    hook: str
    body: str
    call_to_action: str
    text: str
    language: str | None
    performance: Performance | None = None
    left_out: tuple[LeftOut, ...] = ()

    @cached_property
    def revision_hash(self) -> str:
        """SHA-256 (hex) of the normalised text."""
        return text_hash(self.text)


@dataclass(frozen=True)
class Reject:
    """A source that cannot be used; `detail` quotes nothing of its text."""

    source_uri: str
    reason: str
    detail: str


class InvalidSourceError(Exception):
    """Raised if a file or row is rejected, with `args` (reason, detail).

    Readers turn it into a `Reject`; it never leaves them.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def join_script(hook: str, body: str, call_to_action: str) -> str:
    """Return the text of a script: its parts, joined by blank lines, normalised."""
    parts = (hook.strip(), body.strip(), call_to_action.strip())
    return normalise_text("\n\n".join(part for part in parts if part))
