"""Compute data versions from content: a hash of the rows of an asset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ig_assets.warehouse.warehouse import Connection


def content_version(
    con: Connection, sql: str, parameters: Sequence[Any] | None = None
) -> str:
    """Return the SHA-256 (hex, first 16 characters) of the query's rows, in any order.

    `sql` must select one TEXT column. The same rows give the same version on any
    machine.
    """
    digest = con.execute(
        "SELECT sha256(coalesce(string_agg(line, chr(10) ORDER BY line), '')) "
        f"FROM ({sql}) AS rows(line)",
        list(parameters or []),
    ).fetchall()[0][0]
    return str(digest)[:16]
