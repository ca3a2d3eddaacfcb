"""`ig-assets costs --reconcile` and `metrics show` on a data folder of their own."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ig_assets.cli.app import app
from ig_assets.settings import load_settings
from ig_assets.warehouse.rows import merge_rows
from ig_assets.wiring import Services


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger of one call of two dollars, and an export that has three."""
    monkeypatch.setenv("IG_DATA_DIR", str(tmp_path / "data"))
    call = {"call_id": "a", "provider": "openai", "model": "o3", "status": "done"}
    more = {"operation": "judge", "cost_usd": 2.0, "called_at": datetime(2026, 5, 1)}
    warehouse = Services(load_settings()).warehouse
    with warehouse.transaction() as con:
        merge_rows(con, "api_calls", [call | more])
    warehouse.close()
    file = tmp_path / "costs.csv"
    rows = ["2026-05-01,3.0,usd,o3", "2026-05-01,1.0,eur,o3", "2026-05-01,0,usd,o3"]
    file.write_text("\n".join(["date,amount,currency,line_item", *rows]))
    return file


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result


def test_the_ledger_is_compared_with_an_export_line_by_line(export: Path) -> None:
    said = " ".join(run("costs", "--reconcile", str(export)).stdout.split())
    assert "2026-05-01" in said and "unexplained" in said
    assert "Not compared: row 3: its currency is 'eur', not USD." in said
    counted = "1 lines were compared, 1 rejected, 1 of no amount."
    assert f"{counted} Unexplained: USD 1.0000." in said
    answer = json.loads(run("costs", "--reconcile", str(export), "--json").stdout)
    assert answer["unexplained_usd"] == 1.0 and answer["skipped"] == 1
    assert [line["verdict"] for line in answer["lines"]] == ["unexplained"]
    table = run("costs", "--reconcile", str(export), "-f", "csv").stdout.splitlines()
    assert table[0].startswith("when,item,invoice_usd,ledger_usd") and len(table) == 2


def test_pinecones_lines_are_said_to_be_no_calls_of_the_ledger(export: Path) -> None:
    asked = ("costs", "--reconcile", str(export), "--vendor", "pinecone")
    said = " ".join(run(*asked).stdout.split())
    assert "no calls of the ledger, so nothing is compared" in said
    answer = json.loads(run(*asked, "--json").stdout)
    assert {line["verdict"] for line in answer["lines"]} == {
        "not compared: no call of this vendor is in the ledger"
    }
    assert answer["unexplained_usd"] == 0.0


def test_the_figures_are_shown_once_with_the_state_of_the_warehouse(
    export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    text = run("metrics", "show").stdout
    assert 'ig_assets_calls_total{operation="judge",status="done"} 1' in text
    assert "ig_assets_warehouse_readable 1" in text
    monkeypatch.delenv("DAGSTER_HOME")


def test_what_trials_took_is_said_and_is_in_no_variants_cost(export: Path) -> None:
    warehouse = Services(load_settings()).warehouse
    trial = {"call_id": "t", "asset": "generate_try", "operation": "generate"}
    with warehouse.transaction() as con:
        merge_rows(con, "api_calls", [trial | {"cost_usd": 0.5}])
        merge_rows(con, "variants", [{"variant_id": "v"}])
    warehouse.close()
    said = " ".join(run("costs").stdout.split())
    assert "In all USD 2.5000; a variant 0.0000." in said
    assert "USD 0.5000 of it was for texts on trial" in said
