"""Experiments on an asset's page: a table of sentences, rounded numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from ig_assets.core.reports.markdown import plain_markdown


def verdict_table(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """A table of topics and sentences, in which no text of the data is markup."""
    lines = ["| topic | verdict |", "|---|---|"]
    for row in rows:
        topic = plain_markdown(row["topic"] or row["experiment_id"])
        lines.append(f"| {topic} | {plain_markdown(row['verdict'])} |")
    return dg.MetadataValue.md("\n".join(lines))


def named(row: Mapping[str, Any], columns: str) -> dict[str, Any]:
    """These columns of a row; what carries a script's words is never among them."""
    values = {name: row.get(name) for name in columns.split()}
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in values.items()}
