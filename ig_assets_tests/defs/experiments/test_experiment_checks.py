"""The checks of posts, engagement and decisions, and the page of results."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from ig_assets.wiring import token_store
from ig_assets_tests.defs.checked import (
    EVIDENCE,
    EXPERIMENT,
    POST,
    READING,
    figures,
    records,
    verdict,
)
from ig_assets_tests.defs.ticking import DagsterEnv

DECISION = {
    "experiment_id": "e1",
    "decided_at": datetime(2026, 1, 20),
    "decision": "winner",
    "winner_arm": "a",
}


# ── engagement ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("now", "likes", "reach", "missing"),
    [
        (datetime(2026, 1, 5, 8), None, None, []),  # the platform may still lag
        (datetime(2026, 1, 5, 10), None, None, ["likes", "reach"]),
        (datetime(2026, 1, 5, 10), 3.0, None, ["reach"]),
        (datetime(2026, 1, 5, 10), 0.0, 90.0, []),  # zero is a figure
    ],
)
def test_a_post_that_lacks_a_counter_after_three_days_is_named_with_it(
    dagster_env: DagsterEnv,
    now: datetime,
    likes: float | None,
    reach: float | None,
    missing: list[str],
) -> None:
    dagster_env.write("experiments", EXPERIMENT)
    dagster_env.write("posts", POST)
    dagster_env.write(
        "engagement",
        READING | {"value": likes, "age_hours": 63.0},
        READING | {"metric": "reach", "value": reach, "age_hours": 63.0},
    )
    dagster_env.clock.move_to(now)
    result = dagster_env.check("engagement_metrics", "engagement_has_arrived")
    assert (result.passed, figures(result.metadata)) == (
        not missing,
        {"silent_posts": min(len(missing), 1)},
    )
    assert [row.data["missing"] for row in records(result, "sample")] == missing
    assert {
        row.data["metric"]: row.data["missing"]
        for row in records(result, "last_reading")
    } == {"likes": int(likes is None), "reach": int(reach is None)}


@pytest.mark.parametrize(
    ("now", "later", "stale"),
    [
        (datetime(2026, 1, 7, 23), None, 0),
        (datetime(2026, 1, 8, 1), None, 1),  # not read since
        (datetime(2026, 1, 8, 1), {"value": None}, 1),  # nothing was answered since
        (datetime(2026, 1, 8, 1), {"value": 4.0}, 0),
        (datetime(2026, 1, 30, 10), None, 0),  # read weekly by now
    ],
)
def test_a_post_whose_last_figure_is_over_three_days_old_is_named(
    dagster_env: DagsterEnv, now: datetime, later: dict[str, Any] | None, stale: int
) -> None:
    dagster_env.write("experiments", EXPERIMENT)
    dagster_env.write("posts", POST)
    dagster_env.write("engagement", READING | {"value": 3.0})
    if later is not None:
        dagster_env.write(
            "engagement", READING | {"as_of": datetime(2026, 1, 7)} | later
        )
    dagster_env.clock.move_to(now)
    result = dagster_env.check("engagement_metrics", "insights_are_fresh")
    assert (result.passed, figures(result.metadata)) == (
        not stale,
        {"stale_posts": stale},
    )


@pytest.mark.parametrize(("likes", "impossible"), [(3.0, 0), (30.0, 1)])
def test_an_experiment_with_more_events_than_trials_is_noticed(
    dagster_env: DagsterEnv, likes: float, impossible: int
) -> None:
    dagster_env.write("experiments", EXPERIMENT)
    dagster_env.write("posts", POST)
    dagster_env.write(
        "engagement",
        READING | {"value": likes},
        READING | {"metric": "reach", "value": 10.0},
    )
    result = dagster_env.check("engagement_metrics", "rates_are_shares")
    assert (result.passed, figures(result.metadata)) == (
        not impossible,
        {"impossible": impossible},
    )


# ── decisions ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("evidence", "unsupported"),
    [([EVIDENCE], 0), ([], 1), ([EVIDENCE | {"arm_a": "c"}], 1)],
)
def test_a_winner_without_evidence_about_its_arm_blocks(
    dagster_env: DagsterEnv, evidence: list[dict[str, Any]], unsupported: int
) -> None:
    dagster_env.write("experiments", EXPERIMENT | {"status": "decided"})
    dagster_env.write("decisions", DECISION)
    dagster_env.write("evidence", *evidence)
    result = dagster_env.check("experiment_results", "winners_have_evidence")
    assert (result.passed, figures(result.metadata)) == (
        not unsupported,
        {"winners": 1, "unsupported": unsupported},
    )


# ── splits and the token ──────────────────────────────────────────────────────


def test_a_sample_ratio_mismatch_is_named_and_unequal_organic_reach_is_not(
    dagster_env: DagsterEnv,
) -> None:
    counts = {"events_a": 90.0, "events_b": 40.0, "log_e": 0.0, "max_log_e": 0.0}
    uneven = {"trials_a": 9000.0, "trials_b": 1000.0, "z": 0.0} | counts
    for name, randomised in (("r1", True), ("e1", False)):
        ended = {"experiment_id": name, "status": "decided", "randomised": randomised}
        dagster_env.write("experiments", EXPERIMENT | ended)
        dagster_env.write("evidence", EVIDENCE | {"experiment_id": name} | uneven)
        look = {"data_through": EVIDENCE["data_through"], "split_log_e": 900.0}
        dagster_env.write("standings", {"experiment_id": name, **look})
    evaluation = verdict(
        dagster_env.materialise("experiment_results"), "splits_are_as_planned"
    )
    assert not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.WARN
    assert figures(evaluation.metadata) == {"randomised": 1, "mismatched": 1}
    [row] = records(evaluation, "sample")
    assert row.data["experiment_id"] == "r1" and row.data["trials_a"] == 9000.0


def test_a_post_whose_outcome_is_unknown_is_reported_with_what_to_do(
    dagster_env: DagsterEnv,
) -> None:
    dagster_env.write("experiments", EXPERIMENT)
    dagster_env.write("posts", POST | {"status": "failed"})
    evaluation = verdict(
        dagster_env.materialise("posts", "2026-01"), "posts_have_known_outcomes"
    )
    assert not evaluation.passed and figures(evaluation.metadata) == {"open": 1}
    assert str(evaluation.description).startswith("1 posts failed, and of 0 it is")
    assert "Run publish_posts again" in str(evaluation.description)


def test_a_token_that_expires_within_a_week_is_reported(
    dagster_env: DagsterEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verdict(dagster_env.materialise("posts", "2026-01"), "token_is_fresh").passed
    monkeypatch.setenv("IG_INSTAGRAM_TOKEN", "a-token-of-facebook-login")
    given = hashlib.sha256(b"a-token-of-facebook-login").hexdigest()[:16]
    store = token_store(dagster_env.services.settings)
    now = dagster_env.services.clock.now()
    for days, passed in ((8, True), (6, False), (-1, False)):
        kept = {"given": given, "token": "t", "is_reported": True, "tried_at": None}
        expires_at = (now + timedelta(days=days)).isoformat()
        store.write_text(json.dumps(kept | {"expires_at": expires_at}), "utf-8")
        evaluation = verdict(
            dagster_env.materialise("posts", "2026-01"), "token_is_fresh"
        )
        assert evaluation.passed is passed
        assert figures(evaluation.metadata)["days_left"] == pytest.approx(days, abs=0.1)


def test_the_page_of_results_shows_course_sentences_and_claims(
    dagster_env: DagsterEnv,
) -> None:
    topic = {"month": "2026-01", "topic_id": "t1", "topic": "<b>knives</b> | forks"}
    dagster_env.write("topics", topic)
    dagster_env.write(
        "experiments", EXPERIMENT | {"topic_id": "t1", "status": "decided"}
    )
    dagster_env.write("posts", POST, POST | {"post_id": "p2", "arm": "b"})
    counts = {"events_a": 90.0, "trials_a": 900.0, "events_b": 60.0, "trials_b": 900.0}
    seen = {"age_days": 14.0, "log_e": 1.0, "max_log_e": 1.0, "z": 2.5}
    dagster_env.write("evidence", EVIDENCE | counts | seen)
    standing = {"experiment_id": EXPERIMENT["experiment_id"], "age_days": 14.0}
    standing |= {"data_through": EVIDENCE["data_through"], "leader_arm": "a"}
    standing |= {"runner_up_arm": "b", "rival_arm": "b", "lead": math.log(1.5)}
    dagster_env.write("standings", standing | {"log_e": 1.0, "z": 2.5, "rule": "z"})
    dagster_env.write("decisions", DECISION)
    [made] = dagster_env.materialise(
        "experiment_results"
    ).asset_materializations_for_node("experiment_results")
    assert made.metadata["newest_experiments"].value.startswith("![rates and evidence")
    assert (
        "| &lt;b&gt;knives&lt;/b&gt; \\| forks | a wins: it leads b by 50 %"
        in made.metadata["verdicts"].value
    )
    claims = made.metadata["across_topics"].value.records
    assert {row.data["claim"] for row in claims} == {"undecided"}
