"""Registers models and their status as append-only events; the latest event counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ig_assets.core.identity import next_instant
from ig_assets.core.ports import Clock
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

STATUSES = ("candidate", "canary", "active", "retired", "tainted")
FEW_SHOT = "few_shot"
RANKER = "ranker"
"""Provider of the models that order hooks and write no text."""

_MODELS = """
SELECT m.model_id, m.job_id, m.provider, m.name, m.base_model, m.artifact,
    m.created_at, e.status, e.reason, e.changed_at
FROM models m
JOIN latest_model_status e ON e.model_id = m.model_id
ORDER BY e.changed_at, m.model_id
"""


@dataclass(frozen=True)
class ModelName:
    """A provider and the provider's name of a model."""

    provider: str
    name: str


@dataclass(frozen=True)
class ModelRow:
    """A registered model with its latest status.

    `artifact` is the output that its trainer stored, or None.
    """

    model_id: str
    job_id: str | None
    provider: str
    name: str
    base_model: str
    artifact: Mapping[str, Any] | None
    created_at: datetime
    status: str
    reason: str
    changed_at: datetime

    @property
    def called(self) -> str:
        """The name of the model that is called to write."""
        return called_model(self.provider, self.name, self.base_model)


def called_model(provider: str, name: str, base_model: str) -> str:
    """Return the name of the model that is called when a registered model writes.

    For a few-shot model this is its base model, which is called with examples; for any
    other model it is `name`.
    """
    return base_model if provider == FEW_SHOT else name


def asked_provider(provider: str, base_provider: str) -> str:
    """Return the provider that is asked when a registered model writes.

    For a few-shot model this is `base_provider`, that of its base model; for any other
    model it is `provider`.
    """
    return base_provider if provider == FEW_SHOT else provider


def ensure_base_model(
    warehouse: Warehouse, clock: Clock, provider: str, name: str
) -> str:
    """Register the model 'base/<provider>/<name>' if it is new; return its id.

    It becomes active if no model is active.
    """
    model_id = f"base/{provider}/{name}"
    now = clock.now()
    with warehouse.transaction() as con:
        row = {
            "model_id": model_id,
            "job_id": None,
            "provider": provider,
            "name": name,
            "base_model": name,
            "artifact": None,
            "created_at": now,
        }
        merge_rows(con, "models", [row], replace=False)
        models = list_models(con)
        mine = [m for m in models if m.model_id == model_id]
        if not any(m.status == "active" for m in models):
            set_status(con, model_id, "active", "no model was active yet", now)
        elif not mine:
            set_status(con, model_id, "retired", "another model is active", now)
    return model_id


def list_models(con: Connection) -> list[ModelRow]:
    """Return all registered models that write texts, in order of their latest event."""
    return [model for model in _all_models(con) if model.provider != RANKER]


def list_rankers(con: Connection) -> list[ModelRow]:
    """Return all registered rankers, in order of their latest event."""
    return [model for model in _all_models(con) if model.provider == RANKER]


def current_ranker(con: Connection) -> ModelRow | None:
    """Return the ranker in use, or None.

    A proven ranker is active; one that is not proven is a candidate.
    """
    used = [m for m in list_rankers(con) if m.status in ("active", "candidate")]
    return used[-1] if used else None


def choosing_ranker(con: Connection) -> ModelRow | None:
    """Return the ranker that may choose which hooks are posted, or None.

    Only an active ranker, which is proven, may choose.
    """
    used = current_ranker(con)
    return used if used is not None and used.status == "active" else None


def _all_models(con: Connection) -> list[ModelRow]:
    return [
        ModelRow(
            **{
                **row,
                "artifact": (
                    None if not row["artifact"] else json.loads(row["artifact"])
                ),
            }
        )
        for row in fetch_dicts(con, _MODELS)
    ]


def get_model(con: Connection, model_id: str) -> ModelRow:
    """Return the model with this id, rankers included.

    Raises InputError for an unknown id.
    """
    for model in _all_models(con):
        if model.model_id == model_id:
            return model
    raise InputError(f"There is no model {model_id!r} in the registry.")


def active_model(con: Connection) -> ModelRow:
    """Return the model that generation uses. Raises InputError if none is active."""
    model = _latest(con, "active")
    if model is None:
        raise InputError("No model is active; register the base model first.")
    return model


def canary_model(con: Connection) -> ModelRow | None:
    """Return the model on trial, or None."""
    return _latest(con, "canary")


def candidate_model(con: Connection) -> ModelRow | None:
    """Return the newest trained model that is not on trial yet, or None."""
    return _latest(con, "candidate")


def tainted_models(con: Connection) -> set[str]:
    """Return the ids of models that were ever tainted by a forgotten script.

    Such a model may still be active by a person's decision.
    """
    rows = con.execute(
        "SELECT DISTINCT model_id FROM model_events WHERE status = 'tainted'"
    ).fetchall()
    return {str(row[0]) for row in rows}


def set_status(
    con: Connection, model_id: str, status: str, reason: str, now: datetime
) -> datetime:
    """Append a status event and return its time.

    The time is later than that of every earlier event, so that events keep the order of
    the calls. Raises InputError for an unknown status.
    """
    if status not in STATUSES:
        raise InputError(f"{status!r} is no status of a model; use {STATUSES}.")
    (latest,) = con.execute("SELECT max(changed_at) FROM model_events").fetchall()[0]
    at = next_instant(now, latest)
    event = {
        "model_id": model_id,
        "changed_at": at,
        "status": status,
        "reason": reason,
    }
    merge_rows(con, "model_events", [event], replace=False)
    return at


def activate(con: Connection, model_id: str, reason: str, now: datetime) -> None:
    """Make one model active and retire the model that was active."""
    for model in list_models(con):
        if model.status == "active" and model.model_id != model_id:
            note = f"replaced by {model_id}: {reason}"
            set_status(con, model.model_id, "retired", note, now)
    set_status(con, model_id, "active", reason, now)


def _latest(con: Connection, status: str) -> ModelRow | None:
    """Return the model that got this status last and still has it, or None."""
    models = [m for m in list_models(con) if m.status == status]
    return models[-1] if models else None
