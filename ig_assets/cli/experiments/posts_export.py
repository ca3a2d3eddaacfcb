"""`ig-assets posts export`: writes posts to one file that a person reviews."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ig_assets.cli.output import InMonth, console, escaped, plain_errors
from ig_assets.errors import InputError
from ig_assets.files import write_atomic
from ig_assets.settings import load_settings
from ig_assets.wiring import Services


class Status(str, Enum):
    """The state of a post."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    PLACED = "placed"
    PUBLISHED = "published"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"
    DECLINED = "declined"


class FileFormat(str, Enum):
    """The formats of a file of posts for review."""

    MARKDOWN = "markdown"
    CSV = "csv"
    HTML = "html"


_BY_SUFFIX = {
    ".md": FileFormat.MARKDOWN,
    ".markdown": FileFormat.MARKDOWN,
    ".csv": FileFormat.CSV,
    ".html": FileFormat.HTML,
    ".htm": FileFormat.HTML,
}


@plain_errors
def export(
    file: Annotated[Path, typer.Argument(help="Ends in .md, .csv or .html.")],
    month: InMonth = None,
    status: Annotated[
        Status | None, typer.Option(help="Only posts in this state.")
    ] = None,
    format: Annotated[
        FileFormat | None,
        typer.Option("--format", "-f", help="[default: by the file's name]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
) -> None:
    """Write posts to a file for review: words, shots, on-screen text, caption.

    Example: `ig-assets posts export may.html --month 2026-05 --status proposed`
    """
    from ig_assets.core.reports import posts_file

    form = format or _BY_SUFFIX.get(file.suffix.lower())
    if form is None:
        raise InputError(
            f"The form of {file.name} is not clear; end it in .md, .csv or .html, or "
            "add `--format`."
        )
    if file.exists() and not force:
        raise InputError(f"{file} exists; add `--force` to replace it.")
    asked = None if status is None else status.value
    warehouse = Services(load_settings()).warehouse
    posts = posts_file.posts_to_review(warehouse, month, asked)
    if not posts:
        raise InputError("There is no such post; `ig-assets posts list` shows them.")
    text = {
        FileFormat.MARKDOWN: posts_file.as_markdown,
        FileFormat.CSV: posts_file.as_csv,
        FileFormat.HTML: posts_file.as_html,
    }[form](posts)
    try:
        write_atomic(file, text)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"{file} cannot be written ({reason}).") from None
    console.print(f"{len(posts)} posts are in {escaped(str(file))}.")
