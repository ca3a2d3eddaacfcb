"""The settings in force as a table for a page, without secrets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import SecretStr

from ig_assets.defs.page.about import in_workspace, warehouse_uri
from ig_assets.settings import Settings, variable_name
from ig_assets.workspace import WORKSPACE


def settings_table(settings: Settings) -> dg.TableMetadataValue:
    """Return one row per setting; those that differ from the default come first."""
    rows = [
        {
            "setting": variable_name(field),
            "value": _shown(field, value := getattr(settings, field)),
            "is_default": value == known.default,
        }
        for field, known in Settings.model_fields.items()
    ]
    rows.sort(key=lambda row: bool(row["is_default"]))
    columns = {"setting": "string", "value": "string", "is_default": "bool"}
    return dg.MetadataValue.table(
        records=[dg.TableRecord(row) for row in rows],
        schema=dg.TableSchema(
            columns=[dg.TableColumn(name, kind) for name, kind in columns.items()]
        ),
    )


def _shown(field: str, value: Any) -> str:
    if value is None or value == "":
        return "not set"
    if isinstance(value, SecretStr):
        return "set, not shown"
    if field == "warehouse_url":
        return warehouse_uri(str(value))
    if isinstance(value, Path) and value.is_relative_to(WORKSPACE):
        return in_workspace(value)
    text = str(value)
    if text.startswith(f"{WORKSPACE}/"):
        return in_workspace(Path(text))
    return text if field == "owners" else _without_secrets(text)


def _without_secrets(text: str) -> str:
    """Remove user and password from a text.

    A URL, also one inside another (`simplecache::https://…`), loses its query, fragment
    and parameters as well, since they may contain keys.
    """
    if "://" in text:
        text = re.split("[?#;]", text)[0]
        text = re.sub(r"(?<=://)[^/@\s]*@", "", text)
    return re.sub(r"[^/@\s:]+:[^/@\s]+@", "", text)
