"""Keeps the tests away from the settings, keys and data of the machine they run on."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest
from dagster._core.execution import compute_logs
from hypothesis import settings as hypothesis_settings

from ig_assets.dagster_internals import quick_sqlite_storages
from ig_assets.settings import Settings
from ig_assets.warehouse.backends import Connection, Home
from ig_assets_tests.factories.warehouses import begin_migrated
from ig_assets_tests.headless.loop_fixtures import (
    killed_loop,
    killing,
    loops,
    turned_loop,
)

__all__ = ["killed_loop", "killing", "loops", "turned_loop"]

# A test says what is right, not how fast it comes: a busy machine fails none.
# `--hypothesis-profile thorough` tries twelve times as many cases, in `make test-all`.
hypothesis_settings.register_profile("untimed", deadline=None, max_examples=40)
hypothesis_settings.register_profile("thorough", deadline=None, max_examples=500)
hypothesis_settings.load_profile("untimed")

# What takes long to start is started by one worker, for all the tests that use it.
_SHARED = {
    "loops": "loop",
    "loop": "loop",  # of test_privacy, which asks for one of the two by its name
    "killing": "loop",
    "prism": "prism",
    "running_aimock": "aimock",
    "needle": "needledb",
}
_OURS = ("IG_", "OPENAI_", "PINECONE_", "DAGSTER_")
_MEMORY, _ENOUGH_BYTES = Path("/dev/shm"), 4 << 30


def pytest_configure(config: pytest.Config) -> None:
    """Keep the tests' folders in memory, where there is enough of it.

    A thousand small databases are thrown away, and on a disk each of their commits is
    waited for. A killed process leaves the same behind, there and here.
    """
    if config.option.basetemp is None and _MEMORY.is_dir():
        if shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES:
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case of bytes, or of a long text, by its place.

    The bytes of an archive hold the time: two workers that build one in two different
    seconds would not agree on the list of the tests.
    """
    is_long = isinstance(val, bytes) or (isinstance(val, str) and len(val) > 100)
    return argname if is_long else None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Give the memory back; what failed can still be looked at.

    Not after each test: the next would get the same path, which a database of the last
    one may have open for a moment longer.
    """
    is_worker = hasattr(session.config, "workerinput")
    if exitstatus == 0 and not is_worker:
        folder = session.config._tmp_path_factory.getbasetemp()
        if folder.is_relative_to(_MEMORY):
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_this_machine() -> Iterator[None]:
    """Neither the environment nor a `.env` decides what a test sees."""
    kept = {name: os.environ.pop(name) for name in _names()}
    env_file = Settings.model_config["env_file"]
    Settings.model_config["env_file"] = None
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
    # Kinds and conditions are those of the settings at import: here, of none, and not
    # of whichever test of a command comes first.
    importlib.import_module("ig_assets.definitions").defs()
    yield
    for name in _names():
        del os.environ[name]
    os.environ.update(kept)
    Settings.model_config["env_file"] = env_file


@pytest.fixture(scope="session", autouse=True)
def quick_storage_of_dagster() -> Iterator[None]:
    """Compile the statements of Dagster's storages once, and read its migrations once.

    Each of a thousand small instances would read all its migrations from their files.
    """
    with quick_sqlite_storages():
        yield


@pytest.fixture(scope="session", autouse=True)
def output_of_steps_is_kept_and_not_shown() -> Iterator[None]:
    """Let what a run of this process prints go into its files only.

    Dagster starts four processes for each run, two of them Python, that show it in the
    terminal too: a tenth of a second for output that pytest takes away.
    """

    def nothing(path: str, stream: object) -> nullcontext[tuple[None, None]]:
        return nullcontext((None, None))

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(compute_logs, "tail_to_stream", nothing)
        yield


@pytest.fixture(autouse=True)
def homes_keep_their_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave what was committed in the log of a DuckDB file, where DuckDB reads it too.

    To write it into the file at each detachment is a sixth of the time of most tests.
    The tests of the warehouse itself do without this.
    """

    def detach(home: Home, con: Connection) -> None:
        con.execute("PRAGMA disable_checkpoint_on_shutdown")
        con.execute("DETACH home")

    monkeypatch.setattr(Home, "detach", detach)


@pytest.fixture(autouse=True)
def homes_begin_migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the tables of a new DuckDB file once per process, and copy them then.

    The tests of the warehouse itself do without this, as do the commands that a test
    starts as processes.
    """
    begin_migrated(monkeypatch)


@pytest.hookimpl(wrapper=True)  # before the workers look at the marks
def pytest_collection_modifyitems(
    items: list[pytest.Item],
) -> Generator[None, object, object]:
    """Say which tests stay together when several workers share them out.

    Those that share a slow fixture, else those of a file; an own mark wins.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            fixtures: Sequence[str] = getattr(item, "fixturenames", ())
            shared = [_SHARED[name] for name in fixtures if name in _SHARED]
            name = shared[0] if shared else str(item.path)
            item.add_marker(pytest.mark.xdist_group(name))
    return (yield)


def _names() -> list[str]:
    return [name for name in os.environ if name.startswith(_OURS)]
