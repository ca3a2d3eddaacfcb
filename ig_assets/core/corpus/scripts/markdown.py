"""Parses a Markdown or text file as one script, with optional front matter.

---
id: slow-onions            (default: the file's path)
topic: caramelising onions
hook_style: story
author: jonas
language: en
performance: {source: export, as_of: 2026-01-31, views: 1200, likes: 80}
---
# hook

body

CTA: call to action

Notes of Notion, Obsidian, Google Docs, Bear, Logseq and Roam are read as these tools
write them. What is not spoken is left out and counted.
"""

from __future__ import annotations

from ig_assets.core.corpus.scripts.build import make_note_script
from ig_assets.core.corpus.scripts.decoding import decoded, refuse_secrets
from ig_assets.core.corpus.scripts.note import unmarked
from ig_assets.core.corpus.scripts.notes.blocks import markdown_blocks
from ig_assets.core.corpus.scripts.notes.front_matter import split_front_matter
from ig_assets.core.corpus.scripts.notes.markup import cut_markup, without_data
from ig_assets.core.corpus.scripts.notes.properties import (
    take_inline_fields,
    take_property_lines,
)
from ig_assets.core.corpus.scripts.script import InvalidSourceError, ParsedScript


def markdown_script(path: str, content: bytes) -> ParsedScript:
    """Return the script of one file. Raises InvalidSourceError."""
    text = unmarked(decoded(content))
    if not text.strip():
        raise InvalidSourceError("empty", "The file has no text.")
    text = without_data(text)
    refuse_secrets(text)
    note, rest, first_line = split_front_matter(text)
    note.source = text
    rest = cut_markup(rest, note.left_out, first_line)
    rest = take_inline_fields(rest, note)
    note.blocks = markdown_blocks(rest, note.left_out)
    take_property_lines(note, path)
    return make_note_script(note, path, path.rsplit(".", 1)[0])
