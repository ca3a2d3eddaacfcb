"""One data folder under Dagster's own daemons, all in this process, and its people."""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.remote_representation.external import RemoteRepository
from dagster._core.test_utils import SingleThreadPoolExecutor, instance_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceLoadTarget
from dagster._daemon.asset_daemon import AssetDaemon
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._scheduler.scheduler import launch_scheduled_runs

from ig_assets.core.experiments.posts.review import approve_posts, posts_for_review
from ig_assets.dagster_internals import quick_sqlite_storages
from ig_assets.settings import Settings, load_settings
from ig_assets.wiring import Services
from ig_assets.workspace import WORKSPACE
from ig_assets_tests.stand_ins.graph_server import ACCOUNT, SECRET, TOKEN
from soaking.fast_time import FastTime
from soaking.vendors import Vendors

LAUNCHER = {
    "module": "dagster._core.launcher.sync_in_memory_run_launcher",
    "class": "SyncInMemoryRunLauncher",
}
COORDINATOR = {
    "module": "dagster._core.run_coordinator.sync_in_memory_run_coordinator",
    "class": "SyncInMemoryRunCoordinator",
}
WORDS = """
anchor basket candle drawer engine fabric garden hammer island jacket kettle ladder
magnet needle orchard pillow quilt ribbon saddle timber umbrella violet window yarn
""".split()
SCRIPT = """---
id: {name}
topic: {topic}
hook_style: question
author: mara
language: en
---
# Why does the {first} never last beside the {second}?

First look at the {second}, then at the {first}. Change one thing on day {number}.

CTA: Save this for the next {second}.
"""
_log = logging.getLogger("soak")


class InThisProcess(WorkspaceLoadTarget):
    """Loads the product's code location here instead of in a server."""

    def create_origins(self) -> list[InProcessCodeLocationOrigin]:
        """The one code location."""
        target = LoadableTargetOrigin(
            executable_path=sys.executable,
            module_name="ig_assets.definitions",
            attribute="defs",
        )
        return [InProcessCodeLocationOrigin(target, location_name="ig_assets")]


class World:
    """A team's folder: its library, calendar and data, and who works with them."""

    def __init__(
        self, folder: Path, time: FastTime, vendors: Vendors, start: datetime
    ) -> None:
        self.folder = folder
        self.time = time
        self.vendors = vendors
        self.start = start
        self.topics: Counter[str] = Counter()
        self._written = 0
        self._minutes_done = -1
        self._away: dict[str, list[str]] = {}

    @property
    def library(self) -> Path:
        """Where scripts are."""
        return self.folder / "scripts"

    @property
    def calendar(self) -> Path:
        """Where months are."""
        return self.folder / "calendar"

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return load_settings()

    @property
    def services(self) -> Services:
        """The ports of the settings in force."""
        return Services(self.settings)

    def prepare(self) -> None:
        """Settings, a library of a dozen scripts, two months of a calendar."""
        os.environ |= {
            "IG_DATA_DIR": str(self.folder / "data"),
            "IG_LIBRARY": str(self.library),
            "IG_CALENDAR": str(self.calendar),
            "IG_FIRST_MONTH": f"{self.start:%Y-%m}",
            "IG_CLOCK": "system",
            "IG_APPROVAL": "manual",
            "IG_BUDGETS": "month:usd=50",
            "IG_RANKER": "fit",
            "IG_WRITER": "openai",
            "IG_EMBEDDER": "openai",
            "IG_OPENAI_EMBEDDING_DIMENSIONS": "64",
            "OPENAI_API_KEY": "never-a-key-of-anyone",
            "OPENAI_BASE_URL": self.vendors.openai.base_url,
            "IG_INDEX": "pinecone",
            "PINECONE_API_KEY": "pcsk_never-a-key-of-anyone",
            "PINECONE_HOST": self.vendors.pinecone.url,
            "IG_SOCIAL": "instagram",
            "IG_PUBLISH": "1",
            "IG_INSTAGRAM_ACCOUNT": ACCOUNT,
            "IG_INSTAGRAM_TOKEN": TOKEN,
            "IG_META_APP_SECRET": SECRET,
            "IG_INSTAGRAM_URL": self.vendors.graph.url,
            "IG_ALERT_WEBHOOK": self.vendors.inbox.url,
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "NO_PROXY": "127.0.0.1",
        }
        for folder in (self.library, self.calendar, self.folder / "data"):
            folder.mkdir(parents=True)
        for _ in range(12):
            self.write_script()
        for number in range(2):
            self.add_topic(self.start, number)
            self.add_topic(self.start + timedelta(days=1), number)

    # ── what people do ────────────────────────────────────────────────────────

    def live(self, minute: int) -> None:
        """What people do in a minute since the start."""
        if minute % 60 == 7:
            self.write_script()
        if minute % 180 == 67:
            self.change_script()
        if minute % 360 == 97:
            self.remove_script()
        if minute % 180 == 127:
            self.add_topic(self.time.now(), minute)
        if minute % 30 == 3:
            self.approve()

    def write_script(self) -> None:
        """One more script."""
        number = self._written
        self._written += 1
        words = WORDS[number % 24], WORDS[(number // 24 + number + 7) % 24]
        name = f"script-{number:03}"
        self._write(name, " and ".join(words), *words, number)

    def change_script(self) -> None:
        """Other words in one that is there."""
        oldest = sorted(self.library.glob("*.md"))[3]
        self._write(oldest.stem, "a new thing", "quilt", "kettle", self._written + 100)

    def remove_script(self) -> None:
        """One is thrown away."""
        sorted(self.library.glob("*.md"))[0].unlink()

    def _write(self, name: str, topic: str, *words: Any) -> None:
        first, second, number = words
        text = SCRIPT.format(
            name=name, topic=topic, first=first, second=second, number=number
        )
        (self.library / f"{name}.md").write_text(text, "utf-8")

    def add_topic(self, due: datetime, number: int) -> None:
        """One more topic of the calendar, due at once."""
        month = f"{due:%Y-%m}"
        file = self.calendar / f"{month}.yaml"
        known = yaml.safe_load(file.read_text()) if file.exists() else {"topics": []}
        words = WORDS[number % 24], WORDS[(number + 5 + due.day) % 24]
        topic = f"mending a {words[0]} with a {words[1]} in {number} minutes"
        known["topics"].append({"topic": topic, "due_on": f"{due:%Y-%m-%d}"})
        file.write_text(yaml.safe_dump({"month": month} | known))
        self.topics[month] += 1

    def approve(self) -> None:
        """Whoever reviews gives each proposed post its video."""
        services = self.services
        for post in posts_for_review(services.warehouse, status="proposed"):
            video = f"https://videos.example.org/{post['post_id']}.mp4"
            approve_posts(
                services.warehouse, [post["post_id"]], video, True, self.time.now()
            )

    # ── what Dagster does ─────────────────────────────────────────────────────

    @contextmanager
    def daemons(self) -> Iterator[Daemons]:
        """The daemons over an instance like that of `dagster.yaml`, all switched on."""
        home = self.folder / "data" / "dagster"
        home.mkdir()
        config = yaml.safe_load((WORKSPACE / "dagster.yaml").read_text())
        config |= {"run_launcher": LAUNCHER, "run_coordinator": COORDINATOR}
        del config["run_monitoring"]  # there is no other process that could die
        with (
            quick_sqlite_storages(),
            instance_for_test(config, temp_dir=str(home)) as instance,
            WorkspaceProcessContext(instance, InThisProcess()) as workspace,
        ):
            daemons = Daemons(instance, workspace, self.time)
            daemons.switch_all_on()
            yield daemons


class Daemons:
    """Scheduler, sensor daemon and asset daemon, each asked once a minute."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        workspace: WorkspaceProcessContext,
        time: FastTime,
    ) -> None:
        self.instance = instance
        self.workspace = workspace
        self.errors: list[str] = []
        self._time = time
        self._seen: dict[Any, Any] = {}
        self._assets = AssetDaemon(settings={}, pre_sensor_interval_seconds=30)
        self._futures: dict[str | None, Any] = {}
        self._pool = SingleThreadPoolExecutor()

    @property
    def repository(self) -> RemoteRepository:
        """The code location's repository."""
        context = self.workspace.create_request_context()
        [entry] = context.get_code_location_entries().values()
        assert entry.code_location, entry.load_error
        [repository] = entry.code_location.get_repositories().values()
        return repository

    def switch_all_on(self) -> None:
        """Also what pays and what publishes."""
        for sensor in self.repository.get_sensors():
            self.instance.start_sensor(sensor)
        for schedule in self.repository.get_schedules():
            self.instance.start_schedule(schedule)

    def minute(self) -> None:
        """One iteration of each daemon; its runs are done when it returns."""
        now = self._time.aware()
        iterations = [
            launch_scheduled_runs(
                self.workspace, _log, now, iteration_times=self._seen
            ),
            execute_sensor_iteration(self.workspace, _log, None, None),
            self._assets._run_iteration_impl(
                self.workspace,
                threadpool_executor=self._pool,
                amp_tick_futures=self._futures,
                debug_crash_flags={},
            ),
        ]
        for iteration in iterations:
            self.errors += [str(error) for error in iteration or () if error]
        # The asset daemon works in a thread of its own. Two runs at once in one process
        # can wait for each other's locks of `logging` for ever (1.13.27), which Dagster
        # configures anew for each run; elsewhere every run is a process.
        for future in self._futures.values():
            future.result()
