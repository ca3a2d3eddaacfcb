"""The run launcher of dagster.yaml, which can also stop runs of commands."""

from __future__ import annotations

from typing import Any

import dagster as dg

from ig_assets.dagster_internals import GRPC_INFO_TAG

HEADLESS_RUN = {"ig/started_by": "command"}
"""The tag of runs that a command executes in its own process."""
HEADLESS_RUNS = (HEADLESS_RUN, {"ig/turned_by": "headless"})
"""`HEADLESS_RUN`, and the tag that earlier versions wrote in its place."""


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


def is_of_a_command(run: dg.DagsterRun) -> bool:
    """Return whether a command executes the run in its own process.

    A re-execution, or a copy opened in the Launchpad, keeps the tag of the command's
    run, but a launcher started it.
    """
    is_launched = run.parent_run_id is not None or GRPC_INFO_TAG in run.tags
    return not is_launched and any(
        tag.items() <= run.tags.items() for tag in HEADLESS_RUNS
    )
