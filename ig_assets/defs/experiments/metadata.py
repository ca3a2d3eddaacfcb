"""Metadata about experiments for an asset's page: sentences and rounded numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from ig_assets.core.reports.markdown import plain_markdown


def verdict_table(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """Return a table of topics and sentences, with markup in the data escaped."""
    lines = ["| topic | verdict |", "|---|---|"]
    for row in rows:
        topic = plain_markdown(row["topic"] or row["experiment_id"])
        lines.append(f"| {topic} | {plain_markdown(row['verdict'])} |")
    return dg.MetadataValue.md("\n".join(lines))


def named(row: Mapping[str, Any], columns: str) -> dict[str, Any]:
    """Return the columns of a row that `columns` lists, separated by blanks.

    Floats are rounded to 3 decimals. The columns must not contain a script's words.
    """
    values = {name: row.get(name) for name in columns.split()}
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in values.items()}
