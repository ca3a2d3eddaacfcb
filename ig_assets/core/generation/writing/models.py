"""Which registered models write: the active one, its challenger, the frozen base."""

from __future__ import annotations

from dataclasses import dataclass

from ig_assets.core.generation.writing.arms import WritingModel
from ig_assets.core.models.registry import (
    ModelRow,
    active_model,
    canary_model,
    ensure_base_model,
    get_model,
)
from ig_assets.core.ports import Clock
from ig_assets.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class WritingModels:
    """Who writes this month; `canary` is None while there is no candidate in test."""

    active: WritingModel
    canary: WritingModel | None
    base: WritingModel


def writing_models(
    warehouse: Warehouse, clock: Clock, provider: str, name: str
) -> WritingModels:
    """The models of the present; registers the base model at first sight."""
    base = base_writing_model(warehouse, clock, provider, name)
    with warehouse.transaction() as con:
        active, canary = active_model(con), canary_model(con)
    return WritingModels(
        active=_writing(active),
        canary=_writing(canary) if canary is not None else None,
        base=base,
    )


def base_writing_model(
    warehouse: Warehouse, clock: Clock, provider: str, name: str
) -> WritingModel:
    """The frozen base model of the settings, registered at first sight."""
    model_id = ensure_base_model(warehouse, clock, provider, name)
    with warehouse.transaction() as con:
        return _writing(get_model(con, model_id))


def _writing(row: ModelRow) -> WritingModel:
    return WritingModel(
        row.model_id, row.provider, row.name, row.base_model, row.artifact
    )
