"""What each table and column of the warehouse holds, from `data_dictionary.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml


@dataclass(frozen=True)
class DescribedColumn:
    """A column, its type in a DuckDB file, and what it holds."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class DescribedTable:
    """A table, the grain of its rows, and its columns in their order."""

    name: str
    about: str
    columns: tuple[DescribedColumn, ...]


@cache
def described_tables() -> Mapping[str, DescribedTable]:
    """All tables by name. A column without words of its own has the common ones."""
    text = files("ig_assets.warehouse").joinpath("data_dictionary.yaml").read_text()
    # The parser in C, where PyYAML has it, takes a tenth of the time.
    known = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    common: Mapping[str, str] = known["common"]
    return {
        name: DescribedTable(
            name,
            table["about"],
            tuple(
                DescribedColumn(column, said[0], (*said, common.get(column, ""))[1])
                for column, said in table["columns"].items()
            ),
        )
        for name, table in known["tables"].items()
    }
