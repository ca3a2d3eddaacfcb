"""A corpus sync that is killed anywhere ends, when run again, where it would have.

Two steps are disturbed: the first sync of five scripts, and a sync after one was
changed, one removed, one added and one only described anew.
"""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ig_assets.core.corpus.index_sync import namespace_of
from ig_assets.warehouse.connection import Warehouse
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets_tests.core.corpus.corpus_process import (
    BATCH,
    DIMENSIONS,
    IN_FLIGHT,
    MODEL,
    Clock,
    index_of,
    start_sync,
)
from ig_assets_tests.stand_ins.openai_server import EMBEDDINGS, OpenAIStandIn

PATIENCE_S = 120  # for a machine that hangs; nothing is timed
RANDOM_KILLS = 50

SCRIPT = """---
id: {name}
topic: {topic}
---
# Why does {words} never work?

First look at {words}. Then change one thing.

CTA: Save this for later.
"""

# What must be the same as after an undisturbed sync; ids of calls and runs differ.
TABLES = {
    "scripts": "*",
    "script_status": "*",
    "script_rejects": "*",
    "script_performance": "*",
    "library_files": "* EXCLUDE (stamp)",
    "embeddings": "*",
    "index_entries": "*",
    "edges": "* EXCLUDE (run_id)",
}


@dataclass(frozen=True)
class Ended:
    """What a data folder holds, and what was sent for it."""

    tables: dict[str, list[str]]
    index: list[str]
    calls: Counter[str]
    sent: Counter[tuple[str, ...]]


@dataclass(frozen=True)
class Step:
    """A folder before a sync, how the sync ends undisturbed, and its boundaries."""

    before: Path
    ended: Ended
    boundaries: int
    seconds: float


@pytest.fixture(scope="module")
def stand_in() -> Iterator[OpenAIStandIn]:
    with OpenAIStandIn() as server:
        yield server


@pytest.fixture(scope="module")
def steps(
    stand_in: OpenAIStandIn, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Step]:
    """The first sync and the one after changes, each undisturbed."""
    home = tmp_path_factory.mktemp("undisturbed")
    first = home / "first"
    for n in range(5):
        write_script(first, f"script-{n}", f"words {n}")
    steps = {"first": undisturbed(first, stand_in)}
    second = home / "second"
    shutil.copytree(first / "done", second)
    write_script(second, "script-1", "other words")
    (second / "scripts" / "script-2.md").unlink()
    write_script(second, "script-8", "words 8")
    write_script(second, "script-3", "words 3", topic="another topic")
    steps["changes"] = undisturbed(second, stand_in)
    return steps


def write_script(folder: Path, name: str, words: str, topic: str = "a topic") -> None:
    scripts = folder / "scripts"
    scripts.mkdir(parents=True, exist_ok=True)
    text = SCRIPT.format(name=name, topic=topic, words=words)
    (scripts / f"{name}.md").write_text(text, encoding="utf-8")


def undisturbed(before: Path, stand_in: OpenAIStandIn) -> Step:
    """Sync a copy of the folder, which is kept as `done` inside it."""
    done = before / "done"
    shutil.copytree(before, done)
    stand_in.forget()
    started = time.monotonic()
    process = start_sync(done, stand_in.base_url, "run-1")
    process.join(PATIENCE_S)
    seconds = time.monotonic() - started
    assert process.exitcode == 0
    boundaries = int((done / "boundaries").read_text())
    return Step(before, ended(done, stand_in), boundaries, seconds)


def ended(folder: Path, stand_in: OpenAIStandIn) -> Ended:
    warehouse = Warehouse(f"duckdb:///{folder / 'w.duckdb'}", Clock().now)
    with warehouse.transaction() as con:
        tables = {
            table: sorted(map(str, fetch_dicts(con, f"SELECT {what} FROM {table}")))
            for table, what in TABLES.items()
        }
        calls = con.execute("SELECT status FROM api_calls").fetchall()
    listed = list(index_of(folder).list_ids(namespace_of(MODEL, DIMENSIONS)))
    bodies = stand_in.bodies(EMBEDDINGS)
    return Ended(
        tables=tables,
        index=sorted(listed),
        calls=Counter(status for (status,) in calls),
        sent=Counter(tuple(body["input"]) for body in bodies),
    )


def copy_of(step: Step, folder: Path) -> Path:
    ignore = shutil.ignore_patterns("done")
    shutil.copytree(step.before, folder, ignore=ignore)
    return folder


def run_again(folder: Path, stand_in: OpenAIStandIn) -> Ended:
    process = start_sync(folder, stand_in.base_url, "run-2")
    process.join(PATIENCE_S)
    assert process.exitcode == 0
    return ended(folder, stand_in)


def assert_nothing_lost_or_paid_twice(step: Step, seen: Ended) -> None:
    """The tables and the index are right; what was sent again is seen as unknown."""
    assert seen.tables == step.ended.tables
    assert seen.index == step.ended.index
    sent, needed = texts(seen.sent), texts(step.ended.sent)
    assert set(sent) == set(needed)
    assert sum((sent - needed).values()) <= IN_FLIGHT * BATCH
    assert set(seen.calls) <= {"done", "unknown"}
    paid_before = step.ended.calls["done"] - sum(step.ended.sent.values())
    unanswered = sum(seen.sent.values()) - (seen.calls["done"] - paid_before)
    assert 0 <= unanswered <= seen.calls["unknown"] <= IN_FLIGHT


def texts(sent: Counter[tuple[str, ...]]) -> Counter[str]:
    """How often each text was sent."""
    counted: Counter[str] = Counter()
    for batch, times in sent.items():
        counted.update(dict.fromkeys(batch, times))
    return counted


@pytest.mark.parametrize("name", ["first", "changes"])
def test_killed_at_any_boundary_a_rerun_ends_as_if_it_was_not(
    name: str, steps: dict[str, Step], stand_in: OpenAIStandIn, tmp_path: Path
) -> None:
    step = steps[name]
    killed = 0
    for boundary in range(1, step.boundaries + 1):
        folder = copy_of(step, tmp_path / str(boundary))
        stand_in.forget()
        process = start_sync(folder, stand_in.base_url, "run-1", boundary)
        process.join(PATIENCE_S)
        # Commits that wait together become one, so that a run may have fewer of them.
        assert process.exitcode in (-signal.SIGKILL, 0)
        killed += process.exitcode == -signal.SIGKILL
        seen = run_again(folder, stand_in)
        assert_nothing_lost_or_paid_twice(step, seen)
        shutil.rmtree(folder)
    assert killed > 20


@pytest.mark.parametrize("name", ["first", "changes"])
def test_killed_at_random_moments_a_rerun_ends_as_if_it_was_not(
    name: str, steps: dict[str, Step], stand_in: OpenAIStandIn, tmp_path: Path
) -> None:
    step = steps[name]
    draw = random.Random(name)
    killed = 0
    for attempt in range(RANDOM_KILLS // 2):
        folder = copy_of(step, tmp_path / str(attempt))
        stand_in.forget()
        process = start_sync(folder, stand_in.base_url, "run-1")
        process.join(draw.uniform(0.0, step.seconds))
        process.kill()
        process.join(PATIENCE_S)
        killed += process.exitcode == -signal.SIGKILL
        seen = run_again(folder, stand_in)
        assert_nothing_lost_or_paid_twice(step, seen)
        shutil.rmtree(folder)
    assert killed > 0


def test_a_sync_after_a_sync_changes_nothing_and_sends_nothing(
    steps: dict[str, Step], stand_in: OpenAIStandIn, tmp_path: Path
) -> None:
    step = steps["changes"]
    folder = tmp_path / "again"
    shutil.copytree(step.before / "done", folder)
    stand_in.forget()
    seen = run_again(folder, stand_in)
    assert (seen.tables, seen.index) == (step.ended.tables, step.ended.index)
    assert not seen.sent
