"""Two loops turned by the real command against the stand-in, once for all tests.

One turns two months undisturbed, and a second time to show that nothing is repeated.
The other turns the first month and is killed twice on its way. Where both are wanted
they run side by side.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ig_assets.adapters.simulated.clocks import SystemClock
from ig_assets.workspace import WORKSPACE
from ig_assets.warehouse.migrations import KEYS
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.stand_ins.openai_server import RESPONSES, OpenAIStandIn

JANUARY, FEBRUARY = MONTHS = ("2026-01", "2026-02")
KEY = "sk-loop-never-to-be-seen-3f9c2b7e51d84a60"
PATIENCE_S = 900  # for a machine that hangs; nothing is timed

# The instance of `dagster.yaml`, with its events in one file instead of one a run:
# the same contents in two thirds of the time.
_ONE_FILE_OF_EVENTS = """
event_log_storage:
  module: dagster._core.storage.event_log
  class: ConsolidatedSqliteEventLogStorage
  config:
    base_dir: {home}/history
"""


@dataclass
class TurnedLoop:
    """A data folder with closed months, and what the turning said and sent."""

    data_dir: Path
    env: dict[str, str]
    stand_in: OpenAIStandIn
    reports: list[dict[str, Any]]
    said: str = ""

    @property
    def dagster_home(self) -> Path:
        """Where the runs of the loop are."""
        return self.data_dir / "dagster"

    @property
    def summary(self) -> dict[str, Any]:
        """What the first turn reported."""
        summary: dict[str, Any] = self.reports[0]["summary"]
        return summary

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """What the tables say."""
        url = f"duckdb:///{self.data_dir / 'warehouse.duckdb'}"
        with Warehouse(url, SystemClock().now).transaction() as con:
            return fetch_dicts(con, sql, parameters)

    def counts(self) -> dict[str, int]:
        """Rows of every table."""
        sql = " UNION ALL ".join(
            f"SELECT '{table}' AS name, count(*) AS n FROM {table}" for table in KEYS
        )
        return {row["name"]: row["n"] for row in self.rows(sql)}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `ig-assets` on this data folder."""
        return subprocess.run(
            command(*arguments),
            env=self.env,
            cwd=self.data_dir,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )

    def turn(self, months: int) -> None:
        """Turn the loop to its end and keep its report."""
        self.finish(self.start(months))

    def start(self, months: int) -> subprocess.Popen[str]:
        """Begin to turn the loop."""
        return subprocess.Popen(
            command("loop", "--months", str(months), "--json"),
            env=self.env,
            cwd=self.data_dir,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> None:
        """Wait for a turn and keep its report."""
        try:
            out, err = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
        self.said += out + err
        assert process.returncode == 0, err
        self.reports.append(json.loads(out))

    def kill_when(
        self, process: subprocess.Popen[str], due: Callable[[], bool]
    ) -> None:
        """SIGKILL the turn at the first moment that `due` is true."""
        deadline = time.monotonic() + PATIENCE_S
        while not due() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        came = due()
        process.kill()
        said = "".join(process.communicate())
        assert came, f"the moment to kill never came: {said}"
        assert process.returncode == -signal.SIGKILL


def command(*arguments: str) -> list[str]:
    """`ig-assets` as its own process."""
    return [sys.executable, "-m", "ig_assets.cli.entry", *arguments]


@dataclass(frozen=True)
class Loops:
    """The undisturbed loop, and its state between the turns and after them."""

    whole: TurnedLoop
    counts_before: dict[str, int]
    requests_before: dict[str, int]
    counts_after: dict[str, int]
    requests_after: dict[str, int]


@pytest.fixture(scope="session")
def loops(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Loops]:
    if any("killed_loop" in _fixtures(item) for item in request.session.items):
        request.getfixturevalue("killing")  # which goes on beside this one
    with OpenAIStandIn() as stand_in:
        whole = new_loop(tmp_path_factory.mktemp("whole"), stand_in)
        whole.turn(len(MONTHS))
        before = whole.counts(), dict(stand_in.requests)
        whole.turn(len(MONTHS))
        # Other tests use the folder later, so the state is kept as it is now.
        after = whole.counts(), dict(stand_in.requests)
        yield Loops(whole, *before, *after)


@pytest.fixture(scope="session")
def turned_loop(loops: Loops) -> TurnedLoop:
    """Two closed months."""
    return loops.whole


@pytest.fixture(scope="session")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[TurnedLoop]]:
    """The killed loop, under way in a thread of its own."""
    with OpenAIStandIn(delay_s=0.05) as stand_in, ThreadPoolExecutor(1) as pool:
        loop = new_loop(tmp_path_factory.mktemp("killed"), stand_in)
        yield pool.submit(turn_with_kills, loop)


@pytest.fixture(scope="session")
def killed_loop(killing: Future[TurnedLoop]) -> TurnedLoop:
    """One closed month that was killed twice on its way."""
    return killing.result()


def _fixtures(item: pytest.Item) -> Sequence[str]:
    names: Sequence[str] = getattr(item, "fixturenames", ())
    return names


def new_loop(folder: Path, stand_in: OpenAIStandIn) -> TurnedLoop:
    """An empty data folder, two topics a month, OpenAI played by the stand-in."""
    data_dir = folder / "data"
    home = data_dir / "dagster"
    home.mkdir(parents=True)
    config = (WORKSPACE / "dagster.yaml").read_text()
    (home / "dagster.yaml").write_text(config + _ONE_FILE_OF_EVENTS.format(home=home))
    env = without_settings(os.environ) | {
        "IG_DATA_DIR": str(data_dir),
        "IG_WRITER": "openai",
        "IG_EMBEDDER": "openai",
        "IG_OPENAI_EMBEDDING_DIMENSIONS": "64",
        "IG_TOPICS_PER_MONTH": "2",
        "IG_CONTROL_SHARE": "0.5",
        "IG_RETRIEVED_SCRIPTS": "4",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": stand_in.base_url,
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "NO_PROXY": "127.0.0.1",
    }
    return TurnedLoop(data_dir, env, stand_in, [])


def without_settings(env: Mapping[str, str]) -> dict[str, str]:
    """An environment without our settings and without anybody's keys."""
    ours = ("IG_", "OPENAI_", "PINECONE_", "DAGSTER_")
    return {name: v for name, v in env.items() if not name.startswith(ours)}


def turn_with_kills(loop: TurnedLoop) -> TurnedLoop:
    """One month, killed while texts are paid for and while decisions are made."""
    loop.kill_when(loop.start(1), lambda: loop.stand_in.requests[RESPONSES] >= 3)
    loop.kill_when(loop.start(1), lambda: _is_deciding(loop))
    loop.finish(loop.start(1))
    return loop


def _is_deciding(loop: TurnedLoop) -> bool:
    """Whether a run of `experiment_results` is under way, late in the month."""
    clock = loop.data_dir / "clock.json"
    if not clock.exists() or json.loads(clock.read_text())["now"] < "2026-01-20":
        return False
    runs = loop.dagster_home / "history" / "runs.db"
    with closing(sqlite3.connect(f"file:{runs}?mode=ro", uri=True)) as con:
        (running,) = con.execute(
            "SELECT count(*) FROM runs "
            "WHERE status = 'STARTED' AND pipeline_name = '__ASSET_JOB'"
        ).fetchone()
    return bool(running)
