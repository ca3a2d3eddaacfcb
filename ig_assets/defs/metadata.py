"""Metadata of materialisations: counts, sample tables and pictures."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import dagster as dg

from ig_assets.core.fine_tuning.training_set.manifests import PAGE
from ig_assets.warehouse.data_dictionary import described_tables, described_views

SAMPLE_ROWS = 20


def counts(summary: Any) -> dict[str, Any]:
    """Return the numbers, booleans and texts of a summary dataclass as metadata."""
    return {
        field.name: value
        for field in dataclasses.fields(summary)
        if isinstance(value := getattr(summary, field.name), (int, float, str, bool))
    }


def sample_table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Return a table of at most 20 rows; the rows must contain no text of a script."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    records = [
        dg.TableRecord({name: _scalar(row.get(name)) for name in names})
        for row in rows[:SAMPLE_ROWS]
    ]
    schema = dg.TableSchema(
        columns=[dg.TableColumn(name, _column_type(rows, name)) for name in names]
    )
    return dg.MetadataValue.table(records=records, schema=schema)


def column_schema(table: str) -> dg.TableSchema:
    """Return a table's or view's columns with types and descriptions."""
    described = described_tables() | described_views()
    return dg.TableSchema(
        columns=[
            dg.TableColumn(column.name, column.type, column.description)
            for column in described[table].columns
        ]
    )


def lineage_page_place(month: str) -> str:
    """Return where the page of a month's lineage is; it contains words of scripts."""
    return f"datasets/{month}/{PAGE} in the data folder"


def lineage_commands(name: str) -> dg.MarkdownMetadataValue:
    """Return the commands that show lineage in both directions, as Markdown."""
    return dg.MetadataValue.md(
        f"What it came from: `ig-assets lineage {name} --html lineage.html`. "
        "What came of a script: `ig-assets lineage SCRIPT --down`. The scripts behind "
        "each model are in the asset [lineage_report](/assets/lineage_report)."
    )


def without_empty(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata without empty texts and tables."""
    return {name: value for name, value in metadata.items() if not _is_empty(value)}


def zeros_together(
    metadata: Mapping[str, Any], kept: Collection[str]
) -> dict[str, Any]:
    """Return the metadata with all zero figures in one entry, `other_figures`.

    Figures in `kept` stay as they are, so that their plots have no gaps.
    """
    zero = [
        name
        for name, value in metadata.items()
        if type(value) in (int, float) and value == 0 and name not in kept
    ]
    rest = {name: value for name, value in metadata.items() if name not in zero}
    said = ", ".join(f"0 {name}" for name in zero)
    return rest | ({"other_figures": said} if said else {})


def _is_empty(value: Any) -> bool:
    if isinstance(value, dg.TableMetadataValue):
        return not value.records
    return value is None or value == ""


def _scalar(value: Any) -> str | int | float | bool:
    if value is None:
        return ""
    return value if isinstance(value, (int, float, bool)) else str(value)


def picture(png: bytes, caption: str) -> dg.MarkdownMetadataValue:
    """Return a small PNG as Markdown with a data URI."""
    encoded = base64.b64encode(png).decode("ascii")
    return dg.MetadataValue.md(f"![{caption}](data:image/png;base64,{encoded})")


def _column_type(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    for row in rows:
        value = row.get(name)
        if isinstance(value, bool):
            return "bool"
        if isinstance(value, int):
            return "int"
        if isinstance(value, float):
            return "float"
        if value is not None:
            return "string"
    return "string"
