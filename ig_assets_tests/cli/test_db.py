"""`ig-assets db views` gives an analyst the views that the product itself reads."""

from __future__ import annotations

from pathlib import Path

import duckdb
from typer.testing import CliRunner

from ig_assets.cli.app import app
from ig_assets.settings import load_settings
from ig_assets.wiring import Services


def test_the_printed_sql_makes_the_views_in_another_client(tmp_path: Path) -> None:
    env = {"IG_DATA_DIR": str(tmp_path)}
    settings = load_settings(data_dir=tmp_path)
    services = Services(settings)
    with services.warehouse.transaction() as con:
        con.execute("INSERT INTO decisions (experiment_id) VALUES ('e')")
    services.warehouse.close()
    result = CliRunner().invoke(app, ["db", "views"], env=env)
    assert result.exit_code == 0
    with duckdb.connect(":memory:") as con:
        con.execute(result.stdout)
        found = con.execute("SELECT experiment_id FROM latest_decisions").fetchall()
    assert found == [("e",)]
