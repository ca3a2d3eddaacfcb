"""The registered models that write: the active one, the canary, the base model."""

from __future__ import annotations

from dataclasses import dataclass

from ig_assets.core.generation.writing.arms import WritingModel
from ig_assets.core.models.registry import (
    ModelName,
    ModelRow,
    active_model,
    asked_provider,
    canary_model,
    ensure_base_model,
    get_model,
)
from ig_assets.core.ports import Clock
from ig_assets.errors import InputError
from ig_assets.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class WritingModels:
    """The models that write this month; `canary` is None while none is on trial."""

    active: WritingModel
    canary: WritingModel | None
    base: WritingModel


def writing_models(
    warehouse: Warehouse, clock: Clock, base: ModelName
) -> WritingModels:
    """Return the models as registered now; register the base model if it is new."""
    base_model = base_writing_model(warehouse, clock, base)
    with warehouse.transaction() as con:
        active, canary = active_model(con), canary_model(con)
    return WritingModels(
        active=_writing(active, base),
        canary=_writing(canary, base) if canary is not None else None,
        base=base_model,
    )


def base_writing_model(
    warehouse: Warehouse, clock: Clock, base: ModelName
) -> WritingModel:
    """Return a frozen model named in the settings, registering it if it is new."""
    model_id = ensure_base_model(warehouse, clock, base.provider, base.name)
    with warehouse.transaction() as con:
        return _writing(get_model(con, model_id), base)


def registered_or_new(
    warehouse: Warehouse, base: ModelName, active: bool = True
) -> WritingModel:
    """Return the model that would write now; register nothing.

    This is the active model if there is one and `active` is true, else the settings'
    model as it would be registered.
    """
    with warehouse.transaction() as con:
        try:
            if active:
                return _writing(active_model(con), base)
        except InputError:
            pass
    model_id = f"base/{base.provider}/{base.name}"
    return WritingModel(model_id, base.provider, base.name, base.name)


def _writing(row: ModelRow, base: ModelName) -> WritingModel:
    return WritingModel(
        row.model_id,
        row.provider,
        row.name,
        row.base_model,
        row.artifact,
        asked_provider(row.provider, base.provider),
    )
