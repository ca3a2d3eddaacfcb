"""Parses one library file of any kind into its scripts, or into a reject."""

from __future__ import annotations

from dataclasses import dataclass

from ig_assets.core.corpus.scripts.build import make_note_script
from ig_assets.core.corpus.scripts.decoding import decoded, refuse_secrets
from ig_assets.core.corpus.scripts.markdown import markdown_script
from ig_assets.core.corpus.scripts.note import Note, plain
from ig_assets.core.corpus.scripts.notes.captions import caption_note
from ig_assets.core.corpus.scripts.notes.docx import docx_note
from ig_assets.core.corpus.scripts.notes.fountain import fountain_note
from ig_assets.core.corpus.scripts.notes.properties import take_property_lines
from ig_assets.core.corpus.scripts.script import (
    InvalidSourceError,
    LeftOut,
    ParsedScript,
    Reject,
)
from ig_assets.core.corpus.scripts.tables import TABLE_SUFFIXES, parse_table
from ig_assets.core.tabular.damage import DamagedTextError, refuse_damage

# A file's contents follow from its bytes and this number alone: increment it with
# every change of the parsers, so that every file is parsed anew.
READER_VERSION = 12

CAPTION_SUFFIXES = (".srt", ".vtt")
NOTE_SUFFIXES = (".md", ".txt", *CAPTION_SUFFIXES, ".fountain", ".docx")
SUFFIXES = (*NOTE_SUFFIXES, *TABLE_SUFFIXES)
MAX_TABLE_BYTES = 256 * 1024 * 1024
MAX_NOTE_BYTES = 32 * 1024 * 1024
"""Largest size of a note's file in bytes, pictures included.

The note's text has a separate limit.
"""


@dataclass(frozen=True)
class FileContents:
    """The scripts and rejects of one file.

    `unreadable` is true if the file may hold scripts whose ids cannot be read; the
    scripts that it had before are then kept.
    """

    scripts: tuple[ParsedScript, ...]
    rejects: tuple[Reject, ...]
    unreadable: bool = False
    beside: tuple[tuple[str, LeftOut], ...] = ()
    """[(source_uri, left-out pieces)] of parts of the file that are in no script."""

    @property
    def left_out(self) -> list[tuple[str, LeftOut]]:
        """[(source_uri, left-out pieces)] of the file and of each of its scripts."""
        of_scripts = [
            (script.source_uri, left_out)
            for script in self.scripts
            for left_out in script.left_out
        ]
        return [*self.beside, *of_scripts]


def parse_file(path: str, content: bytes) -> FileContents:
    """Return the scripts in a file's bytes. Never raises, whatever the bytes are."""
    try:
        if reject := oversize_reject(path, len(content)):
            return FileContents((), (reject,), unreadable=True)
        if _is_table(path):
            table = parse_table(path, content)
            beside = tuple((path, left_out) for left_out in table.left_out)
            return FileContents(
                tuple(table.scripts), tuple(table.rejects), table.unreadable, beside
            )
        return FileContents((_undamaged(_note_script(path, content)),), ())
    except InvalidSourceError as error:
        reject = Reject(path, error.reason, error.detail)
        return FileContents((), (reject,), unreadable=True)
    except RecursionError:
        reject = Reject(path, "nested too deep", "Its lists or quotes are too deep.")
        return FileContents((), (reject,), unreadable=True)


def oversize_reject(path: str, size: int) -> Reject | None:
    """Return the reject of a file of `size` bytes, or None if the size is allowed."""
    if size <= (MAX_TABLE_BYTES if _is_table(path) else MAX_NOTE_BYTES):
        return None
    reason = "over 256 MiB" if _is_table(path) else "over 32 MiB"
    return Reject(path, reason, f"The file has {size} bytes.")


def _undamaged(script: ParsedScript) -> ParsedScript:
    """Return the script; raise InvalidSourceError if its words have lost characters."""
    try:
        refuse_damage(script.text)
    except DamagedTextError as error:
        raise InvalidSourceError(error.reason, str(error)) from None
    return script


def _note_script(path: str, content: bytes) -> ParsedScript:
    name = path.lower()
    if not name.endswith(NOTE_SUFFIXES[2:]):
        return markdown_script(path, content)
    if name.endswith(".docx"):
        note = docx_note(content)
        refuse_secrets("\n".join(plain(block.text) for block in note.blocks))
        take_property_lines(note, path)
    else:
        note = _text_note(name, content)
    return make_note_script(note, path, path.rsplit(".", 1)[0])


def _text_note(name: str, content: bytes) -> Note:
    text = decoded(content)
    if not text.strip():
        raise InvalidSourceError("empty", "The file has no text.")
    refuse_secrets(text)
    is_caption = name.endswith(CAPTION_SUFFIXES)
    note = caption_note(name, text) if is_caption else fountain_note(text)
    note.source = text
    return note


def _is_table(path: str) -> bool:
    return path.lower().endswith(TABLE_SUFFIXES)
