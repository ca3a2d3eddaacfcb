"""Separates a note's `performance` from the rest of its file.

If the rest of the file is unchanged, the script is too, and only the reading is new.
The two can be separated if `performance` is written once, in the front matter, in the
plain form that tools write:

    performance:            or   performance: {source: export, views: 1200}
      source: export
      views: 1200

A file with any other form is left to the parser of the whole file.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from ig_assets.core.corpus.scripts.decoding import refuse_secrets
from ig_assets.core.corpus.scripts.performance import performance_of
from ig_assets.core.corpus.scripts.script import InvalidSourceError, Performance

_NAME, _FENCE = b"performance", b"---\n"
# Words without any character that has a meaning in YAML.
_VALUE = rb"[0-9A-Za-z][0-9A-Za-z_.-]*(?: [0-9A-Za-z][0-9A-Za-z_.-]*)*"
_PAIR = re.compile(rb"([a-z_]+): (" + _VALUE + rb")")
_PAIRS = rb"[a-z_]+: " + _VALUE
_BLOCK = re.compile(
    rb"^performance:(?: \{" + _PAIRS + rb"(?:, " + _PAIRS + rb")*\}"
    rb"|\n( +)" + _PAIRS + rb"(?:\n\1" + _PAIRS + rb")*)\n(?!\s)",
    re.MULTILINE,
)
_END = re.compile(rb"^(?:---|\.\.\.)\s*$", re.MULTILINE)


class ReadingApart(NamedTuple):
    """The performance in a note, and a hash of everything else in its file."""

    rest_hash: str
    performance: Performance


def reading_apart(content: bytes) -> ReadingApart | None:
    """Return a note's performance and the hash of the rest; None if not separable."""
    if not content.startswith(_FENCE) or content.lower().count(_NAME) != 1:
        return None
    block = _BLOCK.search(content)
    if block is None:
        return None
    end = _END.search(content, len(_FENCE))
    if end is None or end.start() < block.end():
        return None
    written = block[0].decode("ascii")
    pairs = _PAIR.findall(block[0])
    fields = {name.decode("ascii"): value.decode("ascii") for name, value in pairs}
    if len(fields) < len(pairs):
        return None
    try:
        refuse_secrets(written)
        performance, left_out = performance_of({"performance": fields})
    except InvalidSourceError:
        return None
    if performance is None or left_out:
        return None
    lines = b"\n" * block[0].count(b"\n")  # messages may name the lines below
    rest = hashlib.sha256(content[: block.start()])
    rest.update(b"\x00" + lines + content[block.end() :])
    return ReadingApart(rest.hexdigest()[:32], performance)
