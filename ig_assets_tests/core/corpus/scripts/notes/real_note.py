"""What a note of the tests is, and what is to be read from it."""

from __future__ import annotations

from typing import NamedTuple


class RealNote(NamedTuple):
    """A file, the three parts of its script, and how many pieces are left out."""

    path: str
    text: str
    hook: str
    body: str
    call_to_action: str
    left_out: dict[str, int]
