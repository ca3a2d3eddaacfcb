"""Parses Markdown with markdown-it-py into blocks of words.

Markdown's signs (emphasis, links, escapes, bullets of an outline) are removed; images,
struck words, to-dos, callouts and lines of tags are left out and counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from ig_assets.core.corpus.scripts.decoding import with_line_feeds
from ig_assets.core.corpus.scripts.note import (
    CUT,
    EMPHASIS,
    END_EMPHASIS,
    END_LINK,
    END_STRONG,
    LINK,
    STRONG,
    Block,
    plain,
    plain_blocks,
    unmarked,
    without_cuts,
)
from ig_assets.core.corpus.scripts.notes.av_table import table_blocks
from ig_assets.core.corpus.scripts.notes.markup import cut_markup
from ig_assets.core.corpus.scripts.sections.section_words import label_of
from ig_assets.core.corpus.scripts.spoken.spoken import spoken_blocks

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

# Matches what may have a meaning in Markdown.
_SIGNS = re.compile(
    r"[*_\[\]<>`~&|\\=]|^[ \t>+-]|^\d{1,9}[.)]|^#{1,6}[ \t]*$|^#.*#[ \t]*$", re.M
)

_QUERIES = ("= ", "$= ")
"""Beginnings of Dataview's queries within a line."""

_MARKS_OF = {
    "strong": (STRONG, END_STRONG),
    "em": (EMPHASIS, END_EMPHASIS),
    "link": (LINK, END_LINK),
}
_CALLOUT = re.compile(r"\[!\w[\w-]*\]")
_TO_DO = re.compile(
    r"\[[ xX/-]\]\s|(?:TODO|DOING|DONE|LATER|NOW|WAITING|CANCELED)\s|"
    r"\{\{\[\[(?:TODO|DONE)\]\]\}\}|\{\{(?:TODO|DONE)\}\}"
)


def markdown_blocks(text: str, left_out: Counter[str]) -> list[Block]:
    """Return the spoken blocks of a Markdown text that `cut_markup` has returned."""
    if _SIGNS.search(text) is None:
        blocks = plain_blocks(text)
    else:
        from markdown_it.tree import SyntaxTreeNode

        nodes = SyntaxTreeNode(_parser().parse(text)).children
        is_outline = len(nodes) == 1 and nodes[0].type in ("bullet_list",)
        blocks = list(_blocks(nodes, left_out, is_outline))
    return spoken_blocks(blocks, left_out)


def text_blocks(text: str, left_out: Counter[str]) -> list[Block]:
    """Return the spoken blocks of a Markdown text in a cell or a value.

    Raises InvalidSourceError if a comment or a bracket is never closed.
    """
    text = with_line_feeds(unmarked(text))
    return markdown_blocks(cut_markup(text, left_out), left_out)


@cache
def _parser() -> MarkdownIt:
    """Return a parser of CommonMark with tables and struck words.

    It has no indented code, as people indent paragraphs; no HTML, as `cut_markup` has
    removed it; and no reference links, as they swallow a line such as `[Mara]: hello`.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": 100})
    parser.enable(["table", "strikethrough"])
    return parser.disable(["code", "html_block", "html_inline", "reference"])


def _blocks(
    nodes: Sequence[SyntaxTreeNode], left_out: Counter[str], is_outline: bool = False
) -> Iterator[Block]:
    for node in nodes:
        if node.type == "heading":
            yield _heading(node, left_out)
        elif node.type == "paragraph":
            yield Block(_inline(node, left_out))
        elif node.type == "blockquote":
            yield from _quote(node, left_out)
        elif node.type == "table":
            yield from table_blocks(_rows(node, left_out), left_out)
        elif node.type in ("bullet_list", "ordered_list"):
            if is_outline or _has_labels(node):
                yield from _outline(node, left_out)
            else:
                text, items = _list(node, left_out)
                yield Block(text, versions=items)
        elif node.type != "hr":
            left_out["code"] += 1


def _heading(node: SyntaxTreeNode, left_out: Counter[str]) -> Block:
    """Return a heading; several lines above a `---` are a paragraph instead."""
    text = _inline(node, left_out)
    is_lines = "\n" in text and not node.markup.startswith("#")
    return Block(text, 0 if is_lines else int(node.tag[1]))


def _quote(node: SyntaxTreeNode, left_out: Counter[str]) -> Iterator[Block]:
    blocks = list(_blocks(node.children, Counter()))
    if blocks and _CALLOUT.match(plain(blocks[0].text)):
        left_out["callout"] += 1
    else:
        yield from _blocks(node.children, left_out)


def _rows(node: SyntaxTreeNode, left_out: Counter[str]) -> list[list[str]]:
    return [
        [_inline(cell, left_out) for cell in row.children]
        for part in node.children
        for row in part.children
    ]


def _outline(node: SyntaxTreeNode, left_out: Counter[str]) -> Iterator[Block]:
    """Yield the items of a list as paragraphs.

    To-dos are left out. A note or a cue is left out together with the items below it.
    """
    for item in node.children:
        first = _first_words(item)
        label = label_of(plain(first), first.startswith(STRONG))
        if _TO_DO.match(plain(first)):
            left_out["to-do"] += 1
        elif label and label[0] in ("note", "cue") and (label[1] or _is_parent(item)):
            left_out[label[0]] += 1
        else:
            yield from _blocks(item.children, left_out, is_outline=True)


def _has_labels(node: SyntaxTreeNode) -> bool:
    firsts = [_first_words(item) for item in node.children]
    return any(label_of(plain(first), first.startswith(STRONG)) for first in firsts)


def _is_parent(item: SyntaxTreeNode) -> bool:
    return len(item.children) > 1


def _first_words(item: SyntaxTreeNode) -> str:
    """Return the first line of an item's words, or ""."""
    if not item.children or item.children[0].type not in ("paragraph", "heading"):
        return ""
    return without_cuts(_inline(item.children[0], Counter())).partition("\n")[0]


def _list(node: SyntaxTreeNode, left_out: Counter[str]) -> tuple[str, int]:
    """Return (the text of a list without its to-dos, its number of items)."""
    lines: list[str] = []
    is_tight = True
    for item in node.children:
        if _TO_DO.match(plain(_first_words(item))):
            left_out["to-do"] += 1
            continue
        mark = f"{item.info}{item.markup} "
        pieces = []
        for child in item.children:
            if child.type in ("bullet_list", "ordered_list"):
                pieces.append(_list(child, left_out)[0])
            else:
                pieces += [block.text for block in _blocks([child], left_out)]
                is_tight = is_tight and child.hidden
        text = "\n".join(filter(None, map(without_cuts, pieces)))
        if text:
            lines.append(mark + text.replace("\n", "\n" + " " * len(mark)))
    return ("\n" if is_tight else "\n\n").join(lines), len(lines)


def _inline(node: SyntaxTreeNode, left_out: Counter[str]) -> str:
    return "".join(_words(child, left_out) for child in node.children).strip()


def _words(node: SyntaxTreeNode, left_out: Counter[str]) -> str:
    if node.type == "code_inline" and node.content.startswith(_QUERIES):
        left_out["code"] += 1
        return CUT
    if node.type in ("text", "code_inline"):
        return node.content
    if node.type in ("softbreak", "hardbreak"):
        return "\n"
    if node.type in ("image", "s"):
        left_out["image" if node.type == "image" else "struck out"] += 1
        return CUT
    words = "".join(_words(child, left_out) for child in node.children)
    begin, end = _MARKS_OF.get(node.type, ("", ""))
    return words if node.type == "em" and STRONG in words else f"{begin}{words}{end}"
