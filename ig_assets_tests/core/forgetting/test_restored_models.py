"""After a restore that forgets again, it is settled which model writes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ig_assets.cli.app import app
from ig_assets.core.forgetting.service import forget, plan_forgetting, resume
from ig_assets.core.forgetting.steps import settle_replayed
from ig_assets.core.models.registry import RANKER, list_models, set_status
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.forgetting.forgetting_factory import BASE, ForgettingFactory

KETTLE = "history/kettle"


def statuses(warehouse: Warehouse) -> dict[str, str]:
    with warehouse.transaction() as con:
        return {model.model_id: model.status for model in list_models(con)}


@pytest.mark.parametrize(
    "rolls_back, was, base", [(True, "tainted", "active"), (False, "active", "retired")]
)
def test_a_replay_that_taints_the_active_model_is_settled_by_the_setting(
    env: ForgettingFactory, tmp_path: Path, rolls_back: bool, was: str, base: str
) -> None:
    (tmp_path / "backup").mkdir()
    for file in env.data.glob("w.duckdb*"):  # with its log
        shutil.copyfile(file, tmp_path / "backup" / file.name)
    forget(env.work(rolls_back=rolls_back), [KETTLE], "a letter", "rita")
    env.warehouse.close()
    (env.data / "w.duckdb.wal").unlink(missing_ok=True)
    shutil.copytree(tmp_path / "backup", env.data, dirs_exist_ok=True)
    home = Warehouse(env.warehouse.url, env.clock.now)
    assert statuses(home) == {env.model_id: "tainted", BASE: "retired"}
    [receipt] = resume(env.work(warehouse=home, rolls_back=rolls_back))
    assert statuses(home) == {env.model_id: was, BASE: base}
    assert receipt.again is not None
    model = BASE if rolls_back else env.model_id
    told = "rolled back" if rolls_back else "kept"
    assert receipt.again["models"] == {"active": told, "model": model}
    assert settle_replayed(home, env.clock, rolls_back) == {"active": None}
    home.close()


def test_a_restore_says_which_model_is_active_now(env: ForgettingFactory) -> None:
    settings = {
        "IG_DATA_DIR": str(env.data),
        "IG_WAREHOUSE_URL": f"duckdb:///{env.data / 'w.duckdb'}",
        "IG_LIBRARY": str(env.data.parent / "library"),
    }

    def said(*arguments: str) -> str:
        result = CliRunner().invoke(app, arguments, env=settings)
        assert result.exit_code == 0, result.output
        return " ".join(result.stdout.split())

    backups = str(env.data.parent / "backups")
    folder = json.loads(said("db", "backup", backups, "--json"))["folder"]
    said("forget", KETTLE, "--reason", "a letter")
    restored = said("db", "restore", folder, "--replace")
    assert f"The active model was tainted; {BASE} is active in its" in restored
    assert statuses(env.warehouse) == {env.model_id: "tainted", BASE: "active"}
    with env.warehouse.transaction() as con:
        set_status(con, BASE, "retired", "a test", env.clock.now())
    env.warehouse.close()
    none = "active model: none is active: 2 are registered; ig-assets models promote"
    assert none in said("status")


def test_a_ranker_in_use_is_not_the_model_that_writes(env: ForgettingFactory) -> None:
    row = {"model_id": "a-ranker", "provider": RANKER, "name": "r", "base_model": "r"}
    env.write("models", row | {"created_at": env.clock.now()})
    with env.warehouse.transaction() as con:
        set_status(con, "a-ranker", "active", "a test", env.clock.now())
    found = plan_forgetting(env.work(), [KETTLE]).found
    assert found.active_model == env.model_id
