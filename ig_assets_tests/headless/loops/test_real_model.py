"""The loop with the small real model: no key, no server, one topic, one month."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ig_assets_tests.headless.loop_fixtures import KEY, TurnedLoop, without_settings
from ig_assets_tests.stand_ins.openai_server import OpenAIStandIn

pytestmark = pytest.mark.model

JANUARY = "2026-01"


@pytest.fixture(scope="module")
def real_loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnedLoop]:
    """One month turned with the defaults, the 0.5B model and a single topic."""
    data_dir = tmp_path_factory.mktemp("real") / "data"
    data_dir.mkdir()
    with OpenAIStandIn() as unused:
        env = without_settings(os.environ) | {
            "IG_DATA_DIR": str(data_dir),
            "IG_LOCAL_MODEL": "0.5b",
            "IG_TOPICS_PER_MONTH": "1",
            "IG_LOCAL_IDLE_S": "10",
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": unused.base_url,
            "DAGSTER_DISABLE_TELEMETRY": "yes",
        }
        loop = TurnedLoop(data_dir, env, unused, [])
        loop.turn(1)
        yield loop


def test_a_real_script_is_written_for_every_arm(real_loop: TurnedLoop) -> None:
    rows = real_loop.rows(
        "SELECT arm, hook, body, call_to_action, text, rejection FROM drafts "
        "WHERE month = ? ORDER BY arm",
        [JANUARY],
    )
    assert [row["arm"] for row in rows][:2] == ["a", "b"]
    for row in rows:
        assert row["rejection"] is None
        assert row["hook"] and row["body"] and row["call_to_action"]
        assert row["text"].startswith(row["hook"])
        assert len(row["body"].split()) >= 10


def test_a_key_in_the_environment_changes_nothing(real_loop: TurnedLoop) -> None:
    assert not real_loop.stand_in.requests


def test_the_drafts_say_which_model_wrote_them_and_from_what(
    real_loop: TurnedLoop,
) -> None:
    rows = real_loop.rows("""
        SELECT d.provider, d.model_id, d.settings, count(r.script_id) AS grounded_in
        FROM drafts AS d
        LEFT JOIN retrievals AS r ON r.variant_id = d.variant_id
        GROUP BY ALL
        """)
    assert rows
    for row in rows:
        assert row["provider"] == "local"
        assert "0.5b" in row["model_id"]
        assert json.loads(row["settings"])["seed"] >= 0
        assert row["grounded_in"] == 2


def test_local_calls_cost_nothing_and_their_tokens_are_counted(
    real_loop: TurnedLoop,
) -> None:
    rows = real_loop.rows(
        "SELECT operation, status, cost_usd, input_tokens, output_tokens "
        "FROM api_calls WHERE operation IN ('generate', 'polish')"
    )
    assert {row["operation"] for row in rows} == {"generate", "polish"}
    assert {row["cost_usd"] for row in rows} == {0.0}
    assert all(row["input_tokens"] > 50 for row in rows if row["status"] == "done")
    assert all(row["output_tokens"] > 10 for row in rows if row["status"] == "done")
    assert real_loop.summary["cost_usd"] == 0.0
    assert real_loop.summary["at_openai_prices_usd"] > 0


def test_the_month_closes_with_a_model_of_its_own(real_loop: TurnedLoop) -> None:
    (month,) = real_loop.summary["months"]
    assert month["job_status"] == "succeeded"
    assert month["model"].startswith("few_shot:")
    assert month["sft_examples"] > 0
    assert Path(real_loop.data_dir / "datasets" / JANUARY / "manifest.json").exists()
