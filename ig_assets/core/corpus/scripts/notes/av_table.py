"""Reads a table of a note, and decides which of its cells are spoken.

A script in columns (audio beside video) has a header that names its columns. In a table
of two columns, the first cell of each row may name the part of the script in the second
cell. Any other table is not a script.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ig_assets.core.corpus.scripts.note import Block, plain
from ig_assets.core.corpus.scripts.sections.section_words import (
    BODY,
    CALL_TO_ACTION,
    CUE,
    HOOK,
    SPOKEN,
    bare_word,
    section_of,
)

_SAID = (HOOK, BODY, CALL_TO_ACTION, SPOKEN)
_NAME_WORDS = 3
_PERSONS = frozenset("""
    speaker sprecher sprecherin talent host presenter creator narrator moderator
    moderatorin presentador presentadora présentateur présentatrice narrador narradora
    narrateur narratrice narratore conduttore conduttrice apresentador apresentadora
""".split())
_PART_LEVEL = 6  # level of the heading that a named row becomes


def table_blocks(rows: Sequence[Sequence[str]], left_out: Counter[str]) -> list[Block]:
    """Return the spoken cells of a table; count the others in `left_out`.

    `rows` are texts with the marks of `note`, the header first.
    """
    header = [section_of(plain(cell)) for cell in rows[0]] if rows else []
    if any(section in _SAID for section in header) and len(rows) > 1:
        return _columns(rows, header, left_out)
    parts = [section_of(plain(row[0])) if row else None for row in rows]
    if any(part in _SAID for part in parts):
        return _named_rows(rows, parts, left_out)
    left_out["table"] += 1
    return []


def _columns(
    rows: Sequence[Sequence[str]],
    header: Sequence[str | None],
    left_out: Counter[str],
) -> list[Block]:
    blocks: list[Block] = []
    names = _column_of_names(rows, header)
    if names is not None:
        left_out["speaker"] += sum(bool(plain(row[names])) for row in rows[1:])
        rows = [[*row[:names], *row[names + 1 :]] for row in rows]
        header = [*header[:names], *header[names + 1 :]]
    several = len({section for section in header if section in _SAID}) > 1
    for row in rows[1:]:
        for cell, section, title in zip(row, header, rows[0]):
            words = plain(cell)
            if not words:
                continue
            if section in _SAID:
                if several:
                    blocks.append(Block(plain(title), _PART_LEVEL))
                blocks.append(Block(cell, is_spoken=True))
            elif section is None and section_of(words) is not None:
                blocks.append(Block(words, _PART_LEVEL))
            else:
                left_out["cue" if section == CUE else "table cell"] += 1
    return blocks


def _column_of_names(
    rows: Sequence[Sequence[str]], header: Sequence[str | None]
) -> int | None:
    """Return the index of the column that names the speakers, or None.

    Its header is a word such as `Speaker`, and another column has the spoken words.
    """
    said = [place for place, section in enumerate(header) if section in _SAID]
    for place in said if len(said) > 1 else []:
        is_person = bare_word(plain(rows[0][place])) in _PERSONS
        if not is_person or any(len(row) <= place for row in rows):
            continue
        cells = [plain(row[place]) for row in rows[1:]]
        if any(cells) and all(map(_may_be_name, filter(None, cells))):
            return place
    return None


def _may_be_name(words: str) -> bool:
    is_short = len(words.split()) <= _NAME_WORDS
    return is_short and not words.endswith((".", "!", "?", "…", ","))


def _named_rows(
    rows: Sequence[Sequence[str]],
    parts: Sequence[str | None],
    left_out: Counter[str],
) -> list[Block]:
    blocks: list[Block] = []
    for row, part in zip(rows, parts, strict=True):
        cells = [cell for cell in row[1:] if plain(cell)]
        if part is None:
            left_out["table cell"] += len([cell for cell in row if plain(cell)])
            continue
        blocks.append(Block(plain(row[0]), _PART_LEVEL))
        blocks += [Block(cell) for cell in cells]
    return blocks
