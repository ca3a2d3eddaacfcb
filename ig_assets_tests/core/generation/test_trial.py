"""A topic on trial is written and measured, and leaves nothing but its calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ig_assets.cli.app import app
from ig_assets.settings import load_settings
from ig_assets.warehouse.migrations import KEYS
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.wiring import Services
from ig_assets_tests.stand_ins.openai_server import OpenAIStandIn

MAY_GROW = {"api_calls", "embeddings", "query_vectors"}


@pytest.fixture
def stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: OpenAIStandIn
) -> OpenAIStandIn:
    for name, value in {
        "IG_DATA_DIR": str(tmp_path / "data"),
        "IG_WRITER": "openai",
        "IG_EMBEDDER": "openai",
        "IG_OPENAI_EMBEDDING_DIMENSIONS": "64",
        "OPENAI_API_KEY": "sk-test-never-displayed",
        "OPENAI_BASE_URL": server.base_url,
    }.items():
        monkeypatch.setenv(name, value)
    return server


def counts() -> dict[str, int]:
    with Services(load_settings()).warehouse.transaction() as con:
        return {
            table: fetch_dicts(con, f"SELECT count(*) AS n FROM {table}")[0]["n"]
            for table in KEYS
        }


def test_a_trial_shows_texts_gates_and_cost_and_records_its_calls_alone(
    stand_in: OpenAIStandIn,
) -> None:
    before = counts()
    asked = ["generate", "--try", "--topic", "sharp knives", "--variants", "2"]
    asked += ["--brief", "the ring under a mug, ten strokes on each side", "--json"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert [text["arm"] for text in told["texts"]] == ["a", "b"]
    assert all(text["hook"] and len(text["figures"]) > 8 for text in told["texts"])
    after = counts()
    grown = {table for table in after if after[table] != before[table]}
    assert "api_calls" in grown and grown <= MAY_GROW
    assert after["api_calls"] - before["api_calls"] == told["calls"] > 2
    said = CliRunner().invoke(app, asked[:-1]).output
    assert "Nothing else was kept" in said and told["texts"][0]["hook"] in said
    assert counts()["drafts"] == 0


def test_a_trial_without_a_topic_says_what_to_type(stand_in: OpenAIStandIn) -> None:
    done = CliRunner().invoke(app, ["generate", "--try"])
    assert done.exit_code == 2 and "--topic" in done.output
    assert sum(stand_in.requests.values()) == 0
