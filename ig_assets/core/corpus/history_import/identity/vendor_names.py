"""Reads and normalises the names that a vendor gives a post: id, code and permalink.

Exports of one account identify a post by a number, by its link, or by both. Permalinks
are compared without scheme, query and kind of page, so that the links that two tools
give one post are equal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from ig_assets.core.corpus.history_import.reading.rows import HistoryRow

ID, CODE, PERMALINK = "id", "code", "permalink"
"""Kinds of names: a number, a code as in links of Instagram and YouTube, a link."""
GLOBAL_LENGTH = 10
"""Least length of an id that is unique among all accounts of a vendor."""

_EXACT_DIGITS = 15

# Excel shortens long numbers in this way; only their first digits are left.
_SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]+")
_FILE = re.compile(r"\.(?:mp4|mov|webm|m3u8|jpe?g|png|webp|heic)$", re.IGNORECASE)
"""Matches a link to a media file: it changes with every export and names no post."""

_CODED = ("instagram.com/", "youtube.com/")
_INSTAGRAM_PAGES = {"reel", "reels", "p", "tv"}
_HOSTS = re.compile(r"^(?:www|m|mobile)\.")


class VendorName(NamedTuple):
    """One name of a post; `kind` is ID, CODE or PERMALINK."""

    kind: str
    value: str

    @property
    def is_global(self) -> bool:
        """Whether the name is unique across all accounts."""
        return self.kind == PERMALINK or len(self.value) >= GLOBAL_LENGTH


def vendor_names(row: HistoryRow) -> tuple[VendorName, ...]:
    """Return the names of the post in a row, sorted.

    The result is empty if the row has no id and no permalink.
    """
    post_id, link = _unguarded(row.post_id), _unguarded(row.permalink)
    if "/" in post_id:
        post_id, link = "", link or post_id
    names = set()
    if post_id and not is_shortened(post_id):
        post_id = post_id.removesuffix(".0")
        names.add(VendorName(ID if post_id.isdigit() else CODE, post_id))
    if link and not _FILE.search(urlsplit(link).path):
        link = plain_permalink(link)
        names.add(VendorName(PERMALINK, link))
        if link.startswith(_CODED) and link.count("/") == 1:
            names.add(VendorName(CODE, link.partition("/")[2]))
    return tuple(sorted(names))


def is_shortened(post_id: str) -> bool:
    """Return whether a spreadsheet has rounded the id, as in 1.8E+16."""
    return _SHORTENED.fullmatch(post_id) is not None


def without_rounded(
    rows: Sequence[HistoryRow],
) -> tuple[Sequence[HistoryRow], tuple[str, ...]]:
    """Return (rows without rounded ids, the rounded ids).

    A spreadsheet keeps 15 digits, and writes a longer id as 1.79E+16 or with zeros for
    the remaining digits; several posts may then have the same id. Ids with such zeros
    count as rounded if there are at least two long ids and all of them end in such
    zeros.
    """
    ids = [_unguarded(row.post_id).removesuffix(".0") for row in rows]
    long = {i for i in ids if i.isdigit() and len(i) > _EXACT_DIGITS}
    zeros = len(long) > 1 and all(not i[_EXACT_DIGITS:].strip("0") for i in long)
    rounded = {i for i in ids if is_shortened(i)} | (long if zeros else set())
    if not rounded:
        return rows, ()
    kept = [
        replace(row, post_id="") if i in rounded else row
        for row, i in zip(rows, ids, strict=True)
    ]
    return kept, tuple(i for i in ids if i in rounded)


def plain_permalink(link: str) -> str:
    """Return a permalink as host and path.

    A bare shortcode becomes an Instagram link.
    """
    if "/" not in link:
        return f"instagram.com/{link}"
    parts = urlsplit(link if "//" in link else f"//{link}")
    host = _HOSTS.sub("", (parts.hostname or "").lower())
    path = [step for step in parts.path.split("/") if step]
    if host == "instagram.com":
        found = [n for n, step in enumerate(path[:-1]) if step in _INSTAGRAM_PAGES]
        path = path[found[0] + 1 :][:1] if found else path
    elif host == "youtu.be":
        host = "youtube.com"
    elif host == "youtube.com":
        video = parse_qs(parts.query).get("v")
        path = video[:1] if video else path[-1:]
    return "/".join((host, *path))


def _unguarded(text: str) -> str:
    """Return the text without the signs that make a spreadsheet store digits as text.

    These are `="…"` and a leading `'`.
    """
    text = text.strip()
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    return text.removeprefix("'")
