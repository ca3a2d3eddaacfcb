"""Loaded by the server that processes of tests are forked from, and by nobody else.

Each small instance of Dagster would read all its migrations from their files, and build
its statements and their caches, a third of a second in every command.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from ig_assets.dagster_internals import quick_sqlite_storages

_ONE_FILE_OF_EVENTS = """
event_log_storage:
  module: dagster._core.storage.event_log
  class: ConsolidatedSqliteEventLogStorage
  config:
    base_dir: {home}/history
telemetry:
  enabled: false
"""

_FOR_GOOD = ExitStack()
_FOR_GOOD.enter_context(quick_sqlite_storages())

with TemporaryDirectory() as _folder:
    Path(_folder, "dagster.yaml").write_text(_ONE_FILE_OF_EVENTS.format(home=_folder))
    for _ in range(2):  # a new one, and one that is there
        with dg.DagsterInstance.from_config(_folder) as _instance:
            _instance.get_runs_count()
            _instance.all_instigator_state()
