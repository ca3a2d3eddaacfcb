"""Run a job with values that a person entered, as a Dagster run."""

from __future__ import annotations

import warnings

from ig_assets.cli.progress import live_rows
from ig_assets.wiring import Services


def run_job(
    services: Services, job: str, form: dict[str, object], what: str, quiet: bool
) -> str:
    """Run a job with the values in `form`, show a live line, and return the run's id.

    The line names the month in `form` and `what`. Raises what `open_headless` and
    `Headless.run_form` raise.
    """
    warnings.simplefilter("ignore")
    from ig_assets.headless.runner import open_headless

    with open_headless(services.settings) as headless:
        with live_rows(services, quiet) as report:
            report(f"{form['month']}: {what}")
            return headless.run_form(job, form).run_id
