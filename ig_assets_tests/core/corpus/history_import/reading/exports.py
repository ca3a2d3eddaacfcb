"""Reads an export as a person would hand it in."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from ig_assets.core.corpus.history_import.reading.rows import (
    ParsedHistory,
    read_history,
)


def history(tmp_path: Path, name: str, content: str | bytes, **o: Any) -> ParsedHistory:
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    found = read_history(file, **o)
    skipped = sum((found.skipped or {}).values())
    assert found.rows_read == len(found.rows) + len(found.rejects) + skipped
    return found


def seen(found: ParsedHistory) -> list[tuple[str, datetime | None, dict[str, float]]]:
    return [(row.hook, row.posted_on, dict(row.counts)) for row in found.rows]
