"""Writes posts to one file for review: Markdown, CSV or HTML, with shots and captions.

The file contains words of scripts, so keep it where people may read those. If a script
is forgotten, only copies inside the data folder are deleted.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

from ig_assets.core.experiments.posts.review import posts_for_review
from ig_assets.core.reports.captions import caption_for, hashtags_for
from ig_assets.core.spreadsheet_cells import spreadsheet_cell
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Warehouse

TEMPLATE = "posts_file.html.j2"

_OF_VARIANTS = """
SELECT v.variant_id, v.beats, v.shots, v.on_screen_text, v.estimated_seconds, v.model,
    t.brief, t.language
FROM variants AS v
LEFT JOIN topics AS t
  ON t.month = v.month
 AND t.topic_id = v.topic_id
WHERE list_contains(?::TEXT[], v.variant_id)
"""

_FAILED = """
SELECT variant_id, gate, figure
FROM variant_figures
WHERE list_contains(?::TEXT[], variant_id)
  AND NOT passed
ORDER BY variant_id, gate
"""


@dataclass(frozen=True)
class ReviewedPost:
    """One post with all texts and data that a social team needs.

    `beats` are (spoken, shown) pairs; the second is '' if it is unknown or if a person
    edited the words. `seconds` is the estimated time to speak the variant, None after
    an edit.
    """

    post_id: str
    month: str
    topic: str
    brief: str
    language: str
    arm: str
    hook_style: str
    slot: datetime
    status: str
    edited_by: str
    hook: str
    beats: tuple[tuple[str, str], ...]
    call_to_action: str
    on_screen_text: str
    caption: str
    hashtags: tuple[str, ...]
    seconds: float | None
    written_by: str
    failed_gates: str


def posts_to_review(
    warehouse: Warehouse, month: str | None = None, status: str | None = None
) -> list[ReviewedPost]:
    """Return the posts with the words to be published, ordered by slot."""
    rows = posts_for_review(warehouse, month, status)
    ids = [row["variant_id"] for row in rows]
    with warehouse.transaction() as con:
        of_variants = {
            row["variant_id"]: row for row in fetch_dicts(con, _OF_VARIANTS, [ids])
        }
        failed: dict[str, list[str]] = {}
        for row in fetch_dicts(con, _FAILED, [ids]):
            failed.setdefault(row["variant_id"], []).append(row["gate"])
    return [
        _post(row, of_variants[row["variant_id"]], failed.get(row["variant_id"], []))
        for row in rows
    ]


def as_markdown(posts: Sequence[ReviewedPost]) -> str:
    """Return one section per post; Markdown marks in the words are escaped."""
    return "\n".join(part for post in posts for part in _section(post))


def as_csv(posts: Sequence[ReviewedPost]) -> str:
    """Return CSV with a header and one row per post; lists have one item per line.

    No cell is a formula. The text begins with a byte order mark: without it,
    spreadsheets read UTF-8 as another encoding.
    """
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for post in posts:
        row = _cells(post)
        writer.writerow([spreadsheet_cell(row[name]) for name in _COLUMNS])
    return out.getvalue()


def as_html(posts: Sequence[ReviewedPost]) -> str:
    """Return one HTML page without code or other files; all words are escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, autoescape=True)
    source = resources.files(__package__).joinpath(TEMPLATE).read_text("utf-8")
    return environment.from_string(source).render(posts=list(posts))


def _post(row: Any, variant: dict[str, Any], failed: Sequence[str]) -> ReviewedPost:
    edited = bool(row["edited_by"])
    spoken = json.loads(variant["beats"] or "[]")
    if edited or not spoken:
        spoken = [part for part in (row["body"] or "").split("\n") if part.strip()]
    shown = [] if edited else json.loads(variant["shots"] or "[]")
    shown = list(shown) + [""] * (len(spoken) - len(shown))
    topic = row["topic"] or ""
    hook, action = row["hook"] or "", row["call_to_action"] or ""
    tags = hashtags_for(topic)
    return ReviewedPost(
        post_id=row["post_id"],
        month=row["month"],
        topic=topic,
        brief=variant["brief"] or "",
        language=variant["language"] or "",
        arm=row["arm"],
        hook_style=row["hook_style"] or "",
        slot=row["slot"],
        status=row["status"],
        edited_by=row["edited_by"] or "",
        hook=hook,
        beats=tuple(zip(spoken, shown, strict=False)),
        call_to_action=action,
        on_screen_text="" if edited else variant["on_screen_text"] or "",
        caption=caption_for(hook, action, tags),
        hashtags=tuple(tags),
        seconds=None if edited else variant["estimated_seconds"],
        written_by=variant["model"] or "",
        failed_gates=", ".join(failed),
    )


def _section(post: ReviewedPost) -> list[str]:
    facts = {
        "post": post.post_id,
        "slot": f"{post.slot:%Y-%m-%d %H:%M} UTC",
        "status": post.status,
        "arm": f"{post.arm} ({post.hook_style})",
        "length": f"about {post.seconds:.0f} s" if post.seconds else "",
        "edited by": post.edited_by,
        "brief": post.brief,
        "failed gates": post.failed_gates,
    }
    lines = [f"## {_marked(post.topic)}: {post.arm}", ""]
    lines += [f"- {name}: {_marked(text)}" for name, text in facts.items() if text]
    lines += ["", f"**{_marked(post.hook)}**", ""]
    for number, (spoken, shown) in enumerate(post.beats, start=1):
        shot = f" *(shot: {_marked(shown)})*" if shown else ""
        lines.append(f"{number}. {_marked(spoken)}{shot}")
    lines += ["", _marked(post.call_to_action), ""]
    if post.on_screen_text:
        lines += [f"On screen: {_marked(post.on_screen_text)}", ""]
    lines += ["Caption:", "", *(f"> {_marked(x)}" for x in post.caption.split("\n"))]
    return [*lines, "", "---", ""]


_MARKS = re.compile(r"([\\`*_\[\]<>#|~])|^(\s*)([-+]|\d+[.)])(?=\s)")


def _marked(text: str) -> str:
    """Return the text on one line, with a backslash before each Markdown mark."""
    line = " ".join(text.split())

    def escape(found: re.Match[str]) -> str:
        mark, space, bullet = found.groups()
        return f"\\{mark}" if mark else f"{space}{bullet[:-1]}\\{bullet[-1]}"

    return _MARKS.sub(escape, line)


_COLUMNS = (
    "post_id month topic brief language arm hook_style slot status edited_by hook "
    "beats shots call_to_action on_screen_text caption hashtags seconds written_by "
    "failed_gates"
).split()


def _cells(post: ReviewedPost) -> dict[str, Any]:
    own = {name: getattr(post, name, None) for name in _COLUMNS}
    return own | {
        "slot": f"{post.slot:%Y-%m-%d %H:%M}",
        "beats": "\n".join(spoken for spoken, _ in post.beats),
        "shots": "\n".join(shown for _, shown in post.beats).strip("\n"),
        "hashtags": " ".join(post.hashtags),
        "seconds": None if post.seconds is None else round(post.seconds, 1),
    }
