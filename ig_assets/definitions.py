"""The code location: the `defs` folder with the resources of the settings."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from ig_assets.defs.resources import resources
from ig_assets.settings import load_settings


@dg.definitions
def defs() -> dg.Definitions:
    """All definitions, as Dagster loads them."""
    settings = load_settings()
    executor = (
        dg.multiprocess_executor
        if settings.executor == "multiprocess"
        else dg.in_process_executor
    )
    found = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return dg.Definitions.merge(
        found, dg.Definitions(resources=resources(settings), executor=executor)
    )
