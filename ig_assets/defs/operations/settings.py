"""The external asset whose page shows the settings in force; it is never run."""

import dagster as dg

from ig_assets.defs.page.about import OWNERS
from ig_assets.defs.page.settings import settings_table
from ig_assets.settings import load_settings

effective_settings = dg.AssetSpec(
    "effective_settings",
    group_name="operations",
    kinds={"dotenv"},
    owners=OWNERS,
    code_version="1",
    description=(
        "One row per setting, with the value in force since this code location was "
        "loaded, those first that are not the default. No key or password is shown. "
        "External: it is never materialised; `.env.example` explains each setting."
    ),
    metadata={"settings": settings_table(load_settings())},
)
