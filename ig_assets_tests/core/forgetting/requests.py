"""Requests to forget that are killed, and what they must leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ig_assets.warehouse.forgetting.receipts import read_receipts
from ig_assets.warehouse.migrations import KEYS
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import MONTH
from ig_assets_tests.core.forgetting.forgetting_factory import (
    PHRASE,
    REST,
    ForgettingFactory,
)
from ig_assets_tests.factories.warehouses import cells

KETTLE = "history/kettle"
STOPS = (
    *("intent", "found", "tables", "models", "index", "vendors", "datasets"),
    *("events", "warehouse", "search", "receipt", "done"),
)


class Killed(BaseException):
    """What no code of ours catches."""


def everything(warehouse: Warehouse) -> dict[str, list[Any]]:
    with warehouse.transaction() as con:
        return {
            table: sorted(con.execute(f"SELECT * FROM {table}").fetchall(), key=str)
            for table in KEYS
        }


def assert_forgotten(env: ForgettingFactory) -> None:
    """No trace of the words, and all that should be left is left."""
    for words in (PHRASE, REST, json.dumps(REST)[1:-1], "Mara"):
        assert env.files_with(words) == [], words
    assert not any(w in cell for cell in cells(env.warehouse) for w in (PHRASE, REST))
    assert "history/kettle" not in env.index.list_ids("tiny-3")
    assert len(list(env.index.list_ids("tiny-3"))) == 2
    [receipt] = read_receipts(env.work().receipts)
    assert receipt.fields["steps"]["search"]["places"] == {}
    assert receipt.fields["steps"]["search"]["sentences"] == 2
    [request] = env.read("SELECT * FROM forget_requests")
    assert (request["status"], request["number"]) == ("done", 1)
    assert request["receipt_hash"] == receipt.sha256
    manifest = json.loads((env.data / "datasets" / MONTH / "manifest.json").read_text())
    assert len(manifest["forgotten"]) == 2 and len(manifest["examples"]) == 4
    left = env.read("SELECT completion FROM training_examples")
    assert len(left) == 4 and "radishes" in str(left)


def killed_after(stop: str) -> Callable[[str], None]:
    def after(step: str) -> None:
        if step == stop:
            raise Killed

    return after
