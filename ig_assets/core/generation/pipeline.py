"""Runs the two paid steps of a month: drafts, then variants."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ig_assets.core.corpus.search.retrieve import (
    EmbedderOf,
    RetrievedScript,
    Retriever,
)
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
    with_more_hooks,
)
from ig_assets.core.generation.writing.draft import Drafting, write_drafts
from ig_assets.core.generation.writing.models import (
    WritingModels,
    base_writing_model,
    writing_models,
)
from ig_assets.core.generation.writing.rejected_arms import rejected_arms
from ig_assets.core.models.few_shot import few_shot_messages
from ig_assets.core.models.registry import ModelName, choosing_ranker
from ig_assets.core.ports import (
    Clock,
    Embedder,
    Filters,
    VectorIndex,
    Writer,
    WriterByName,
)
from ig_assets.warehouse.versions import content_version
from ig_assets.warehouse.warehouse import Warehouse

_DRAFTS = "SELECT variant_id || ' ' || request_hash FROM drafts WHERE month = ?"
_VARIANTS = """
SELECT variant_id || ' ' || coalesce(revision_hash, rejection)
FROM variants
WHERE month = ?
"""


@dataclass(frozen=True)
class GenerationOptions:
    """The settings of a month's writing; the settings' documentation describes them.

    `hooks` is the number of hooks per topic while a proven ranker chooses among them, 0
    if no ranker may choose.
    """

    seed: int
    arms: int
    temperature: float
    retrieved_scripts: int
    least_relevance: float
    novelty_floor: float
    banned_words: Path
    regenerations: int
    max_in_flight: int
    hooks: int = 0


@dataclass(frozen=True)
class GenerationContext:
    """The services and settings that a month's writing uses.

    `embedder_of` makes the embedder of an older space, which is searched while the new
    one is being filled. `base` is the frozen base model, `polisher` the model that
    polishes.
    """

    clock: Clock
    warehouse: Warehouse
    ledger: Ledger
    embedder: Embedder
    index: VectorIndex
    writers: WriterByName
    embedder_of: EmbedderOf
    base: ModelName
    polisher: ModelName
    options: GenerationOptions

    def writer_of(self, model: WritingModel) -> Writer:
        """Return the writer of a model; for a few-shot model, its base model's."""
        return self.writers(model.called)


@dataclass(frozen=True)
class StepResult:
    """The result of a step, for people.

    `facts` are numbers and labels, `samples` tables of ids, labels and numbers (never
    the text of a script); `version` is a hash of all rows of the month.
    """

    facts: dict[str, Any]
    samples: dict[str, list[dict[str, Any]]]
    version: str


def draft_month(
    context: GenerationContext,
    month: str,
    run: RunRef,
    topic_id: str | None = None,
    retry_rejected: bool = False,
) -> StepResult:
    """Write the missing drafts of a month's arms, or of one topic's.

    With `retry_rejected`, write each rejected arm once more instead. Raises what
    `write_drafts` does.
    """
    suspicious = prompt_injection.find_suspicious(
        context.warehouse, context.clock.now()
    )
    models = writing_models(context.warehouse, context.clock, context.base)
    arms = _arms(context, models, month, topic_id, retry_rejected)
    summary = write_drafts(_drafting(context, run, suspicious), arms, run)
    with context.warehouse.transaction() as con:
        samples = {
            "left_out_of_grounding": prompt_injection.suspicious_scripts(con),
            "sample": draft_sample(con, month, topic_id),
        }
        usage = usage_of_run(con, run.run_id, run.asset)
        version = content_version(con, _DRAFTS, [month])
    canary = models.canary.model_id if models.canary else "none"
    writing = {"active_model": models.active.model_id, "canary_model": canary}
    facts = asdict(summary) | usage | writing | {"scripts_left_out": len(suspicious)}
    return StepResult(facts, samples, version)


def polish_month(
    context: GenerationContext, month: str, run: RunRef, topic_id: str | None = None
) -> StepResult:
    """Polish the drafts without a variant of a month, or of one topic.

    Raises what `polish_drafts` does.
    """
    summary = polish_drafts(_polishing(context), month, run, topic_id)
    with context.warehouse.transaction() as con:
        samples = {"sample": variant_sample(con, month, topic_id)}
        usage = usage_of_run(con, run.run_id, run.asset)
        version = content_version(con, _VARIANTS, [month])
    return StepResult(asdict(summary) | usage, samples, version)


def _arms(
    context: GenerationContext,
    models: WritingModels,
    month: str,
    topic_id: str | None,
    retry_rejected: bool,
) -> list[PlannedArm]:
    options = context.options
    with context.warehouse.transaction() as con:
        topics = planned_topics(con, month, topic_id)
        if options.hooks and choosing_ranker(con) is not None:
            is_trial = models.canary is not None
            topics = with_more_hooks(con, topics, options.hooks, is_trial)
        arms = plan_arms(
            topics,
            options.arms,
            options.seed,
            models.active,
            models.canary,
            models.base,
        )
        return rejected_arms(con, month, arms) if retry_rejected else arms


def _drafting(
    context: GenerationContext, run: RunRef, suspicious: Collection[str]
) -> Drafting:
    return Drafting(
        ledger=context.ledger,
        writer_of=context.writer_of,
        examples_of=lambda model: examples_of(context.warehouse, model),
        retrieve=lambda arm: retrieved_for(context, arm, run, suspicious),
        seed=context.options.seed,
        temperature=context.options.temperature,
        max_in_flight=context.options.max_in_flight,
    )


def _polishing(context: GenerationContext) -> Polishing:
    # Register the base model first: the first registered model becomes the active one.
    base_writing_model(context.warehouse, context.clock, context.base)
    model = base_writing_model(context.warehouse, context.clock, context.polisher)
    near = NearestScript(context.ledger, context.embedder, context.index).cosine
    return replace(polishing_of(context, model), nearest=near)


def polishing_of(context: GenerationContext, model: WritingModel) -> Polishing:
    """Return the settings for polishing with a model.

    They leave the gate of the nearest script unmeasured.
    """
    options = context.options
    gates = Gates(options.novelty_floor, banned=read_banned(options.banned_words))
    return Polishing(
        ledger=context.ledger,
        writer_of=context.writer_of,
        model=model,
        gates=gates,
        seed=options.seed,
        temperature=options.temperature,
        regenerations=options.regenerations,
        max_in_flight=options.max_in_flight,
    )


def retrieved_for(
    context: GenerationContext,
    arm: PlannedArm,
    run: RunRef,
    suspicious: Collection[str],
) -> Sequence[RetrievedScript]:
    """Return the retrieved scripts that ground an arm, without suspicious ones."""
    retriever = Retriever(
        context.warehouse,
        context.index,
        context.embedder,
        context.ledger,
        context.embedder_of,
        context.options.least_relevance,
    )
    return retriever.retrieve(
        run,
        f"{arm.topic.topic}\n{arm.topic.brief}".strip(),
        context.options.retrieved_scripts,
        include_winners=not arm.is_control,
        filters=Filters(language=arm.topic.language),
        exclude_script_ids=suspicious,
    )


def examples_of(warehouse: Warehouse, model: WritingModel) -> list[str]:
    """Return a few-shot model's example scripts, without suspicious ones."""
    if model.artifact is None:
        return []
    with warehouse.transaction() as con:
        pairs = few_shot_messages(con, model.artifact)
    return [text for _, text in pairs if not prompt_injection.signs(text)]
