"""Escapes texts from data for a page that shows Markdown and HTML."""

from __future__ import annotations

import html
import re

# What could be a link, an image (which the page would load from anywhere), a cell's end
# or an escape. Emphasis is harmless, and ids are full of underscores.
_MARKS = re.compile(r"([\\\[\]|`])")


def plain_markdown(text: str) -> str:
    """Return the text as Markdown that shows it literally, on one line.

    HTML, links and the ends of table cells are escaped. Web addresses stay as text,
    which a page may still show as links.
    """
    line = " ".join(text.split())
    return _MARKS.sub(r"\\\1", html.escape(line, quote=False))
