"""Dagster's private names stand in one module, for releases that were tried."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.storage.event_log.sqlite import (
    consolidated_sqlite_event_log,
    sqlite_event_log,
)
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from sqlalchemy import create_engine

import ig_assets
from ig_assets import dagster_internals

PACKAGE = Path(ig_assets.__file__).parent
_PRIVATE = re.compile(r"\bdagster(?:\._|_shared\b)")


def test_this_release_of_dagster_was_verified() -> None:
    assert dg.__version__ in dagster_internals.VERIFIED_VERSIONS, (
        f"Dagster {dg.__version__} was never tried with this project, which relies on "
        "private names of it (ig_assets/dagster_internals.py). Run `make test-all`; if "
        "all else passes, add the version to VERIFIED_VERSIONS."
    )


def test_only_one_module_knows_dagsters_private_names() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if _PRIVATE.search(path.read_text("utf-8"))
    }
    assert found == {"dagster_internals.py"}


@pytest.mark.parametrize("name", dagster_internals.__all__)
def test_each_private_name_is_used(name: str) -> None:
    users = [
        path
        for path in PACKAGE.rglob("*.py")
        if path.name != "dagster_internals.py"
        and re.search(rf"\b{name}\b", path.read_text("utf-8"))
    ]
    assert users


def test_a_storage_keeps_its_engine_only_meanwhile(tmp_path: Path) -> None:
    modules = [
        consolidated_sqlite_event_log,
        sqlite_event_log,
        sqlite_run_storage,
        sqlite_schedule_storage,
    ]
    with pytest.MonkeyPatch.context() as patch:
        made: list[str] = []

        def create(url: str, **options: Any) -> Any:
            made.append(url)
            return create_engine(url, **options)

        for module in modules:
            patch.setattr(module, "create_engine", create)
        with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
            instance.get_runs()
            made.clear()
            for _ in range(3):
                instance.get_runs()
            assert len(made) == 3  # one for each connection
            with dagster_internals.quick_sqlite_storages():
                made.clear()
                for _ in range(3):
                    instance.get_runs()
                assert len(made) == 1
            assert all(module.create_engine is create for module in modules)


def test_a_storage_reads_its_migrations_once_meanwhile(tmp_path: Path) -> None:
    read: list[object] = []
    of_alembic = ScriptDirectory.from_config

    def from_config(config: Config) -> ScriptDirectory:
        read.append(config)
        return of_alembic(config)

    @dg.job
    def nothing() -> None: ...

    with (
        pytest.MonkeyPatch.context() as patch,
        dg.DagsterInstance.local_temp(str(tmp_path)) as instance,
    ):
        patch.setattr(ScriptDirectory, "from_config", from_config)
        nothing.execute_in_process(instance=instance)
        assert len(read) >= 1  # the run has a file of its own
        read.clear()
        with dagster_internals.quick_sqlite_storages():
            nothing.execute_in_process(instance=instance)
            nothing.execute_in_process(instance=instance)
        assert len(read) == 1
        assert ScriptDirectory.from_config is from_config


def test_a_schedule_is_evaluated_on_the_open_instance() -> None:
    seen = []

    @dg.schedule(cron_schedule="0 0 * * *", job_name="any")
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.SkipReason:
        seen.append(context.instance)
        return dg.SkipReason("only looked")

    with dg.DagsterInstance.local_temp() as instance:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        context = dagster_internals.OpenScheduleContext(
            instance, resources={}, scheduled_execution_time=at
        )
        with context:
            nightly.evaluate_tick(context)
        assert seen == [instance]
        assert instance.get_runs() == []  # it is still open
