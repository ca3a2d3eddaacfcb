"""Reads front matter, YAML between `---` or TOML between `+++`, label by label.

If the block cannot be read as a whole, it is read again in pieces of one label each, so
that only the labels whose value cannot be read are lost.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from typing import Any

from ig_assets.core.corpus.scripts.note import Note
from ig_assets.core.corpus.scripts.notes.labels import our_name
from ig_assets.core.corpus.scripts.script import BROKEN, InvalidSourceError

# The C loader is thirteen times faster, but a few ten thousand nested brackets
# overflow its stack and end the process; longer blocks get the Python loader.
_FAST_CHARACTERS = 4_000
_UNREAD = object()

_YAML_LABEL = re.compile(r"[\"']?([^\s#\-\"':{}\[\]][^:\n]*?)[\"']?[ \t]*:(?:\s|$)")
_TOML_LABEL = re.compile(r"[\"']?([\w.-]+)[\"']?[ \t]*=|\[+([\w. -]+)\]+")


def split_front_matter(text: str) -> tuple[Note, str, int]:
    """Return (note with the block's values, text below the block, line number).

    The text begins on the line with this number. Values with a name that is none of our
    labels are counted as properties. Raises InvalidSourceError if the block does not
    end or has no labels at all.
    """
    note = Note()
    body = text.lstrip("\n")
    skipped = len(text) - len(body)
    lines = body.split("\n")
    fence = lines[0].rstrip()
    if fence not in ("---", "+++"):
        return note, text, 1
    closing = ("---", "...") if fence == "---" else ("+++",)
    ends = [n for n, line in enumerate(lines[1:], 1) if line.rstrip() in closing]
    if not ends:
        raise InvalidSourceError(BROKEN, f"The closing {fence} is missing.")
    block = "\n".join(lines[1 : ends[0]])
    values = _yaml(block) if fence == "---" else _toml(block)
    for name, value in values.items():
        ours = our_name(name)
        if ours is None:
            note.left_out["property"] += 1
        elif value is _UNREAD:
            note.unread.add(ours)
        else:
            note.fields.setdefault(ours, value)
    return note, "\n".join(lines[ends[0] + 1 :]), skipped + ends[0] + 2


def _yaml(block: str) -> dict[str, Any]:
    """Return {name: value}, with every scalar as text: `language: no` is not False."""
    import yaml

    loader: Any = yaml.BaseLoader
    if len(block) <= _FAST_CHARACTERS:
        loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

    def read(piece: str) -> Any:
        try:
            return yaml.load(piece, Loader=loader)
        except (yaml.YAMLError, RecursionError, ValueError, TypeError):
            return _UNREAD

    whole = read(block)
    if isinstance(whole, dict):
        return {str(name): value for name, value in whole.items()}
    if whole is not _UNREAD and whole is not None:
        raise InvalidSourceError(BROKEN, "It is not a list of `name: value`.")
    return _in_pieces(block, _YAML_LABEL, read)


def _toml(block: str) -> dict[str, Any]:
    def read(piece: str) -> Any:
        try:
            return _as_texts(tomllib.loads(piece))
        except (tomllib.TOMLDecodeError, RecursionError, ValueError):
            return _UNREAD

    whole = read(block)
    if isinstance(whole, dict):
        return whole
    return _in_pieces(block, _TOML_LABEL, read)


def _in_pieces(
    block: str, label: re.Pattern[str], read: Callable[[str], Any]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, piece in _pieces(block, label):
        value = read(piece)
        if isinstance(value, Mapping):
            values.update(value if len(value) == 1 else {name: _UNREAD})
        else:
            values[name] = _UNREAD
    if not values and block.strip():
        raise InvalidSourceError(BROKEN, "It is not a list of `name: value`.")
    return values


def _pieces(block: str, label: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Yield (label, all lines that belong to it, up to the next label)."""
    name, lines = "", list[str]()
    for line in block.split("\n"):
        if found := label.match(line):
            if name:
                yield name, "\n".join(lines)
            name, lines = next(filter(None, found.groups())), []
        lines.append(line)
    if name:
        yield name, "\n".join(lines)


def _as_texts(value: Any) -> Any:
    """Return a TOML value with every scalar as text, as `_yaml` returns scalars."""
    if isinstance(value, dict):
        return {name: _as_texts(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_texts(inner) for inner in value]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value)
