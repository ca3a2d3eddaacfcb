"""Reads captions (.srt, .vtt): the words that are spoken, without their times.

Times are no part of the script, so that shifted times change nothing. Live and
automatic captions repeat their last lines in the next cue (they roll): a repeated line
counts once. Sounds in brackets, lyrics' signs, speakers' names, comments and styles are
left out. A block without a time is refused, since its words could be lost.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from ig_assets.core.corpus.scripts.note import (
    Block,
    Note,
    unmarked,
    without_cuts,
)
from ig_assets.core.corpus.scripts.script import InvalidSourceError
from ig_assets.core.corpus.scripts.sections.section_words import SPOKEN, section_of
from ig_assets.core.corpus.scripts.spoken.directions import take_directions
from ig_assets.core.corpus.scripts.spoken.speakers import named_start, speakers_of

_STAMP = r"(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
_TIMES = re.compile(rf"\s*({_STAMP})\s*-->\s*({_STAMP})(?:\s.*)?")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|</?\d[\d:.]*>|\{\\[^{}]*\}|\{[biu]\}", re.I)
_VOICE = re.compile(r"<v(?:\.[\w.]+)?\s+[^<>]+>", re.I)
_STRIKE = re.compile(r"<s>.*?</s>", re.I | re.S)
_ROUND_SOUND = re.compile(
    r"^[ \t]*\([^()]*\)[ \t]*:?|\((?=[^()]*[^\W\d_])(?:(?![a-zà-öø-ÿ])[^()])*\)", re.M
)
_OTHER_SOUND = re.compile(
    r"\A\s*#+\s[^#]*#+\s*\Z|(?<!\S)#+(?=\s|\Z)|"
    r"(?:^|(?<=[.!?…]))[ \t]*\*[^*\n]+\*[ \t]*$",
    re.M,
)
_NOTES = re.compile(r"[♪♫]+")
_ONLY_SOUND = re.compile(r"[\s♪♫.,!-]*")
_TURN = re.compile(r"\A>>+\s*")  # another speaker begins
_DASH = re.compile(r"[-–—]\s*(?=\S)")
_HEADER_BLOCKS = {"NOTE": "comment", "STYLE": "style", "REGION": "style"}


class _Cue(NamedTuple):
    start: float
    lines: list[str]


def caption_note(path: str, text: str) -> Note:
    """Return the note of a caption file: one paragraph of what is spoken.

    Raises InvalidSourceError if a block has no times or the file has no cues.
    """
    note = Note()
    cues = list(_cues(unmarked(text), path, note.left_out))
    if not cues:
        raise InvalidSourceError("no captions", "The file has no cue with its times.")
    spoken = _unrolled(_said(cues, note.left_out), note.left_out)
    words = " ".join(spoken).strip()
    if words:
        note.blocks.append(Block(words, is_spoken=True))
    return note


def _cues(text: str, path: str, left_out: Counter[str]) -> Iterator[_Cue]:
    """Yield the cues in the order of the file; their numbers are ignored."""
    is_vtt = text.lstrip().startswith("WEBVTT") or path.lower().endswith(".vtt")
    number = 0
    # In WebVTT a line of one space is part of its cue; YouTube writes such lines.
    for block in re.split(r"\n\n" if is_vtt else r"\n[ \t]*\n", text):
        lines = block.split("\n")
        first = number + 1 + next((n for n, s in enumerate(lines) if s.strip()), 0)
        number += len(lines) + 1
        lines = [line.strip() for line in lines if line.strip()]
        times = [n for n, line in enumerate(lines) if _TIMES.fullmatch(line)]
        kind = lines[0].split()[0] if lines else ""
        if not lines or (is_vtt and kind == "WEBVTT"):
            continue
        if is_vtt and kind in _HEADER_BLOCKS:
            left_out[_HEADER_BLOCKS[kind]] += 1
        elif (
            not times or times[0] > 1 or any("-->" in s for s in lines[times[0] + 1 :])
        ):
            yield from _unclear(lines, times, first)
        else:
            yield _Cue(_seconds(lines[times[0]]), lines[times[0] + 1 :])


def _unclear(lines: list[str], times: list[int], first: int) -> Iterator[_Cue]:
    """Yield the cues of a block in which cues follow each other without a blank line.

    Raises InvalidSourceError if the block has no valid times.
    """
    if not times or times[0] > 1 or len(times) != sum("-->" in s for s in lines):
        raise InvalidSourceError(
            "broken captions",
            f"The block at line {first} has no times such as 00:00:01,000 --> "
            "00:00:02,000; correct or delete it.",
        )
    ends = [n - 1 if lines[n - 1].isdigit() else n for n in times[1:]] + [len(lines)]
    for start, end in zip(times, ends, strict=True):
        yield _Cue(_seconds(lines[start]), lines[start + 1 : end])


def _seconds(line: str) -> float:
    found = _TIMES.fullmatch(line)
    assert found is not None
    seconds = 0.0
    for part in found[1].replace(",", ".").split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def _said(cues: Sequence[_Cue], left_out: Counter[str]) -> Iterator[list[str]]:
    """Yield the spoken lines of each cue in the order of their start times."""
    ordered = sorted(cues, key=lambda cue: cue.start)
    texts = [[_untagged(line, left_out) for line in cue.lines] for cue in ordered]
    speakers = _speakers([line for lines in texts for line in lines])
    is_sung = False
    for lines in texts:
        named = [_unnamed(line, speakers, left_out) for line in lines]
        text, is_sung = _without_song("\n".join(named), is_sung, left_out)
        yield _without_sounds(text, left_out)


def _untagged(line: str, left_out: Counter[str]) -> str:
    left_out["speaker"] += len(_VOICE.findall(line))
    line, struck = _STRIKE.subn("", line)
    left_out["struck out"] += struck
    line = html.unescape(_TAG.sub("", line)).replace("\u200b", "").strip()
    return _DASH.sub("", line, count=1) if _DASH.match(line) else line


def _speakers(lines: Sequence[str]) -> set[str]:
    """Return the names before a colon that are speakers.

    A speaker's name is in capitals, follows `>>`, is a usual name for a speaker, or
    repeats often.
    """
    sure: set[str] = set()
    turns = [_TURN.sub("", line, count=1) for line in lines]
    for line, words in zip(lines, turns, strict=True):
        if found := named_start(words):
            name = found[0]
            is_usual = section_of(name) == SPOKEN or name.startswith("Speaker")
            if words != line or name.isupper() or is_usual:
                sure.add(name)
    return sure | speakers_of(turns)


def _unnamed(line: str, speakers: Collection[str], left_out: Counter[str]) -> str:
    if _TURN.match(line):
        line = _TURN.sub("", line, count=1)
    if (found := named_start(line)) and found[0] in speakers:
        left_out["speaker"] += 1
        return line[found[1] :]
    return line


def _without_song(text: str, is_sung: bool, left_out: Counter[str]) -> tuple[str, bool]:
    """Remove the end of a song that began in an earlier cue (`is_sung`).

    Returns (text, whether a song continues in the next cue).
    """
    if is_sung and _NOTES.search(text):
        if not _NOTES.match(text.lstrip()):  # it ends here
            left_out["sound"] += 1
            return _NOTES.split(text, maxsplit=1)[1], False
    signs = _NOTES.findall(text)
    return text, bool(_NOTES.match(text.lstrip())) and len(signs) == 1


def _without_sounds(text: str, left_out: Counter[str]) -> list[str]:
    """Return the spoken lines of a cue, without sounds and speakers' names.

    In captions these are brackets at the beginning of a line or of a speaker's turn,
    and brackets with words in capitals. Other brackets are treated as in every note.
    """
    text, sounds = _ROUND_SOUND.subn("", text)
    text, others = _OTHER_SOUND.subn("", text)
    left_out["sound"] += sounds + others
    text = without_cuts(take_directions(text, left_out, "sound"))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return [line for line in lines if not _ONLY_SOUND.fullmatch(line)]


def _unrolled(cues: Iterable[list[str]], left_out: Counter[str]) -> list[str]:
    """Return the lines of all cues; in rolling captions each line only once.

    Captions roll if at least a third of the cues begin with the last lines of the cue
    before. A line that grows word by word then also counts once. In captions that do
    not roll, a repeated line is spoken twice.
    """
    said = [lines for lines in cues if lines]
    pairs = list(zip([[], *said], said))
    repeats = [_overlap(before, lines) for before, lines in pairs]
    rolling = [
        n > 0 or lines[0].startswith(before[-1] + " ")
        for n, (before, lines) in list(zip(repeats, pairs, strict=True))[1:]
    ]
    if 3 * sum(rolling) < len(rolling) or not any(rolling):
        return [line for lines in said for line in lines]
    spoken: list[str] = []
    for (before, lines), repeated in zip(pairs, repeats, strict=True):
        left_out["repeated line"] += repeated
        new = lines[repeated:]
        if before and new and new[0].startswith(before[-1] + " "):
            left_out["repeated line"] += 1
            new = [new[0][len(before[-1]) + 1 :], *new[1:]]
        spoken += new
    return spoken


def _overlap(before: Sequence[str], lines: Sequence[str]) -> int:
    """Return the number of lines that end one cue and begin the next one."""
    for n in range(min(len(lines), len(before)), 0, -1):
        if list(lines[:n]) == list(before[len(before) - n :]):
            return n
    return 0
