"""A corpus sync that is killed anywhere reaches the same end in its next run.

Two steps are disturbed: the first sync of a few scripts, and a sync after some were
changed, removed, renamed, added, broken or given new labels.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ig_assets.warehouse.migrations import KEYS
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection, Warehouse
from ig_assets_tests.core.corpus.corpus_process import (
    BATCH,
    IN_FLIGHT,
    SPACE,
    Clock,
    index_of,
    start_sync,
    sync_all,
)
from ig_assets_tests.stand_ins.openai_server import EMBEDDINGS, OpenAIStandIn

PATIENCE_S = 120  # for a machine that hangs; nothing is timed
RANDOM_KILLS = {"sample": 2, "all": 25}
NAMESPACE = SPACE.namespace

SCRIPT = """---
id: {name}
topic: {topic}
performance: {{as_of: 2026-01-01, views: 100, likes: {likes}}}
---
# Why does {words} never work?

First look at {words}. Then change one thing.

CTA: Save this for later.
"""

# Every table must be as after an undisturbed sync; ids of calls and states differ, and
# whether files had settled when they were read, which the checkpoints follow.
DIFFERS = {
    "library_files": "stamp",
    "edges": "run_id",
    "index_generations": "generation",
    "source_states": "run_id",
}
TABLES = {
    table: f"* EXCLUDE ({DIFFERS[table]})" if table in DIFFERS else "*"
    for table in KEYS
    if table not in ("api_calls", "sync_checkpoints")
}

# The two steps know nothing of each other, so two workers may take one each.
either_step = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xdist_group(f"crash of {name}"))
        for name in ("first", "changes")
    ],
)
# `make test` kills at the first boundary of each kind in the one step and at the last
# of each kind in the other, `make test-all` at all of them in both.
SAMPLED = {"first": "first", "changes": "last"}
how_many = pytest.mark.parametrize(
    "moments", ["sample", pytest.param("all", marks=pytest.mark.soak)]
)


@dataclass(frozen=True)
class Ended:
    """What a data folder holds, and what was sent for it."""

    tables: dict[str, list[str]]
    index: list[str]
    calls: Counter[str]
    sent: list[tuple[str, ...]]


@dataclass(frozen=True)
class Step:
    """A folder before a sync, how the sync ends undisturbed, and its boundaries."""

    before: Path
    ended: Ended
    boundaries: list[str]
    seconds: float

    def sampled(self, of: str) -> list[int]:
        """The first, or the last, boundary of each kind, counted from 1."""
        counted = [*enumerate(self.boundaries, 1)]
        if of == "first":
            counted.reverse()
        return sorted({kind: n for n, kind in counted}.values())


@pytest.fixture(scope="module")
def stand_in() -> Iterator[OpenAIStandIn]:
    with OpenAIStandIn(delay_s=0.002) as server:
        yield server


@pytest.fixture(scope="module")
def steps(
    stand_in: OpenAIStandIn, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Step]:
    """The first sync and the one after changes, each undisturbed."""
    home = tmp_path_factory.mktemp("undisturbed")
    first = home / "first"
    for n in range(7):
        write_script(first, f"script-{n}", f"words {n}")
    steps = {"first": undisturbed(first, stand_in)}
    second = home / "second"
    shutil.copytree(first / "done", second)
    scripts = second / "scripts"
    write_script(second, "script-1", "other words")
    (scripts / "script-2.md").unlink()
    write_script(second, "script-3", "words 3", topic="another topic", likes=9)
    write_script(second, "script-4-renamed", "words 4")
    (scripts / "script-4.md").unlink()
    (scripts / "script-5.md").write_bytes(b"\x00")
    write_script(second, "script-8", "words 8")
    write_script(second, "script-9", "words 8")
    write_script(second, "script-10", "words 10")
    steps["changes"] = undisturbed(second, stand_in)
    return steps


def write_script(
    folder: Path, name: str, words: str, topic: str = "a topic", likes: int = 7
) -> None:
    scripts = folder / "scripts"
    scripts.mkdir(parents=True, exist_ok=True)
    text = SCRIPT.format(name=name, topic=topic, words=words, likes=likes)
    (scripts / f"{name}.md").write_text(text, encoding="utf-8")


def undisturbed(before: Path, stand_in: OpenAIStandIn) -> Step:
    """Sync a copy of the folder, which is kept as `done` inside it."""
    done = before / "done"
    shutil.copytree(before, done)
    stand_in.forget()
    process = start_sync(done, stand_in.base_url)
    process.join(PATIENCE_S)
    assert process.exitcode == 0
    boundaries, seconds = json.loads((done / "undisturbed").read_text())
    return Step(before, ended(done, stand_in), boundaries, seconds)


def ended(folder: Path, stand_in: OpenAIStandIn) -> Ended:
    warehouse = Warehouse(f"duckdb:///{folder / 'w.duckdb'}", Clock().now)
    with warehouse.transaction() as con:
        tables = {
            table: sorted(map(str, fetch_dicts(con, f"SELECT {what} FROM {table}")))
            for table, what in TABLES.items()
        }
        calls = con.execute("SELECT status FROM api_calls").fetchall()
        index = index_contents(folder, con)
    return Ended(
        tables=tables,
        index=index,
        calls=Counter(status for (status,) in calls),
        sent=[tuple(body["input"]) for body in stand_in.bodies(EMBEDDINGS)],
    )


def index_contents(folder: Path, con: Connection) -> list[str]:
    """The entries of the index, and its answer to each stored vector."""
    index = index_of(folder)
    known = [(i, index.metadata(NAMESPACE, i)) for i in index.list_ids(NAMESPACE)]
    vectors = con.execute("SELECT vector FROM embeddings ORDER BY content_hash")
    found = [
        [(match.entry_id, round(match.similarity, 4)) for match in matches]
        for (vector,) in vectors.fetchall()
        if (matches := index.query(NAMESPACE, vector, 3))
    ]
    return [*map(str, known), *map(str, found)]


def copy_of(step: Step, folder: Path) -> Path:
    shutil.copytree(step.before, folder, ignore=shutil.ignore_patterns("done"))
    return folder


def assert_nothing_lost_or_paid_twice(
    step: Step, folder: Path, stand_in: OpenAIStandIn
) -> None:
    """A rerun reaches the undisturbed end; calls that were sent twice are `unknown`."""
    sync_all(folder, stand_in.base_url, "run-2")
    seen = ended(folder, stand_in)
    assert seen.tables == step.ended.tables
    assert seen.index == step.ended.index
    assert set(seen.calls) <= {"done", "unknown"}
    paid_before = step.ended.calls["done"] - len(step.ended.sent)
    unanswered = len(seen.sent) - (seen.calls["done"] - paid_before)
    assert 0 <= unanswered <= seen.calls["unknown"] <= IN_FLIGHT
    sent, needed = texts(seen.sent), texts(step.ended.sent)
    assert set(sent) == set(needed)
    assert (sent - needed).total() <= unanswered * BATCH


def texts(sent: list[tuple[str, ...]]) -> Counter[str]:
    """How often each text was sent."""
    return Counter(text for batch in sent for text in batch)


@how_many
@either_step
def test_a_rerun_after_a_kill_at_any_boundary_ends_as_if_undisturbed(
    name: str,
    moments: str,
    steps: dict[str, Step],
    stand_in: OpenAIStandIn,
    tmp_path: Path,
) -> None:
    step = steps[name]
    assert set(step.boundaries) == {
        "about to commit",
        "committed",
        "answered",
        "written by half",
        "flushed",
        "replaced",
    }
    last = len(step.boundaries)
    sample = step.sampled(SAMPLED[name])
    for boundary in sample if moments == "sample" else range(1, last + 1):
        folder = copy_of(step, tmp_path / str(boundary))
        stand_in.forget()
        process = start_sync(folder, stand_in.base_url, boundary)
        process.join(PATIENCE_S)
        # Threads whose work is committed together make fewer boundaries.
        assert process.exitcode == -signal.SIGKILL or boundary > last - 2 * IN_FLIGHT
        assert_nothing_lost_or_paid_twice(step, folder, stand_in)
        shutil.rmtree(folder, ignore_errors=True)  # its home closes a little later


@how_many
@either_step
def test_a_rerun_after_a_kill_at_a_random_moment_ends_as_if_undisturbed(
    name: str,
    moments: str,
    steps: dict[str, Step],
    stand_in: OpenAIStandIn,
    tmp_path: Path,
) -> None:
    step = steps[name]
    draw = random.Random(name)
    killed = 0
    kills = RANDOM_KILLS[moments]
    for attempt in range(kills):
        folder = copy_of(step, tmp_path / str(attempt))
        stand_in.forget()
        process = start_sync(folder, stand_in.base_url)
        process.join(draw.uniform(attempt, attempt + 1) / kills * step.seconds)
        process.kill()
        process.join(PATIENCE_S)
        killed += process.exitcode == -signal.SIGKILL
        assert_nothing_lost_or_paid_twice(step, folder, stand_in)
        shutil.rmtree(folder, ignore_errors=True)  # its home closes a little later
    assert killed > 0, "the kills came too late to show anything"


def test_a_sync_after_a_sync_changes_nothing_and_sends_nothing(
    steps: dict[str, Step], stand_in: OpenAIStandIn, tmp_path: Path
) -> None:
    step = steps["changes"]
    folder = tmp_path / "second"
    shutil.copytree(step.before / "done", folder)
    stand_in.forget()
    sync_all(folder, stand_in.base_url, "run-2")
    seen = ended(folder, stand_in)
    assert (seen.tables, seen.index) == (step.ended.tables, step.ended.index)
    assert not seen.sent
