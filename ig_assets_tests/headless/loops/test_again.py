"""Turning the loop again repeats nothing, and a kill on the way changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ig_assets_tests.headless.loop_fixtures import MONTHS, Loops, TurnedLoop
from ig_assets_tests.stand_ins.openai_server import RESPONSES

JANUARY = MONTHS[0]
IN_FLIGHT = 8  # IG_MAX_IN_FLIGHT, as it is by default
KILLS = 2

# What the first month made, without the moments at which it was made.
MADE = {
    "drafts": "SELECT variant_id, arm, hook_style, text FROM drafts WHERE month = ?",
    "variants": "SELECT variant_id, text, rejection FROM variants WHERE month = ?",
    "posts": """
        SELECT p.post_id, p.variant_id, p.slot, p.platform_post_id, p.published_at,
            p.status
        FROM posts AS p
        JOIN experiments AS e ON e.experiment_id = p.experiment_id
        WHERE e.month = ? AND p.variant_id IS NOT NULL
        """,
    "decisions": """
        SELECT d.experiment_id, d.decision, d.winner_arm, d.lift
        FROM decisions AS d
        JOIN experiments AS e ON e.experiment_id = d.experiment_id
        JOIN topics AS t ON t.month = e.month AND t.topic_id = e.topic_id
        WHERE e.month = ? AND d.decision <> 'running'
        """,
    "examples": """
        SELECT example_id, kind, split, round(weight, 9) AS weight
        FROM training_examples
        WHERE month = ?
        """,
    "datasets": "SELECT dataset_hash, kind, lines FROM datasets WHERE month = ?",
    "models": """
        SELECT m.model_id, m.name, j.status
        FROM fine_tune_jobs AS j
        JOIN models AS m ON m.job_id = j.job_id
        WHERE j.month = ?
        """,
}


def test_turning_again_has_nothing_to_do(loops: Loops) -> None:
    assert loops.whole.reports[1]["turned"] == []
    assert loops.whole.reports[1]["summary"] == loops.whole.summary


def test_turning_again_sends_no_request(loops: Loops) -> None:
    assert loops.requests_after == loops.requests_before
    assert loops.requests_before[RESPONSES] > 0


def test_turning_again_adds_no_row_to_any_table(loops: Loops) -> None:
    assert loops.counts_after == loops.counts_before


def test_every_request_is_a_row_that_was_paid(turned_loop: TurnedLoop) -> None:
    rows = turned_loop.rows("SELECT status, cost_usd FROM api_calls")
    assert len(rows) == sum(turned_loop.stand_in.requests.values())
    assert {row["status"] for row in rows} == {"done"}
    assert all(row["cost_usd"] > 0 for row in rows)


@pytest.mark.soak
@pytest.mark.parametrize("what", sorted(MADE))
def test_a_loop_that_was_killed_makes_what_an_undisturbed_one_makes(
    turned_loop: TurnedLoop, killed_loop: TurnedLoop, what: str
) -> None:
    def made(loop: TurnedLoop) -> list[tuple[Any, ...]]:
        rows = loop.rows(MADE[what], [JANUARY])
        return sorted(map(lambda row: tuple(map(str, row.values())), rows))

    assert made(killed_loop) == made(turned_loop)
    assert made(turned_loop)


@pytest.mark.soak
def test_a_kill_repeats_at_most_what_was_in_flight(
    turned_loop: TurnedLoop, killed_loop: TurnedLoop
) -> None:
    (needed,) = turned_loop.rows(
        "SELECT count(*) AS n FROM api_calls WHERE month = ? AND operation <> 'index' "
        "AND operation <> 'ingest' AND operation <> 'query'",
        [JANUARY],
    )
    sent = killed_loop.stand_in.requests[RESPONSES]
    assert needed["n"] <= sent <= needed["n"] + KILLS * IN_FLIGHT


@pytest.mark.soak
def test_what_was_in_flight_at_a_kill_stays_visible(killed_loop: TurnedLoop) -> None:
    rows = killed_loop.rows("SELECT status, count(*) AS n FROM api_calls GROUP BY 1")
    by_status = {row["status"]: row["n"] for row in rows}
    assert set(by_status) <= {"done", "unknown"}
    assert sum(by_status.values()) >= sum(killed_loop.stand_in.requests.values())
