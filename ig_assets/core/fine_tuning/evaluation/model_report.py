"""Collects the stored facts about one model: job, evaluations and status changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ig_assets.core.fine_tuning.evaluation.evaluation import evaluation_of
from ig_assets.core.fine_tuning.jobs.rows import JobRow, job_of
from ig_assets.core.models.registry import ModelRow, get_model
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

Loss = tuple[int, float, float | None]
"""Step, training loss, validation loss or None."""


@dataclass(frozen=True)
class StatusEvent:
    """One change of a model's status."""

    changed_at: datetime
    status: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """The verdict on a model from the stored held-out pairs against another model."""

    against: str
    pairs: int
    passed: bool
    reason: str


@dataclass(frozen=True)
class ModelReport:
    """One model; `job` is None for a base model, `cost_usd` if it is unknown.

    Losses are ordered by step, events by time, evaluations by the other model's id.
    """

    model: ModelRow
    job: JobRow | None
    cost_usd: float | None
    losses: tuple[Loss, ...]
    evaluations: tuple[Comparison, ...]
    events: tuple[StatusEvent, ...]


def model_report(con: Connection, model_id: str) -> ModelReport:
    """Return the stored facts about a model. Raises InputError for an unknown id."""
    model = get_model(con, model_id)
    job = job_of(con, model.job_id) if model.job_id else None
    events = fetch_dicts(
        con,
        """
        SELECT changed_at, status, reason
        FROM model_events
        WHERE model_id = ?
        ORDER BY changed_at
        """,
        [model_id],
    )
    return ModelReport(
        model,
        job,
        None if job is None else _cost_usd(con, job),
        losses_of(model.artifact),
        tuple(_comparisons(con, model_id)),
        tuple(StatusEvent(**event) for event in events),
    )


def losses_of(artifact: Mapping[str, Any] | None) -> tuple[Loss, ...]:
    """Return the loss curve of a model's artifact, by step."""
    points = (artifact or {}).get("losses", [])
    return tuple((int(step), float(loss), valid) for step, loss, valid in points)


def _cost_usd(con: Connection, job: JobRow) -> float | None:
    rows = con.execute(
        """
        SELECT sum(coalesce(cost_usd, reserved_usd))
        FROM api_calls
        WHERE operation = 'train' AND request_hash = ?
        """,
        [job.intent_key],
    ).fetchall()
    return None if rows[0][0] is None else float(rows[0][0])


def _comparisons(con: Connection, model_id: str) -> list[Comparison]:
    others = con.execute(
        """
        SELECT DISTINCT against_model_id
        FROM evaluations
        WHERE model_id = ?
        ORDER BY against_model_id
        """,
        [model_id],
    ).fetchall()
    found = []
    for (other,) in others:
        summary = evaluation_of(con, model_id, str(other))
        found.append(Comparison(str(other), summary.n, summary.passed, summary.reason))
    return found
