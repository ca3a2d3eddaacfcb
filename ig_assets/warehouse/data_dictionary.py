"""What each table, view and column of the warehouse holds: `data_dictionary.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from ig_assets.warehouse.views import VIEWS


@dataclass(frozen=True)
class DescribedColumn:
    """A column, its type in a DuckDB file, what it holds, and its only values."""

    name: str
    type: str
    meaning: str
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def description(self) -> str:
        """The meaning in one text, with that of each value."""
        if not self.values:
            return self.meaning
        values = "; ".join(f"{name} ({said})" for name, said in self.values.items())
        return f"{self.meaning} Values: {values}."


@dataclass(frozen=True)
class DescribedTable:
    """A table or view, the grain of its rows, and its columns in their order."""

    name: str
    about: str
    columns: tuple[DescribedColumn, ...]


@cache
def described_tables() -> dict[str, DescribedTable]:
    """All tables by name. A column without words of its own has the common ones."""
    known = _read()
    return {
        name: DescribedTable(
            name, table["about"], _columns(table["columns"], known["common"])
        )
        for name, table in known["tables"].items()
    }


@cache
def described_views() -> dict[str, DescribedTable]:
    """All named views by name, in their order.

    A view has the columns of the table that it is `like`, or `only` some of them, and
    then its own.
    """
    known = _read()
    tables = described_tables()
    found: dict[str, DescribedTable] = {}
    for view in VIEWS:
        said = known["views"][view.name]
        like = said.get("like")
        base = {**tables, **found}[like].columns if like else ()
        only = said.get("only", [column.name for column in base])
        own = _columns(said.get("columns", {}), known["common"])
        inherited = tuple(column for column in base if column.name in only)
        found[view.name] = DescribedTable(view.name, view.grain, inherited + own)
    return found


@cache
def _read() -> Any:
    text = files("ig_assets.warehouse").joinpath("data_dictionary.yaml").read_text()
    # The parser in C, where PyYAML has it, takes a tenth of the time.
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _columns(
    said: Mapping[str, Sequence[Any]], common: Mapping[str, str]
) -> tuple[DescribedColumn, ...]:
    """The columns; of each are said its type, its meaning and its values."""
    return tuple(
        DescribedColumn(
            name,
            of[0],
            of[1] if len(of) > 1 else common.get(name, ""),
            of[2] if len(of) > 2 else {},
        )
        for name, of in said.items()
    )
