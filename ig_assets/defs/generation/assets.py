"""Generation: a month's topics become drafts, and drafts become variants."""

from collections.abc import Callable, Sequence
from functools import partial

import dagster as dg

from ig_assets.core.corpus.retrieval import EmbedderOf, RetrievedScript, retrieve
from ig_assets.core.costs.ledger import Ledger, RunRef
from ig_assets.core.fine_tuning.few_shot import few_shot_messages
from ig_assets.core.fine_tuning.registry import canary_model
from ig_assets.core.generation import injection
from ig_assets.core.generation.arms import (
    Arm,
    WritingModel,
    plan_arms,
    planned_topics,
)
from ig_assets.core.generation.banned import read_banned
from ig_assets.core.generation.drafting import Drafting, write_drafts
from ig_assets.core.generation.models import base_writing_model, writing_models
from ig_assets.core.generation.nearest import NearestScript
from ig_assets.core.generation.overview import draft_sample, variant_sample
from ig_assets.core.generation.gates import Gates
from ig_assets.core.generation.polishing import polish_drafts
from ig_assets.core.generation.regeneration import Polishing
from ig_assets.core.generation.topics import Draw, sync_topics
from ig_assets.core.ports import Clock, Embedder, VectorIndex, Writer
from ig_assets.defs.boundary import (
    OWNERS,
    RETRY_WHEN_BUSY,
    counts,
    plain_failures,
    run_ref,
    sample_table,
)
from ig_assets.defs.corpus.assets import script_index
from ig_assets.defs.partitions import month_of, months_ahead
from ig_assets.settings import Settings
from ig_assets.warehouse.connection import Warehouse
from ig_assets.warehouse.versions import content_version

WriterByName = Callable[[str], Writer]


@dg.asset(
    partitions_def=months_ahead,
    group_name="generation",
    kinds={"python", "yaml"},
    owners=OWNERS,
    code_version="1",
    pool="generation",
    retry_policy=RETRY_WHEN_BUSY,
    description=(
        "One row per topic of the month's content calendar, with the seeded draw of "
        "control and canary topics. A drafted topic keeps its draw."
    ),
)
def topics(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Read the calendar, validate each row, draw."""
    month = month_of(context)
    with plain_failures():
        with warehouse.transaction() as con:
            has_candidate = canary_model(con) is not None
        draw = Draw(
            settings.seed,
            settings.control_share,
            settings.canary_share,
            has_candidate,
        )
        summary = sync_topics(
            warehouse, clock, settings.calendar, month, draw, settings.topics_per_month
        )
        with warehouse.transaction() as con:
            version = content_version(
                con,
                """
                SELECT topic_id || ' ' || is_control || ' ' || is_canary
                    || ' ' || status || ' ' || brief
                FROM topics
                WHERE month = ?
                """,
                [month],
            )
    return dg.MaterializeResult(
        metadata=counts(summary), data_version=dg.DataVersion(version)
    )


@dg.asset(
    partitions_def=months_ahead,
    deps=[topics, script_index, dg.AssetKey("active_model")],
    group_name="generation",
    kinds={"python", "openai"},
    owners=OWNERS,
    code_version="1",
    pool="writer_api",
    retry_policy=RETRY_WHEN_BUSY,
    description=(
        "One row per arm of a topic: a draft grounded in retrieved scripts, with the "
        "hash of its prompt, its model, its sampling settings, and what was "
        "retrieved with which similarity. Scripts that try to instruct a model ground "
        "nothing and are listed. Each draft is committed as it comes; a rerun writes "
        "only what is missing."
    ),
)
def script_drafts(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
    ledger: dg.ResourceParam[Ledger],
    embedder: dg.ResourceParam[Embedder],
    index: dg.ResourceParam[VectorIndex],
    writers: dg.ResourceParam[WriterByName],
) -> dg.MaterializeResult:
    """Write the month's missing arms."""
    month = month_of(context)
    run = run_ref(context, month)

    def references(arm: Arm) -> Sequence[RetrievedScript]:
        return retrieve(
            warehouse,
            index,
            embedder,
            ledger,
            run,
            f"{arm.topic.topic}\n{arm.topic.brief}".strip(),
            settings.retrieved_scripts,
            include_winners=not arm.is_control,
            language=arm.topic.language,
            exclude_script_ids=suspicious,
            embedder_of=_embedder_of(settings),
        )

    with plain_failures():
        suspicious = injection.find_suspicious(warehouse, clock.now())
        models = writing_models(warehouse, clock, *_base(settings))
        with warehouse.transaction() as con:
            planned = planned_topics(con, month)
        arms = plan_arms(
            planned,
            settings.arms,
            settings.seed,
            models.active,
            models.canary,
            models.base,
        )
        drafting = Drafting(
            ledger=ledger,
            writer_of=lambda model: writers(model.base_model),
            examples_of=lambda model: _examples(warehouse, model),
            retrieve=references,
            seed=settings.seed,
            temperature=settings.temperature,
            max_in_flight=1 if settings.writer == "local" else settings.max_in_flight,
        )
        summary = write_drafts(drafting, arms, run)
        with warehouse.transaction() as con:
            sample = draft_sample(con, month)
            left_out = injection.suspicious_scripts(con)
            version = content_version(
                con,
                "SELECT variant_id || ' ' || request_hash FROM drafts WHERE month = ?",
                [month],
            )
    return dg.MaterializeResult(
        metadata=counts(summary)
        | {
            "active_model": models.active.model_id,
            "canary_model": models.canary.model_id if models.canary else "none",
            "scripts_left_out": len(suspicious),
            "left_out_of_grounding": sample_table(left_out),
            "sample": sample_table(sample),
        },
        data_version=dg.DataVersion(version),
    )


@dg.asset(
    partitions_def=months_ahead,
    deps=[script_drafts],
    group_name="generation",
    kinds={"python", "openai"},
    owners=OWNERS,
    code_version="1",
    pool="writer_api",
    retry_policy=RETRY_WHEN_BUSY,
    description=(
        "One row per polished draft: hook, beats, call to action, on-screen text, "
        "spoken seconds, and its figure at every gate (`variant_figures`). What fails "
        "is polished again up to IG_REGENERATIONS times, then rejected with its "
        "figures. One frozen model polishes every arm alike."
    ),
)
def script_variants(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
    ledger: dg.ResourceParam[Ledger],
    embedder: dg.ResourceParam[Embedder],
    index: dg.ResourceParam[VectorIndex],
    writers: dg.ResourceParam[WriterByName],
) -> dg.MaterializeResult:
    """Polish the month's drafts that have no variant."""
    month = month_of(context)
    run: RunRef = run_ref(context, month)
    with plain_failures():
        polishing = Polishing(
            ledger=ledger,
            writer_of=lambda model: writers(model.base_model),
            model=_polisher(warehouse, clock, settings),
            gates=Gates(
                settings.novelty_floor, banned=read_banned(settings.banned_words)
            ),
            seed=settings.seed,
            temperature=settings.temperature,
            nearest=NearestScript(ledger, embedder, index).cosine,
            regenerations=settings.regenerations,
            max_in_flight=1 if settings.writer == "local" else settings.max_in_flight,
        )
        summary = polish_drafts(polishing, month, run)
        with warehouse.transaction() as con:
            sample = variant_sample(con, month)
            version = content_version(
                con,
                """
                SELECT variant_id || ' ' || coalesce(revision_hash, rejection)
                FROM variants
                WHERE month = ?
                """,
                [month],
            )
    return dg.MaterializeResult(
        metadata=counts(summary) | {"sample": sample_table(sample)},
        data_version=dg.DataVersion(version),
    )


def _examples(warehouse: Warehouse, model: WritingModel) -> list[str]:
    if model.artifact is None:
        return []
    with warehouse.transaction() as con:
        shown = few_shot_messages(con, model.artifact)
    texts = [completion for _, completion in shown]
    return [text for text in texts if not injection.signs(text)]


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
