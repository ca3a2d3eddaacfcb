"""Texts that come from data, for a page that reads Markdown and HTML."""

from __future__ import annotations

import html
import re

# What could be a link, an image (which the page would load from anywhere), a cell's end
# or an escape. Emphasis is harmless, and ids are full of underscores.
_MARKS = re.compile(r"([\\\[\]|`])")


def plain_markdown(text: str) -> str:
    """A text as Markdown that shows it as it is: one line, no HTML, no link, no cell.

    Addresses stay text that a reader may copy; a page may show them as links.
    """
    line = " ".join(text.split())
    return _MARKS.sub(r"\\\1", html.escape(line, quote=False))
