"""A run that is killed loses at most what was in flight, and says so."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ig_assets_tests.core.costs.ledger.drafting_process import (
    IN_FLIGHT,
    TOPICS,
    start_drafting,
)
from ig_assets_tests.core.generation.generation_factory import GenerationFactory
from ig_assets_tests.stand_ins.openai_server import OpenAIStandIn

WRITTEN = {
    "drafts": "SELECT * FROM drafts ORDER BY variant_id",
    "retrievals": 'SELECT * FROM retrievals ORDER BY variant_id, "rank"',
    "edges": "SELECT * EXCLUDE (run_id) FROM edges ORDER BY ALL",
}


@pytest.fixture
def server() -> Iterator[OpenAIStandIn]:
    with OpenAIStandIn(delay_s=0.01) as server:
        yield server


def env_with_topics(folder: Path, server: OpenAIStandIn) -> GenerationFactory:
    folder.mkdir()
    env = GenerationFactory(folder, server.base_url)
    env.topics(*TOPICS)
    return env


def requests_of(server: OpenAIStandIn) -> Counter[str]:
    return Counter(json.dumps(body, sort_keys=True) for body in server.bodies())


def written(env: GenerationFactory) -> dict[str, list[dict[str, Any]]]:
    return {table: env.read(sql) for table, sql in WRITTEN.items()}


# `make test` kills three times, `make test-all` ten times too.
@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.soak)])
def test_after_ten_kills_the_rows_are_those_of_an_undisturbed_run(
    tmp_path: Path, server: OpenAIStandIn, kills: int
) -> None:
    calm = env_with_topics(tmp_path / "calm", server)
    calm.draft(calm.arms(), "calm", in_flight=8)
    once = requests_of(server)
    assert set(once.values()) == {1} and len(once) == 2 * len(TOPICS)

    server.forget()
    env = env_with_topics(tmp_path / "killed", server)
    draw, interrupted = random.Random(11), 0
    for kill in range(kills):
        process = start_drafting(tmp_path / "killed", server.base_url, f"run-{kill}")
        seen = server.requests.total()
        until = seen + draw.randint(2, 4)
        while process.is_alive() and server.requests.total() < until:
            process.join(timeout=0.002)
        threading.Event().wait(draw.random() * 0.05)
        interrupted += process.is_alive()
        process.kill()
        process.join()
    assert 2 * interrupted >= kills, "the kills came too late to show anything"
    assert env.read(WRITTEN["drafts"]), "the kills came too early to show anything"

    env.draft(env.arms(), "last", in_flight=IN_FLIGHT)
    assert written(env) == written(calm)

    asked, statuses = requests_of(server), env.statuses()
    assert set(asked) == set(once)
    repeated = asked.total() - len(once)
    assert repeated <= kills * IN_FLIGHT
    assert statuses["done"] == len(once)
    # A reservation may also have died just before its request was sent.
    assert repeated <= statuses.get("unknown", 0) <= kills * IN_FLIGHT
    assert set(statuses) <= {"done", "unknown"}
