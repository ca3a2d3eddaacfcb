"""Reports a promotion or rollback by a command to Dagster, so that the UI shows it."""

from __future__ import annotations

import dagster as dg

from ig_assets.core.models.registry import ModelRow
from ig_assets.defs.fine_tuning.active_model import materialisation, shows
from ig_assets.headless.dagster_home import ensure_dagster_home
from ig_assets.settings import Settings


def report_active_model(settings: Settings, model: ModelRow) -> None:
    """Materialise the asset `active_model`, unless it shows this model already.

    Uses the instance of DAGSTER_HOME. Raises InputError if its folder cannot be used,
    and the instance's own errors.
    """
    home = ensure_dagster_home(settings)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        if not shows(instance, model):
            instance.report_runless_asset_event(materialisation(model))
