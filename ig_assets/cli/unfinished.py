"""Warns, before a command uses texts, that some of them have still to be forgotten."""

from __future__ import annotations

from ig_assets.cli.output import errors, escaped
from ig_assets.warehouse.forgetting.unfinished import unfinished_warning
from ig_assets.warehouse.warehouse import Warehouse


def warn_of_unfinished(warehouse: Warehouse) -> None:
    """Print a warning to standard error if a request to forget is not finished."""
    with warehouse.transaction() as con:
        sentence = unfinished_warning(con)
    if sentence:
        errors.print(f"[yellow]Warning:[/yellow] {escaped(sentence)}")
