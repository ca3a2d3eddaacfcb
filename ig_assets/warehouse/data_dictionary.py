"""Read the data dictionary: what each table, view and column holds."""

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
    """A column with its type in a DuckDB file and its meaning.

    `values` is {value: meaning} of a column with a fixed list of values, otherwise
    empty.
    """

    name: str
    type: str
    meaning: str
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def description(self) -> str:
        """Return the meaning of the column and of each of its values, in one text."""
        if not self.values:
            return self.meaning
        values = "; ".join(f"{name} ({said})" for name, said in self.values.items())
        return f"{self.meaning} Values: {values}."


@dataclass(frozen=True)
class DescribedTable:
    """A table or view: its name, what one row is (`about`) and its columns in order."""

    name: str
    about: str
    columns: tuple[DescribedColumn, ...]


@cache
def described_tables() -> dict[str, DescribedTable]:
    """Return all tables by name.

    A column without a description of its own has the description that the file's
    section `common` gives for its name.
    """
    known = _read()
    return {
        name: DescribedTable(
            name, table["about"], _columns(table["columns"], known["common"])
        )
        for name, table in known["tables"].items()
    }


@cache
def described_views() -> dict[str, DescribedTable]:
    """Return all named views by name, in the order in which they are made.

    The first columns of a view are those of the table or view that the file names as
    `like` (if `only` is given, just the ones in it). The view's additional columns
    follow.
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
    """Return the columns of a table.

    `said` is {name: [type, meaning, values]}; meaning and values may be missing.
    """
    return tuple(
        DescribedColumn(
            name,
            of[0],
            of[1] if len(of) > 1 else common.get(name, ""),
            of[2] if len(of) > 2 else {},
        )
        for name, of in said.items()
    )
