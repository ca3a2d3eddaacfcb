"""A source is followed right whoever runs the stages: daemon, loop, command, person.

States A, B, A, where the daemon and others take turns. The daemon keeps its cursor in
the instance's state of the sensor (Dagster 1.13.27), the headless loop one of its own,
and `ig-assets sync` has none: what was taken in is read from the tables.
"""

# The fixture `daemon` is imported, so that each test seems to redefine it:
# flake8: noqa: F401, F811

from __future__ import annotations

from datetime import datetime

import dagster as dg
import pytest

from ig_assets.core.corpus.queries import CURRENT_SCRIPTS
from ig_assets.headless.runner import Headless
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.defs import daemon_location
from ig_assets_tests.defs.test_run_requests import FAILED, SUCCEEDED, Daemon
from ig_assets_tests.defs.test_run_requests import daemon as daemon
from ig_assets_tests.defs.ticking import DagsterEnv

follows_the_library = pytest.mark.parametrize(
    "daemon", ["script_library_sensor"], indirect=True
)
follows_the_calendar = pytest.mark.parametrize(
    "daemon", ["content_calendar_sensor"], indirect=True
)


def _headless(daemon: Daemon) -> Headless:
    return Headless(daemon_location.defs, daemon.instance)


def _scripts(daemon: Daemon) -> int:
    return len(daemon.env.rows(CURRENT_SCRIPTS))


@follows_the_library
def test_what_the_command_line_took_in_is_taken_back(daemon: Daemon) -> None:
    assert daemon.tick() == [SUCCEEDED]
    path = daemon.env.add_script("pans")
    _headless(daemon).run_job("sync_corpus")  # as `ig-assets sync` does
    assert _scripts(daemon) == 2
    path.unlink()
    assert daemon.tick() == [SUCCEEDED]
    assert _scripts(daemon) == 1
    assert daemon.tick() == []
    assert daemon.skip_reason() == "The library has not changed."


@follows_the_library
def test_daemon_and_loop_take_turns(daemon: Daemon) -> None:
    loop = _headless(daemon)
    assert daemon.tick() == [SUCCEEDED]
    path = daemon.env.add_script("pans")
    assert len(loop.tick_sensor("script_library_sensor")) == 1
    path.unlink()
    assert daemon.tick() == [SUCCEEDED]
    assert _scripts(daemon) == 1
    path = daemon.env.add_script("pans")
    assert daemon.tick() == [SUCCEEDED]
    assert len(loop.tick_sensor("script_library_sensor")) == 0, "the daemon did it"
    path.unlink()
    assert daemon.tick() == [SUCCEEDED]
    path = daemon.env.add_script("pans")
    assert len(loop.tick_sensor("script_library_sensor")) == 1
    assert _scripts(daemon) == 2
    assert daemon.tick() == []


@follows_the_calendar
def test_the_calendar_that_the_loop_took_in_is_taken_back(daemon: Daemon) -> None:
    planned = "SELECT topic FROM topics WHERE status = 'planned' ORDER BY topic"
    assert daemon.tick() == [SUCCEEDED]
    daemon.env.add_calendar("2026-01", "knives", "pans")
    assert len(_headless(daemon).tick_sensor("content_calendar_sensor")) == 1
    assert len(daemon.env.rows(planned)) == 2
    daemon.env.add_calendar("2026-01", "knives")
    assert daemon.tick() == [SUCCEEDED]
    assert daemon.env.rows(planned) == [{"topic": "knives"}]
    assert daemon.tick() == []


@follows_the_library
def test_what_others_took_in_is_not_run_again(daemon: Daemon) -> None:
    assert daemon.tick() == [SUCCEEDED]
    daemon.env.add_script("pans")
    _headless(daemon).run_job("sync_corpus")
    assert daemon.tick() == []
    assert daemon.skip_reason() == "The library has not changed."


@follows_the_library
def test_a_run_of_one_asset_is_not_the_sync(daemon: Daemon) -> None:
    """`raw_scripts` alone, under its job, leaves vectors and index as they were."""
    assert daemon.tick() == [SUCCEEDED]
    daemon.env.add_script("pans")
    part = daemon_location.defs.resolve_job_def("sync_corpus").execute_in_process(
        instance=daemon.instance, asset_selection=[dg.AssetKey("raw_scripts")]
    )
    assert part.success
    assert daemon.tick() == [SUCCEEDED]
    assert daemon.tick() == []


@follows_the_library
def test_a_sync_of_others_that_failed_half_way_is_run_again(daemon: Daemon) -> None:
    assert daemon.tick() == [SUCCEEDED]
    assert daemon.tick() == []
    daemon.break_runs(True)
    with pytest.raises(Exception, match="The vendor is down"):
        _headless(daemon).run_job("sync_corpus")
    daemon.break_runs(False)
    assert daemon.tick() == [SUCCEEDED], "raw_scripts is as it was, the index may not"
    assert daemon.tick() == []


@pytest.mark.parametrize(
    "daemon", ["script_library_sensor", "content_calendar_sensor"], indirect=True
)
def test_a_new_home_is_filled(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """The instance remembers the run, the new tables do not have what it took in."""
    assert daemon.tick() == [SUCCEEDED]
    assert daemon.tick() == []
    other = daemon.env.library.parent / "other.duckdb"
    monkeypatch.setenv("IG_WAREHOUSE_URL", f"duckdb:///{other}")
    assert daemon.tick() == [SUCCEEDED]
    assert daemon.tick() == []
    [row] = _rows_of(daemon.env, f"duckdb:///{other}")
    assert row == ("library" if "library" in daemon.sensor_name else "calendar 2026-01")


@follows_the_library
def test_a_run_that_leaves_another_state_is_repeated_later(daemon: Daemon) -> None:
    """A run that reads another place than the sensor must not run each minute."""
    assert daemon.tick() == [SUCCEEDED]
    daemon.env.execute("UPDATE source_states SET state = 'of another library'")
    assert daemon.tick() == []
    assert "the tables have another state of it" in str(daemon.skip_reason())
    daemon.wait(minutes=5)
    assert daemon.tick() == [SUCCEEDED]
    assert daemon.tick() == []
    assert daemon.skip_reason() == "The library has not changed."


@follows_the_library
def test_tables_that_another_instance_moved_are_taken_back_later(
    daemon: Daemon,
) -> None:
    """Two daemons with two libraries on one home must not run each minute."""
    assert daemon.tick() == [SUCCEEDED]
    assert daemon.tick() == []
    daemon.env.execute("UPDATE source_states SET state = 'b', run_id = 'of others'")
    assert daemon.tick() == []
    daemon.wait(minutes=5)
    assert daemon.tick() == [SUCCEEDED]
    assert daemon.tick() == []


@follows_the_library
def test_a_failed_run_that_the_command_line_made_good_is_done(daemon: Daemon) -> None:
    daemon.break_runs(True)
    assert daemon.tick() == [FAILED]
    assert daemon.tick() == []
    daemon.break_runs(False)
    _headless(daemon).run_job("sync_corpus")
    daemon.wait(days=1)
    assert daemon.tick() == []
    assert daemon.skip_reason() == "The library has not changed."


def _rows_of(env: DagsterEnv, url: str) -> list[str]:
    home = Warehouse(url, lambda: datetime(2026, 1, 1))
    with home.transaction() as con:
        rows = con.execute("SELECT source FROM source_states").fetchall()
    home.close()
    return [source for (source,) in rows]
