"""Empty homes to move from and to."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.warehouses import migrated_warehouse
from ig_assets_tests.warehouse.conftest import NOW, MakeHome


@pytest.fixture
def new_home(make_new_home: MakeHome, tmp_path: Path) -> MakeHome:
    """An empty home of a kind; a file begins as a copy of a migrated one."""

    def make(kind: str) -> Warehouse:
        if kind != "duckdb":
            return make_new_home(kind)
        number = len(list(tmp_path.glob("home*")))
        return migrated_warehouse(tmp_path / f"home{number}" / "w.duckdb", lambda: NOW)

    return make
