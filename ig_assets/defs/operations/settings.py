"""The settings in force, on a page of their own; an external asset, never run."""

import dagster as dg

from ig_assets.defs.page.about import OWNERS
from ig_assets.defs.page.settings import settings_markdown
from ig_assets.settings import load_settings

effective_settings = dg.AssetSpec(
    "effective_settings",
    group_name="operations",
    kinds={"dotenv"},
    owners=OWNERS,
    code_version="1",
    description=(
        "One row per setting, with the value in force since this code location was "
        "loaded; bold where it is not the default. Keys and passwords are not shown. "
        "External: it is never materialised; `.env.example` explains each setting."
    ),
    metadata={"settings": dg.MetadataValue.md(settings_markdown(load_settings()))},
)
