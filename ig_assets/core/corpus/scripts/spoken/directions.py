"""Takes stage directions out of spoken words, by one rule for every kind of note.

Text in square brackets (`[zoom in]`) is a direction. Exceptions are labels (`[HOOK]`,
`[CTA: Save this]`), which name a part of the script, and blanks to fill in (`[product
name]`), which stay and are counted. Text in round brackets or emphasis (`(smiles)`,
`*laughs*`) is a direction if its words are those of one (`direction_words.py`);
otherwise it is a spoken aside. Text between signs of music is sung, and is not spoken.
"""

from __future__ import annotations

import re
from collections import Counter

from ig_assets.core.corpus.scripts.note import (
    CUT,
    EMPHASIS,
    END_EMPHASIS,
    END_STRONG,
    STRONG,
    Pieces,
    plain,
)
from ig_assets.core.corpus.scripts.script import InvalidSourceError
from ig_assets.core.corpus.scripts.sections.section_words import (
    BODY,
    CALL_TO_ACTION,
    CUE,
    HOOK,
    NOTE,
    SPOKEN,
    is_weak,
    section_of,
)
from ig_assets.core.corpus.scripts.spoken.direction_words import (
    folded,
    is_certain_direction,
    is_direction,
    is_time,
)

PLACEHOLDER = "placeholder"
"""Kind of a blank that somebody has to fill in; it is counted and stays in the text."""

_MARKED = f"[ \\t{STRONG}{END_STRONG}{EMPHASIS}{END_EMPHASIS}{CUT}]*"
_LINE_START = re.compile(rf"{_MARKED}(?:(?:[-*+\u2022]|\d{{1,9}}[.)])[ \t]+)?{_MARKED}")
_MAY_HAVE = re.compile(f"[\\[(\\]\uff3b*_\u266a-\u266c\u2610-\u2612{EMPHASIS}]|\\d:\\d")
_MAY_HAVE_EMOJI = re.compile("\U0001f3b5|\U0001f3b6")

_TO_DO = re.compile(r"^[ \t]*(?:\[[ xX/-]?\]|[\u2610-\u2612])[ \t]+\S.*$", re.M)
_TIMED_LINE = re.compile(
    r"^(?P<start>[ \t]*)(?:\d{1,2}:\d{2}(?::\d{2})?"
    r"(?:[ \t]*[-\u2010-\u2015][ \t]*\d{1,2}:\d{2}(?::\d{2})?)?[ \t]*$|"
    r"0{1,2}:\d{2}(?::\d{2})?"
    r"(?:[ \t]*[-\u2010-\u2015][ \t]*\d{1,2}:\d{2}(?::\d{2})?)?"
    r"[ \t]*[|:\u2013\u2014-]?[ \t]+)",
    re.M,
)
_LINK = re.compile(r"\[([^\[\]\n]+)\]\((?:https?:|mailto:|www\.)[^()\s]*\)")
_SQUARE = re.compile(
    r"[\[\uff3b]([^\[\]\uff3b\uff3d]{0,600})[\]\uff3d]([ \t]*[:\uff1a])?"
)
_OPEN = re.compile(r"\[\s?\w")
_ROUND = re.compile(r"[(\uff08]([^()\uff08\uff09]{1,300})[)\uff09]")
_EMPHASISED = re.compile(
    rf"{EMPHASIS}([^{EMPHASIS}{END_EMPHASIS}]*){END_EMPHASIS}|"
    r"(?<![*\w\\])\*(?=[^\s*])([^*\n]{1,80}?)(?<=[^\s*])\*(?![*\w])|"
    r"(?<![_\w\\])_(?=[^\s_])([^_\n]{1,80}?)(?<=[^\s_])_(?![_\w])"
)
_SUNG = re.compile(
    "[\u266a-\u266c]+[^\u266a-\u266c]{1,600}?[\u266a-\u266c]+"
    "|^[ \t]*[\u266a-\u266c]+[ \t]*\\S[^\n]*"
    "|[\u266a-\u266c]+"
    "|^[ \t]*[\U0001f3b5\U0001f3b6]+[^\n]{1,600}?[\U0001f3b5\U0001f3b6]+[ \t]*$",
    re.M,
)
_SHOWN = re.compile(
    r"^(?P<start>[ \t]*)[(\[](?P<label>[^()\[\]\n]{2,40})[)\]][ \t]*"
    r"[:\uff1a\u2013\u2014-]?[ \t]*"
    r"[\"\u201c\u201e\u00ab][^\"\u201c\u201d\u00bb\n]+[\"\u201c\u201d\u00bb]"
    r"[.!]?[ \t]*$",
    re.M,
)
"""Matches quoted words after a label for what is shown: `(on-screen text) "Salt"`."""

_SEEN_WORDS = re.compile(
    "text|screen|overlay|super|title|card|third|einblendung|bauchbinde|texto|texte|"
    "testo|tela|schermo",
    re.I,
)

_REFERENCE = re.compile(r"\d{1,3}(?:\s*[,\u2013-]\s*\d{1,3})*")
_EDGE_TIME = re.compile(
    r"^[\s|,\u2013\u2014-]*(?:\d{1,2}:\d{2}|\d{1,3}s?)\s*(?:[-\u2010-\u2015]\s*"
    r"(?:\d{1,2}:\d{2}|\d{1,3})\s*(?:s|sec|sek)?)?[\s|,\u2013\u2014-]+(?=[^\W\d])|"
    r"[\s|,(\u2013\u2014-]+(?:\d{1,2}:\d{2}|\d{1,3}s?)\s*(?:[-\u2010-\u2015]\s*"
    r"(?:\d{1,2}:\d{2}|\d{1,3})\s*(?:s|sec|sek)?)?[)\s]*$",
    re.I,
)
_EMPTIED = re.compile(
    rf"{STRONG}[ \t]*(?:{CUT}[ \t]*)+{END_STRONG}|"
    rf"{EMPHASIS}[ \t]*(?:{CUT}[ \t]*)+{END_EMPHASIS}"
)
_BETWEEN_DASHES = re.compile(
    rf"(?<=[ \t])([\u2013\u2014-])[ \t]*(?:{CUT}[ \t]*)+\1(?=[ \t])"
)
_EMPTY_ITEM = re.compile(
    rf"^[ \t]*(?:[-*+\u2022]|\d{{1,9}}[.)])[ \t]+(?:{CUT}[ \t]*)+$", re.M
)

_BLANKS = frozenset("""
    name product brand company city price number date topic link code handle website
    url title client discount percent amount produkt produktname marke firma stadt preis
    zahl datum thema nombre producto marca empresa ciudad precio fecha tema nom produit
    marque entreprise ville prix prodotto marchio azienda citta prezzo produto cidade
    preco he she they him her them his hers euro euros eur usd dollar dollars pound
    pounds percentage er sie ihm ihn
""".split())
_ABOUT_BLANKS = frozenset("""
    your the insert enter our my a an of their x xx xyz dein deine deinen ihr ihre
    unser unsere tu su nuestro el la ton votre notre le il tuo nostro seu sua o del
    de du here hier s or oder
""".split())
_SENTENCE_END = ".!?\u2026:;\u2014\u2013-\"\u201d\u2019')\u00bb"


def take_directions(text: str, left_out: Counter[str], kind: str = "cue") -> str:
    """Return the text of a block with `note.CUT` in place of unspoken pieces.

    `left_out` counts the pieces by kind; directions are of `kind`. Lines may change if
    a label in brackets begins a part of the script. Raises InvalidSourceError if a
    square bracket is never closed, since it is unknown where the spoken words continue.
    """
    if not _MAY_HAVE.search(text) and not _MAY_HAVE_EMOJI.search(text):
        return text
    taker = _Taker(left_out, kind)
    text = taker.cut(_TO_DO, text, "to-do")
    text = taker.cut(_SUNG, text, "sound" if kind == "sound" else kind)
    text, times = _TIMED_LINE.subn(rf"\g<start>{CUT}", text)
    left_out["time"] += times
    text, links = _LINK.subn(r"\1", text)
    left_out["link"] += links
    text = _SHOWN.sub(taker.shown, text)
    text = _SQUARE.sub(taker.square, text)
    if _OPEN.search(text, 0) and taker.is_open(text):
        raise InvalidSourceError(
            "open bracket",
            "A square bracket is opened and never closed; close it with `]` where the "
            "direction ends.",
        )
    text = _ROUND.sub(taker.round, text)
    text = _EMPHASISED.sub(taker.emphasised, text)
    text = _BETWEEN_DASHES.sub(r"\1", _EMPTIED.sub(CUT, text))
    return _EMPTY_ITEM.sub(CUT, text)


def has_directions(text: str) -> bool:
    """Return whether a text has directions in brackets: `[zoom in]`, `(laughs)`."""
    if "[" not in text and "(" not in text:
        return False
    found = (*_SQUARE.finditer(text), *_ROUND.finditer(text))
    return any(is_direction(f[1]) and not is_time(f[1]) for f in found)


class _Taker:
    """Decides about one pair of brackets, quotes or stars at a time.

    Except for `is_open`, its methods return the text that replaces a match.
    """

    def __init__(self, left_out: Counter[str], kind: str) -> None:
        self._left_out = left_out
        self._kind = kind
        self._kept: list[str] = []

    def cut(self, pattern: re.Pattern[str], text: str, kind: str) -> str:
        text, pieces = pattern.subn(CUT, text)
        self._left_out[kind] += pieces
        return text

    def shown(self, found: re.Match[str]) -> str:
        """Return CUT for quoted words labelled as shown on screen, else the text."""
        if section_of(found["label"]) != CUE or not _SEEN_WORDS.search(found["label"]):
            return found[0]
        self._left_out[self._kind] += 1
        return found["start"] + CUT

    def square(self, found: re.Match[str]) -> str:
        """Return the text that replaces square brackets.

        A label stays with its words, a blank to fill in stays as it is, and everything
        else becomes CUT.
        """
        inner, colon = plain(found[1]), found[2] or ""
        begins, ends = _place(found)
        if label := _label_in(inner, ends and begins and not colon):
            name, rest = label
            return f"{'' if begins else chr(10)}{name}: {rest}"
        if begins and colon:
            if section_of(inner) is not None:
                return f"{STRONG}{inner}:{END_STRONG}"
            self._left_out["speaker"] += 1
            return CUT
        if _REFERENCE.fullmatch(inner):
            self._left_out["footnote"] += 1
        elif _is_blank(inner) and not (begins and ends):
            self._left_out[PLACEHOLDER] += 1
            self._kept.append(found[0])
            return found[0]
        else:
            self._left_out[self._kind] += 1
            is_within = not begins and not ends and not is_direction(inner)
            if is_within and isinstance(self._left_out, Pieces):
                self._left_out.asked.append(" ".join(found[0].split()))
        return CUT + colon

    def is_open(self, text: str) -> bool:
        """Return whether a square bracket is left, other than those of blanks."""
        for kept in self._kept:
            text = text.replace(kept, "")
        return _OPEN.search(text) is not None

    def round(self, found: re.Match[str]) -> str:
        inner = plain(found[1])
        begins, ends = _place(found)
        if label := _label_in(inner, False) if begins else None:
            if not label[1]:
                return f"{label[0]}: "
        is_one = is_direction(inner)
        if begins and ends and not is_one:
            is_one = section_of(inner) == NOTE
        if not is_one:
            return found[0]
        self._left_out["time" if is_time(inner) else self._kind] += 1
        return CUT

    def emphasised(self, found: re.Match[str]) -> str:
        """Return CUT for emphasised words that are a direction outside a sentence.

        Other emphasised words are returned: emphasis alone is no sign of a direction.
        """
        inner = plain(next(group for group in found.groups() if group is not None))
        before = plain(found.string[: found.start()].rpartition("\n")[2])
        after = plain(found.string[found.end() :].partition("\n")[0])
        is_after_end = not before or before[-1] in _SENTENCE_END
        is_before_end = not (after[:1].islower() or after[:1] in tuple(",;"))
        is_apart = is_after_end and is_before_end and is_direction(inner)
        is_at_edge = is_after_end or not after
        if not (is_apart or (is_at_edge and is_certain_direction(inner))):
            return found[0]
        self._left_out[self._kind] += 1
        return CUT


def _place(found: re.Match[str]) -> tuple[bool, bool]:
    """Return (whether the match begins its line, whether it ends its line)."""
    before = found.string[: found.start()].rpartition("\n")[2]
    after = found.string[found.end() :].partition("\n")[0]
    return _LINE_START.fullmatch(before) is not None, not plain(after)


def _label_in(inner: str, is_alone: bool) -> tuple[str, str] | None:
    """Return (label, words after it) held by brackets (`CTA: Save this`), or None."""
    name, colon, rest = inner.partition(":")
    if colon and name.strip().isdigit():  # the colon of a time
        name, colon, rest = inner, "", ""
    name = _EDGE_TIME.sub("", name).strip()
    if is_time(rest.strip()) or is_time(rest.strip().strip("()")):
        rest = ""
    section = section_of(name)
    if section is None or is_weak(name):
        return None
    if section in (HOOK, BODY, CALL_TO_ACTION, SPOKEN):
        return name, rest.strip()
    return (name, "") if section == NOTE and is_alone and not colon else None


def _is_blank(inner: str) -> bool:
    words = re.findall(r"[^\W_]+", folded(inner))
    return (
        0 < len(words) <= 4
        and any(word in _BLANKS for word in words)
        and all(word in _BLANKS or word in _ABOUT_BLANKS for word in words)
    )
