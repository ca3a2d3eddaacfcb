"""Removes from a note's Markdown the pieces that its tool does not show as text.

These pieces are comments (`%% %%`, `<!-- -->`, `{>> <<}`, the `[a]` of Google Docs),
embeds (`![[…]]`, `((…))`), templates (`<% %>`, `{{ }}`, `{% %}`), block ids, footnotes,
code, and callouts in HTML. They are counted. Links of a wiki are replaced by their
words, and HTML tags are removed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from ig_assets.core.corpus.scripts.note import CUT, END_LINK, LINK
from ig_assets.core.corpus.scripts.script import InvalidSourceError
from ig_assets.core.corpus.scripts.sections.section_words import NOTE, section_of

# A text without any of these has nothing to cut or replace.
_MAY_HAVE = re.compile(r"[<{\[^]|%%|==|\(\(|\(\w[\w -]*::|```|~~~")
_IMAGE_FILE = re.compile(r"\.(?:png|jpe?g|gif|webp|svg|bmp|heic|avif|tiff?)\b", re.I)
_DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+[;,][^\s)>\"']*")
_FENCE = re.compile(r"[ \t]*(?:[-*+>][ \t]+)*(`{3,}|~{3,})(.*)")
_COMMENT_SIGNS = {"<!--": "-->", "%%": "%%", "{>>": "<<}"}
_COMMENT = re.compile("|".join(map(re.escape, _COMMENT_SIGNS)))

# Kind of piece, and the pattern of one.
_PIECES = (
    ("callout", r"<aside\b[^>]*>.*?</aside>"),
    (
        "embed",
        r"<(script|style|iframe|video|audio|svg|object|template|noscript|head|math)"
        r"\b[^>]*>.*?</\1>",
    ),
    ("struck out", r"<(del|s|strike)\b[^>]*>.*?</\2>"),
    ("struck out", r"\{--.*?--\}"),
    ("image", r"<img\b[^>]*>"),
    ("embed", r"<(?:iframe|video|audio|embed)\b[^>]*/?>"),
    ("footnote", r"^\[\^[^\]\n]+\]:[^\n]*(?:\n[ \t]+[^\n]+)*"),
    ("template", r"<%.*?%>|\{\{(?!\[\[).*?\}\}|\{%.*?%\}"),
    ("embed", r"\(\([0-9A-Za-z_-]{6,}\)\)"),
    ("image", r"!\[[^\]\n]*\]\[[^\]\n]*\]"),
    ("block id", r"(?:(?<=[ \t])|^)\^[A-Za-z0-9-]+[ \t]*$"),
    ("property", r"[\[(][A-Za-z][\w -]{0,40}::[^\])\n]*[\])]"),
)
_KINDS = tuple(
    (kind, re.compile(pattern.replace(r"\2", r"\1"), re.M | re.S | re.I))
    for kind, pattern in _PIECES
)
_DETAILS = re.compile(
    r"<details\b[^>]*>\s*<summary\b[^>]*>(?P<title>.*?)</summary>(?P<inside>.*?)"
    r"</details>",
    re.S | re.I,
)
_WIKI = re.compile(r"(!?)\[\[([^\[\]\n]+)\]\]")
_REFERENCE = re.compile(
    r"^ {0,3}\[[^\]\n]+\]:[ \t]*<?(?:data:|https?:|mailto:|\.{0,2}/)[^\n]*$", re.M
)
_NAMED_LINK = re.compile(r"(?<!!)\[([^\[\]\n]+)\]\[[^\[\]\n]*\]")
_FOOTNOTE_MARK = re.compile(r"\[\^[^\]\n]+\]")
_HIGHLIGHT = re.compile(r"==(?=[^\s=])([^\n]*?[^\s=])==")
_INSERTED = re.compile(r"\{\+\+(.*?)\+\+\}", re.S)
_HIDDEN = re.compile(
    r"<(?!input\b)([a-z][a-z0-9]*)\b(?=[^<>]*(?:\shidden(?=[\s=>/])|display\s*:\s*none|"
    r"visibility\s*:\s*hidden))[^<>]*>",
    re.I,
)
_LINE_BREAK = re.compile(r"<br\s*/?>", re.I)
_TAG = re.compile(
    r"</?(?:p|div|span|u|b|i|em|strong|sub|sup|mark|small|big|font|center|a|ins|hr|"
    r"h[1-6]|table|thead|tbody|tr|td|th|ul|ol|li|blockquote|figure|figcaption|details|"
    r"summary|code|pre|kbd|section|article|aside|header|footer|label|input|cite|q)"
    r"(?:\s[^<>]*)?/?>",
    re.I,
)
_DOCS_COMMENT = re.compile(r"^\[([a-z]{1,2})\](?![:(\[])[^\n]*\S[^\n]*$", re.M)
_HEADING = re.compile(r"^#{1,6}[ \t]+\S", re.M)


def without_data(text: str) -> str:
    """Return the text without the bytes of embedded images, which may be millions."""
    return _DATA_URI.sub("./embedded", text) if "data:" in text else text


def cut_markup(text: str, left_out: Counter[str], first_line: int = 1) -> str:
    """Return the Markdown without code, comments and hidden text.

    A mark (`note.CUT`) stands in place of each piece that is removed, and `left_out`
    counts the pieces by kind. `first_line` is the number of the text's first
    line in its file. Raises InvalidSourceError if a comment or a block of code is never
    closed, since it is unknown where the spoken words go on.
    """
    if not _MAY_HAVE.search(text):
        return text
    text = _without_code(text, left_out, first_line)
    text = _without_comments(text, left_out, first_line)
    text = _without_docs_comments(text, left_out)
    text = _without_hidden(text, left_out, first_line)
    text = _DETAILS.sub(_opened(left_out), text)
    for kind, pattern in _KINDS:
        text, pieces = pattern.subn(CUT, text)
        left_out[kind] += pieces
    text = _WIKI.sub(_wiki_words(left_out), text)
    text = _REFERENCE.sub(CUT, text)
    text = _NAMED_LINK.sub(r"\1", text)
    text = _FOOTNOTE_MARK.sub(CUT, text)
    text = _HIGHLIGHT.sub(r"\1", text)
    text = _INSERTED.sub(r"\1", text)
    text = _LINE_BREAK.sub("\n", text)
    return _TAG.sub(CUT, text)


def _without_code(text: str, left_out: Counter[str], first_line: int) -> str:
    if "```" not in text and "~~~" not in text:
        return text
    kept: list[str] = []
    fence, opened_in = "", 0
    for number, line in enumerate(text.split("\n"), first_line):
        found = _FENCE.match(line)
        if not fence and found and found[1][0] not in found[2]:
            fence, opened_in = found[1], number
            kept.append(CUT)
            left_out["code"] += 1
        elif not fence:
            kept.append(line)
        elif found and found[1].startswith(fence) and not found[2].strip():
            fence = ""
    if fence:
        raise InvalidSourceError(
            "open code block",
            f"The block of code that begins in line {opened_in} is never closed; close "
            f"it with {fence}.",
        )
    return "\n".join(kept)


def _without_comments(text: str, left_out: Counter[str], first_line: int) -> str:
    kept, position = [], 0
    while found := _COMMENT.search(text, position):
        sign = _COMMENT_SIGNS[found[0]]
        end = text.find(sign, found.end())
        if end < 0:
            line = first_line + text.count("\n", 0, found.start())
            raise InvalidSourceError(
                "open comment",
                f"The comment that begins in line {line} is never closed; close it "
                f"with {sign}.",
            )
        kept += [text[position : found.start()], CUT]
        position = end + len(sign)
        left_out["comment"] += 1
    return "".join(kept) + text[position:]


def _without_hidden(text: str, left_out: Counter[str], first_line: int) -> str:
    """Return the text without HTML elements that are not shown, and their contents.

    Raises InvalidSourceError if such an element is never closed.
    """
    kept, position = [], 0
    while found := _HIDDEN.search(text, position):
        kept += [text[position : found.start()], CUT]
        position, depth = found.end(), 1
        while depth and not found[0].endswith("/>"):
            tag = re.compile(rf"<(/?){found[1]}\b[^<>]*>", re.I).search(text, position)
            if tag is None:
                line = first_line + text.count("\n", 0, found.start())
                raise InvalidSourceError(
                    "open comment",
                    f"The hidden part that begins in line {line} is never closed; "
                    f"close it with </{found[1].lower()}>.",
                )
            depth += -1 if tag[1] else 1
            position = tag.end()
        left_out["hidden text"] += 1
    return "".join(kept) + text[position:]


def _without_docs_comments(text: str, left_out: Counter[str]) -> str:
    """Return the text without the comments of Google Docs.

    Google Docs writes `[a]` in place of a comment, and the comments' words at the end
    of the text. A comment may have several lines and paragraphs, so everything from the
    first one is removed. Raises InvalidSourceError if a heading follows: the script may
    continue there.
    """
    signs: list[str] = []
    end = len(text)
    for found in _DOCS_COMMENT.finditer(text):
        sign = f"[{found[1]}]"
        if sign in signs or sign not in text[: min(end, found.start())]:
            continue
        end = min(end, found.start())
        signs.append(sign)
    if not signs:
        return text
    if _HEADING.search(text, end):
        raise InvalidSourceError(
            "open comment",
            f"A heading stands below the words of the comment {signs[0]}; move the "
            "comments to the end of the file, or delete them.",
        )
    text = text[:end] + CUT
    for sign in signs:
        text = text.replace(sign, CUT)
    left_out["comment"] += len(signs)
    return text


def _opened(left_out: Counter[str]) -> Callable[[re.Match[str]], str]:
    """Return a function that replaces a folded part (`<details>`).

    The function returns the part as text if its title names a section of the script;
    otherwise a mark of a cut.
    """

    def replaced(found: re.Match[str]) -> str:
        title = _TAG.sub("", found["title"]).strip()
        if section_of(title) in (None, NOTE):
            left_out["folded part"] += 1
            return CUT
        return f"\n\n## {title}\n\n{found['inside']}\n"

    return replaced


def _wiki_words(left_out: Counter[str]) -> Callable[[re.Match[str]], str]:
    """Return a function that replaces a wiki link by its words or its note's name.

    Such links are `[[Note]]` and `[[folder/Note#Part|words]]`. Embeds and images are
    left out.
    """

    def replaced(found: re.Match[str]) -> str:
        target, _, words = found[2].replace("\\|", "|").partition("|")
        if found[1]:
            left_out["image" if _IMAGE_FILE.search(target) else "embed"] += 1
            return CUT
        note, _, part = target.strip().rpartition("/")[2].partition("#")
        said = words.strip() or (note or part.lstrip("^#")).strip()
        return f"{LINK}{said}{END_LINK}"

    return replaced
