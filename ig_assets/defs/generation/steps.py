"""Drafting and polishing a month, or one topic of it, as metadata and a data version.

Both the assets and the job for a topic on demand take these steps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ig_assets.core.corpus.search.retrieve import EmbedderOf, RetrievedScript, retrieve
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.costs.usage import usage_of_run
from ig_assets.core.generation.gates import prompt_injection
from ig_assets.core.generation.gates.banned_words import read_banned
from ig_assets.core.generation.gates.gates import Gates
from ig_assets.core.generation.gates.nearest_script import NearestScript
from ig_assets.core.generation.overview import draft_sample, variant_sample
from ig_assets.core.generation.polishing.polish import polish_drafts
from ig_assets.core.generation.polishing.regenerate import Polishing
from ig_assets.core.generation.writing.arms import (
    PlannedArm,
    WritingModel,
    plan_arms,
    planned_topics,
)
from ig_assets.core.generation.writing.draft import Drafting, write_drafts
from ig_assets.core.generation.writing.models import base_writing_model, writing_models
from ig_assets.core.generation.writing.rejected_arms import rejected_arms
from ig_assets.core.models.few_shot import few_shot_messages
from ig_assets.core.ports import Clock, Embedder, VectorIndex, Writer
from ig_assets.defs.metadata import counts, sample_table
from ig_assets.settings import Settings
from ig_assets.warehouse.versions import content_version
from ig_assets.warehouse.warehouse import Warehouse

WriterByName = Callable[[str], Writer]

_DRAFTS = "SELECT variant_id || ' ' || request_hash FROM drafts WHERE month = ?"
_VARIANTS = """
SELECT variant_id || ' ' || coalesce(revision_hash, rejection)
FROM variants
WHERE month = ?
"""


@dataclass(frozen=True)
class GenerationContext:
    """What writing takes."""

    settings: Settings
    clock: Clock
    warehouse: Warehouse
    ledger: Ledger
    embedder: Embedder
    index: VectorIndex
    writers: WriterByName

    @property
    def max_in_flight(self) -> int:
        """Requests for text at a time."""
        from ig_assets.wiring import writers_in_flight

        return writers_in_flight(self.settings)


@dataclass(frozen=True)
class StepResult:
    """What a step made, as Dagster shows it; `version` is of the whole month."""

    metadata: dict[str, Any]
    version: str


def draft_month(
    desk: GenerationContext,
    month: str,
    run: RunRef,
    topic_id: str | None = None,
    retry_rejected: bool = False,
) -> StepResult:
    """Write the missing arms of a month, or of one topic of it.

    With `retry_rejected` those that were rejected instead, each once more.
    """
    settings, warehouse = desk.settings, desk.warehouse
    suspicious = prompt_injection.find_suspicious(warehouse, desk.clock.now())
    models = writing_models(warehouse, desk.clock, *_base(settings))
    with warehouse.transaction() as con:
        planned = planned_topics(con, month, topic_id)
    arms = plan_arms(
        planned,
        settings.arms,
        settings.seed,
        models.active,
        models.canary,
        models.base,
    )
    if retry_rejected:
        with warehouse.transaction() as con:
            arms = rejected_arms(con, month, arms)
    drafting = Drafting(
        ledger=desk.ledger,
        writer_of=lambda model: desk.writers(model.base_model),
        examples_of=lambda model: _examples(warehouse, model),
        retrieve=lambda arm: _references(desk, arm, run, suspicious),
        seed=settings.seed,
        temperature=settings.temperature,
        max_in_flight=desk.max_in_flight,
    )
    summary = write_drafts(drafting, arms, run)
    with warehouse.transaction() as con:
        sample = draft_sample(con, month, topic_id)
        left_out = prompt_injection.suspicious_scripts(con)
        spent = usage_of_run(con, run.run_id, run.asset)
        version = content_version(con, _DRAFTS, [month])
    return StepResult(
        counts(summary)
        | spent
        | {
            "active_model": models.active.model_id,
            "canary_model": models.canary.model_id if models.canary else "none",
            "scripts_left_out": len(suspicious),
            "left_out_of_grounding": sample_table(left_out),
            "sample": sample_table(sample),
        },
        version,
    )


def polish_month(
    desk: GenerationContext, month: str, run: RunRef, topic_id: str | None = None
) -> StepResult:
    """Polish the drafts that have no variant, of a month or of one topic of it."""
    settings, warehouse = desk.settings, desk.warehouse
    banned = read_banned(settings.banned_words)
    polishing = Polishing(
        ledger=desk.ledger,
        writer_of=lambda model: desk.writers(model.base_model),
        model=_polisher(warehouse, desk.clock, settings),
        gates=Gates(settings.novelty_floor, banned=banned),
        seed=settings.seed,
        temperature=settings.temperature,
        nearest=NearestScript(desk.ledger, desk.embedder, desk.index).cosine,
        regenerations=settings.regenerations,
        max_in_flight=desk.max_in_flight,
    )
    summary = polish_drafts(polishing, month, run, topic_id)
    with warehouse.transaction() as con:
        sample = variant_sample(con, month, topic_id)
        spent = usage_of_run(con, run.run_id, run.asset)
        version = content_version(con, _VARIANTS, [month])
    return StepResult(
        counts(summary) | spent | {"sample": sample_table(sample)}, version
    )


def _references(
    desk: GenerationContext, arm: PlannedArm, run: RunRef, suspicious: Collection[str]
) -> Sequence[RetrievedScript]:
    return retrieve(
        desk.warehouse,
        desk.index,
        desk.embedder,
        desk.ledger,
        run,
        f"{arm.topic.topic}\n{arm.topic.brief}".strip(),
        desk.settings.retrieved_scripts,
        include_winners=not arm.is_control,
        language=arm.topic.language,
        exclude_script_ids=suspicious,
        embedder_of=_embedder_of(desk.settings),
    )


def _examples(warehouse: Warehouse, model: WritingModel) -> list[str]:
    if model.artifact is None:
        return []
    with warehouse.transaction() as con:
        shown = few_shot_messages(con, model.artifact)
    texts = [completion for _, completion in shown]
    return [text for text in texts if not prompt_injection.signs(text)]


def _embedder_of(settings: Settings) -> EmbedderOf:
    from ig_assets.wiring import make_embedder_of

    return partial(make_embedder_of, settings)


def _polisher(warehouse: Warehouse, clock: Clock, settings: Settings) -> WritingModel:
    from ig_assets.wiring import polish_model

    # The base model first: the first to be registered becomes the active one.
    base_writing_model(warehouse, clock, *_base(settings))
    polisher = polish_model(settings)
    return base_writing_model(warehouse, clock, polisher.provider, polisher.name)


def _base(settings: Settings) -> tuple[str, str]:
    from ig_assets.wiring import base_model

    base = base_model(settings)
    return base.provider, base.name
