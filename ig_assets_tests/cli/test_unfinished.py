"""Commands that use texts say that some of them have still to be forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ig_assets.adapters.simulated.clocks import SystemClock
from ig_assets.cli.app import app
from ig_assets.cli.operations import loop
from ig_assets.warehouse.rows import insert_row
from ig_assets.warehouse.warehouse import Warehouse

COMMANDS = [
    ["sync", "--dry-run"],
    ["sync"],
    ["generate"],
    ["loop"],
    ["import-history", "nothing.csv"],
    ["fine-tune", "prepare", "--month", "2026-01"],
    ["fine-tune", "submit", "--month", "2026-01"],
    ["ranker", "fit"],
]
SENTENCE = "1 request to forget is not finished, so that words which have to go may be"


@pytest.mark.parametrize("status", ["begun", "done"])
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_that_uses_texts_warns_of_an_unfinished_forgetting(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    status: str,
) -> None:
    monkeypatch.setattr(loop, "_turn", lambda *given, **more: [])
    for name in ("load_definitions", "open_instance"):
        monkeypatch.setattr(f"ig_assets.headless.runner.{name}", nothing_runs)
    url = f"duckdb:///{tmp_path / 'w.duckdb'}"
    warehouse = Warehouse(url, SystemClock().now)
    with warehouse.transaction() as con:
        insert_row(con, "forget_requests", {"request_id": "r", "status": status})
    warehouse.close()
    settings = {
        "IG_DATA_DIR": str(tmp_path),
        "IG_WAREHOUSE_URL": url,
        "IG_LIBRARY": str(tmp_path / "library"),
        "IG_EMBEDDER": "openai",
        "OPENAI_API_KEY": "never-a-key-for-tests",
        "OPENAI_BASE_URL": "http://127.0.0.1:9",
        "DAGSTER_HOME": str(tmp_path / "dagster"),
    }
    result = CliRunner().invoke(app, arguments, env=settings)
    said = " ".join(result.output.split())
    assert (SENTENCE in said) == (status == "begun"), result.output
    assert ("`ig-assets forget --resume`" in said) == (status == "begun")


def nothing_runs(*given: object) -> None:
    raise SystemExit(1)
