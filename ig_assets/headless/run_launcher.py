"""The run launcher of dagster.yaml, which can also stop runs of commands."""

from __future__ import annotations

from typing import Any

import dagster as dg

from ig_assets.defs.failures import is_of_a_command


class CommandAwareRunLauncher(dg.DefaultRunLauncher):
    """Dagster's default launcher, extended so that the UI can stop runs of commands.

    The default launcher asks a run's code server to stop it. A run of `ig-assets loop`,
    `sync` or `generate` has no code server, so the UI would report that it cannot be
    stopped.
    """

    def terminate(self, run_id: str) -> bool:
        """Ask a run to end; return False if there is nothing to stop."""
        run = self._instance.get_run_by_id(run_id) if self.has_instance else None
        if run is None or run.is_finished or not is_of_a_command(run):
            default: Any = super()
            return bool(default.terminate(run_id))
        # The command notices within a second or two and ends the run.
        self._instance.report_run_canceling(run)
        return True
