from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets.core.experiments.reports.lookup import experiment_named
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    START,
    MovedClock,
    new_warehouse,
)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = new_warehouse(tmp_path, MovedClock(START))
    rows = [
        ("abcd1111", "history", "spring"),
        ("abcd2222", "history", "autumn"),
        ("abce3333", "all", "abcd1"),
        ("abcd", "history", "abce3333"),
    ]
    with warehouse.transaction() as con:
        for experiment_id, segment, name in rows:
            row = {"experiment_id": experiment_id, "intent_key": name}
            merge_rows(con, "experiments", [{**row, "segment": segment}])
    return warehouse


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("abcd2222", "abcd2222"),
        ("abce", "abce3333"),
        ("spring", "abcd1111"),
        ("abcd1", "abcd1111"),  # the intent key of a loop's experiment is no name
        ("abcd", "abcd"),
        ("abce3333", "abce3333"),
    ],
)
def test_an_experiment_is_found_by_id_beginning_or_team_name(
    warehouse: Warehouse, given: str, meant: str
) -> None:
    with warehouse.transaction() as con:
        assert experiment_named(con, given) == meant


@pytest.mark.parametrize("given", ["abc", "zero", ""])
def test_a_name_that_fits_no_experiment_is_an_error(
    warehouse: Warehouse, given: str
) -> None:
    with warehouse.transaction() as con:
        with pytest.raises(InputError, match="no experiment"):
            experiment_named(con, given)


def test_an_ambiguous_beginning_lists_the_experiments(warehouse: Warehouse) -> None:
    with warehouse.transaction() as con:
        con.execute("DELETE FROM experiments WHERE experiment_id = 'abcd'")
        with pytest.raises(InputError, match="abcd1111, abcd2222"):
            experiment_named(con, "abcd")
