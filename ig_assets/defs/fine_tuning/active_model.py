"""The external asset `active_model`, which shows the model that writes now.

Dagster's graph must not have a cycle, but next month's model is trained on what this
month's model wrote. This asset closes the loop: it is reported whenever another model
becomes active.
"""

from __future__ import annotations

import dagster as dg

from ig_assets.core.models.registry import ModelRow
from ig_assets.core.reports.markdown import plain_markdown
from ig_assets.defs.page.about import OWNERS, asset_tags, table_metadata
from ig_assets.settings import load_settings

ACTIVE_MODEL = dg.AssetKey("active_model")
_DATA_VERSION = "dagster/data_version"

active_model_spec = dg.AssetSpec(
    ACTIVE_MODEL,
    group_name="model_in_use",
    kinds={"python"},
    tags=asset_tags(load_settings(), None, False, is_of_the_audience=True),
    owners=OWNERS,
    code_version="1",
    description=(
        "The model that generation uses. External: it is moved by a promotion or a "
        "rollback, both with a reason, never by materialising it."
    ),
    metadata=table_metadata("models"),
)


def shows(instance: dg.DagsterInstance, model: ModelRow) -> bool:
    """Whether the asset's latest materialisation is of this model."""
    shown = instance.get_latest_materialization_event(ACTIVE_MODEL)
    if shown is None or shown.asset_materialization is None:
        return False
    tags = shown.asset_materialization.tags or {}
    return tags.get(_DATA_VERSION) == model.model_id


def materialisation(model: ModelRow) -> dg.AssetMaterialization:
    """Return a materialisation of the asset that shows this model as the active one."""
    name, reason = map(plain_markdown, (model.name, model.reason or "no reason given"))
    said = f"**{name}** writes from now on: {reason}"
    return dg.AssetMaterialization(
        ACTIVE_MODEL,
        metadata={
            "summary": dg.MetadataValue.md(said),
            "model_id": model.model_id,
            "name": model.name,
            "provider": model.provider,
            "reason": model.reason,
        },
        tags={_DATA_VERSION: model.model_id},
    )
