"""An asset's run warns that words which it may use have still to be forgotten."""

from datetime import datetime
from pathlib import Path

import dagster as dg

from ig_assets.defs.stage import stage_asset
from ig_assets.warehouse.rows import insert_row
from ig_assets.warehouse.warehouse import Warehouse


@stage_asset(group="corpus", pool="warehouse", description="Some.", table="scripts")
def some_scripts(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    return dg.MaterializeResult()


def test_an_asset_warns_of_a_forgetting_that_is_not_finished(tmp_path: Path) -> None:
    home = Warehouse(f"duckdb:///{tmp_path / 'w.duckdb'}", lambda: datetime(2026, 1, 1))
    for expected in (False, True):
        done = dg.materialize([some_scripts], resources={"warehouse": home})
        [made] = done.asset_materializations_for_node("some_scripts")
        said = made.metadata.get("unfinished_forgetting")
        assert (said is not None) == expected
        if said is not None:
            assert "`ig-assets forget --resume`" in str(said.value)
        with home.transaction() as con:
            insert_row(con, "forget_requests", {"request_id": "r", "status": "begun"})
    home.close()
