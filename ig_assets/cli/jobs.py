"""Runs a job that has a form as a Dagster run, with a live line."""

from __future__ import annotations

import warnings

from ig_assets.cli.progress import live_rows
from ig_assets.wiring import Services


def run_job(
    house: Services, job: str, form: dict[str, object], what: str, quiet: bool
) -> str:
    """Run a job that has a form, with a live line; the run's id."""
    warnings.simplefilter("ignore")
    from ig_assets.headless.dagster_home import ensure_dagster_home
    from ig_assets.headless.runner import Headless, load_definitions, open_instance

    ensure_dagster_home(house.settings)
    with open_instance(house.settings) as instance, live_rows(house, quiet) as report:
        report(f"{form['month']}: {what}")
        headless = Headless(load_definitions(), instance)
        return headless.run_form(job, form).run_id
