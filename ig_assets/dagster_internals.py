"""Collect all imports from inside Dagster that have no public name.

Dagster does not promise to keep them. `VERIFIED_VERSIONS` are the releases with which
the whole test suite has passed. A test fails on any other release; add a new one here
once the suite passes with it.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.execution.api import execute_run_iterator
from dagster._core.execution.build_resources import wrap_resources_for_execution
from dagster._core.execution.execute_in_process import merge_run_tags
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, TickStatus
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus,
)
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.tags import (
    ASSET_RESUME_RETRY_TAG,
    AUTO_MATERIALIZE_TAG,
    AUTOMATION_CONDITION_TAG,
    GRPC_INFO_TAG,
    PARTITION_NAME_TAG,
    RESUME_RETRY_TAG,
    RUN_KEY_TAG,
    SCHEDULE_NAME_TAG,
    SENSOR_NAME_TAG,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster_shared.serdes import deserialize_value, serialize_value, unpack_value

if TYPE_CHECKING:
    from dagster._core.storage.runs import SqliteRunStorage
    from dagster._grpc.types import ExecuteStepArgs

__all__ = [
    "ASSET_RESUME_RETRY_TAG",
    "AUTOMATION_CONDITION_TAG",
    "AUTO_MATERIALIZE_TAG",
    "AssetCheckExecutionRecordStatus",
    "ExecuteStepArgs",
    "GRPC_INFO_TAG",
    "PARTITION_NAME_TAG",
    "RESUME_RETRY_TAG",
    "RUN_KEY_TAG",
    "SCHEDULE_NAME_TAG",
    "SENSOR_NAME_TAG",
    "InMemoryJob",
    "InProcessCodeLocationOrigin",
    "InstanceRef",
    "InstigatorState",
    "InstigatorType",
    "LoadableTargetOrigin",
    "NoOpComputeLogManager",
    "OpenScheduleContext",
    "RemoteRepositoryOrigin",
    "SqliteRunStorage",
    "TickStatus",
    "deserialize_value",
    "execute_run_iterator",
    "merge_run_tags",
    "quick_sqlite_storages",
    "reload_code_location",
    "serialize_value",
    "unpack_value",
]

VERIFIED_VERSIONS = ("1.13.27",)

# Imported when they are asked for: a code server needs neither, and the first brings
# SQLAlchemy and Alembic, a fifth of the time in which definitions load.
_LATE = {
    "ExecuteStepArgs": "dagster._grpc.types",
    "SqliteRunStorage": "dagster._core.storage.runs",
}
_MOST_ENGINES = 8
_RELOAD_S = 60


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)


def reload_code_location(run: dg.DagsterRun) -> bool:
    """Ask the code server that launched a run to load its definitions again.

    The UI and the daemon notice this by themselves. Returns False if the run has no
    code server (it was started by a command), or if the server does not answer. A
    server without a proxy (`dagster api grpc`) accepts the request and does nothing
    (1.13.27).
    """
    server = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
    if not server:
        return False
    from dagster._core.errors import DagsterUserCodeUnreachableError
    from dagster._grpc.client import DagsterGrpcClient

    client = DagsterGrpcClient(
        host=server.get("host"),
        port=server.get("port"),
        socket=server.get("socket"),
        use_ssl=bool(server.get("use_ssl", False)),
    )
    try:
        client.reload_code(timeout=_RELOAD_S)
    except DagsterUserCodeUnreachableError:
        return False
    return True


class OpenScheduleContext(dg.ScheduleEvaluationContext):
    """A schedule's context on an instance that is already open.

    The context of `build_schedule_context` opens the instance again for each
    evaluation, which takes 0.1 s of CPU.
    """

    def __init__(
        self,
        open_instance: dg.DagsterInstance,
        resources: Mapping[str, object],
        **arguments: Any,
    ) -> None:
        super().__init__(
            open_instance.get_ref(),
            resources=wrap_resources_for_execution(resources),
            **arguments,
        )
        self._instance: Any = open_instance


@contextmanager
def quick_sqlite_storages() -> Iterator[None]:
    """Let Dagster's SQLite storages reuse engines and migrations within the block.

    By default they create an SQLAlchemy engine for every connection, so each statement
    is compiled again; this takes a fifth of the CPU time of a headless run (1.13.27).
    The engines hold no connection (`NullPool`), so one may serve all threads. Each run
    has a database file of its own, and to mark it as new the storage imports all its
    migrations twice; this takes nearly half of a run whose steps do nothing.
    """
    with _kept_engines(), _kept_migrations():
        yield


@contextmanager
def _kept_engines() -> Iterator[None]:
    from dagster._core.storage.event_log.sqlite import (
        consolidated_sqlite_event_log,
        sqlite_event_log,
    )
    from dagster._core.storage.runs.sqlite import sqlite_run_storage
    from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage

    modules: list[Any] = [
        consolidated_sqlite_event_log,
        sqlite_event_log,
        sqlite_run_storage,
        sqlite_schedule_storage,
    ]
    create_engine = modules[0].create_engine
    engines: dict[tuple[str, str], Any] = {}

    def kept_engine(url: str, **options: Any) -> Any:
        key = url, repr(options)
        if key not in engines:
            while len(engines) >= _MOST_ENGINES:  # the event logs of ended runs
                engines.pop(next(iter(engines)))
            engines[key] = create_engine(url, **options)
        return engines[key]

    for module in modules:
        module.create_engine = kept_engine
    try:
        yield
    finally:
        for module in modules:
            module.create_engine = create_engine


@contextmanager
def _kept_migrations() -> Iterator[None]:
    """Read the migrations of each folder once."""
    from alembic.script import ScriptDirectory

    kept: dict[str | None, Any] = {}
    directory: Any = ScriptDirectory
    read, method = directory.from_config, vars(directory)["from_config"]

    def kept_directory(config: Any) -> Any:
        folder = config.get_main_option("script_location")
        if folder not in kept:
            kept[folder] = read(config)
        return kept[folder]

    directory.from_config = kept_directory
    try:
        yield
    finally:
        directory.from_config = method
