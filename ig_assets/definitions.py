"""The code location: the `defs` folder with resources built from the settings."""

from __future__ import annotations

import warnings
from importlib import import_module

import dagster as dg

from ig_assets.core.operations.log_lines import log_to_stdout
from ig_assets.defs.executors import executor
from ig_assets.defs.resources import resources
from ig_assets.settings import load_settings
from ig_assets.workspace import WORKSPACE


@dg.definitions
def defs() -> dg.Definitions:
    """Return all definitions, as Dagster loads them."""
    settings = load_settings()
    log_to_stdout(settings.log_format, settings.log_level)
    # Not `load_from_defs_folder`: it looks for a pyproject.toml, which a wheel has not.
    tree = dg.ComponentTree(
        defs_module=import_module("ig_assets.defs"),
        project_root=WORKSPACE,
        code_location_name="ig_assets",
    )
    with warnings.catch_warnings():
        for kind in (dg.PreviewWarning, DeprecationWarning):
            warnings.simplefilter("ignore", kind)
        # Without a place it would also describe all component types of all packages.
        found = tree.build_defs(tree.defs_module_path)
    return dg.Definitions.merge(
        found,
        dg.Definitions(resources=resources(settings), executor=executor(settings)),
    )
