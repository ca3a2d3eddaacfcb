"""The settings in force as a table for a page: every one, and no secret."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from ig_assets.defs.page.about import in_workspace, warehouse_uri
from ig_assets.settings import Settings, variable_name
from ig_assets.workspace import WORKSPACE


def settings_markdown(settings: Settings) -> str:
    """A row per setting; those that differ from the default come first, in bold."""
    changed, same = [], []
    for field, known in Settings.model_fields.items():
        value = getattr(settings, field)
        name, shown = variable_name(field), _shown(field, value)
        if value == known.default:
            same.append(f"| {name} | {shown} |")
        else:
            changed.append(f"| **{name}** | **{shown}** |")
    return "\n".join(["| setting | value |", "|---|---|", *changed, *same])


def _shown(field: str, value: Any) -> str:
    if value is None or value == "":
        return "not set"
    if isinstance(value, SecretStr):
        return "set, not shown"
    if field == "warehouse_url":
        return html.escape(warehouse_uri(str(value)))
    if isinstance(value, Path) and value.is_relative_to(WORKSPACE):
        return html.escape(in_workspace(value))
    text = _without_password(str(value)) if "://" in str(value) else str(value)
    return html.escape(text).replace("|", "&#124;")


def _without_password(url: str) -> str:
    """A URL without its user, password, query and fragment, which can hold secrets."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
