"""A month of the demo with IG_RANKER=choose: fitted, choosing, measured, forgetting."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import dagster as dg
import pytest

from ig_assets_tests.headless.loop_fixtures import TurnedLoop, new_loop
from ig_assets_tests.stand_ins.openai_server import OpenAIStandIn

pytestmark = pytest.mark.further
HOOKS = 6


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnedLoop]:
    """One closed month of four topics, after the simulated past was imported."""
    with OpenAIStandIn() as stand_in:
        loop = new_loop(tmp_path_factory.mktemp("ranker"), stand_in)
        loop.env |= {
            "IG_RANKER": "choose",
            "IG_TOPICS_PER_MONTH": "4",
            "IG_CONTROL_SHARE": "0",
        }
        loop.turn(1)
        yield loop


def test_the_past_proves_the_ranker_before_the_month_is_written(
    month: TurnedLoop,
) -> None:
    [first, *later] = month.rows(
        "SELECT * FROM models WHERE provider = 'ranker' ORDER BY created_at"
    )
    assert json.loads(first["artifact"])["state"] == "proven"
    assert json.loads(first["artifact"])["simulated"]
    assert len(later) == 1, "the first of the next month fits it again"
    numbers = month.rows("SELECT DISTINCT number FROM ranker_bets ORDER BY number")
    assert len(numbers) >= 150, "each comparison was bet on or passed over, once"


def test_it_chooses_two_of_six_hooks_and_one_more_is_drawn(month: TurnedLoop) -> None:
    choices = month.rows("SELECT * FROM hook_choices")
    roles = Counter((row["topic_id"], row["role"]) for row in choices)
    topics = {row["topic_id"] for row in choices}
    assert topics and all(roles[t, "best"] == 2 for t in topics)
    assert all(roles[t, "random"] == 1 for t in topics)
    assert {row["hooks"] for row in choices} <= {HOOKS - 1, HOOKS}
    posted = month.rows(
        "SELECT c.role FROM posts AS p JOIN hook_choices AS c "
        "ON c.variant_id = p.variant_id WHERE p.status = 'published'"
    )
    assert Counter(row["role"] for row in posted) == {
        "best": 2 * len(topics),
        "random": len(topics),
    }
    edges = month.rows("SELECT * FROM edges WHERE relation = 'chosen_by'")
    assert len(edges) == 2 * len(topics)


def test_the_command_and_the_page_show_its_state_and_what_its_choice_is_worth(
    month: TurnedLoop,
) -> None:
    shown = json.loads(month.command("ranker", "show", "--json").stdout)
    assert shown["artifact"]["state"] == "proven"
    assert shown["chosen_over_random"]["needed"] == 20.0
    assert shown["calibration"]["pairs"] > 100
    home = str(month.dagster_home)
    with dg.DagsterInstance.from_config(home) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("hook_ranker"))
    assert event is not None and event.asset_materialization is not None
    page = event.asset_materialization.metadata
    assert "chosen_over_random" in page and "calibration" in page


def test_a_score_leads_to_its_arms_and_a_forgotten_script_is_gone_after_a_refit(
    month: TurnedLoop,
) -> None:
    hook = "How to keep basil green for a week"
    scored = json.loads(month.command("ranker", "score", hook, "--json").stdout)
    [score] = scored["scores"]
    arm = score["voices_for"][0]["hook"]["arms"][0]
    script = arm["script_id"]
    assert script is not None
    behind = month.command("lineage", arm["post_id"], "--json")
    assert behind.returncode == 0 and script in behind.stdout
    forgotten = month.command("forget", script, "--reason", "asked")
    assert forgotten.returncode == 0, forgotten.stderr
    fitted = json.loads(month.command("ranker", "fit", "--json").stdout)
    assert fitted["left_out"]["forgotten"] >= 1
    model_id = fitted["model"]["model_id"]
    arms = month.rows(
        "SELECT script_id FROM ranker_arms WHERE model_id = ?", [model_id]
    )
    assert arms and script not in {row["script_id"] for row in arms}
