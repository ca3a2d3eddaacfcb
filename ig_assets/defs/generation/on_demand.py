"""Generation on demand: jobs that a person starts with a form in the launchpad."""

from dataclasses import replace
from typing import Any

import dagster as dg
from pydantic import Field

from ig_assets.core.costs.ledger.ledger import RunRef
from ig_assets.core.generation.pipeline import (
    GenerationContext,
    draft_month,
    polish_month,
)
from ig_assets.core.generation.topics.on_demand import add_topic, known_topic
from ig_assets.defs.failures import plain_failures
from ig_assets.defs.generation.metadata import step_metadata
from ig_assets.defs.pod_resources import pod_tags


class TopicForm(dg.Config):
    """The form of `generate_topic`; all fields but the topic are optional."""

    topic: str = Field(description="What the script is about, e.g. sharp knives.")
    variants: int = Field(3, description="How many to write: 2 or 3.")
    brief: str = Field("", description="What must be said, in a sentence or two.")
    audience: str = Field("", description="Who watches.")
    language: str = Field("", description="Language code: en, es, …; empty: en.")
    brand_voice: str = Field("", description="How it should sound.")
    month: str = Field("", description="YYYY-MM; empty: the present month.")


class RetryForm(dg.Config):
    """The form of `retry_rejected`; all fields are optional."""

    month: str = Field("", description="YYYY-MM; empty: the present month.")
    topic: str = Field("", description="Only this topic; empty: all of the month.")


@dg.op(
    pool="writer_api",
    tags=pod_tags("writer_api"),
    description=(
        "Plans the topic in its month, writes its missing drafts and polishes them. "
        "Run again with the same topic, it writes only what is missing. PAYS for text "
        "where the writer is a vendor's."
    ),
)
def write_topic(
    context: dg.OpExecutionContext,
    config: TopicForm,
    generation: dg.ResourceParam[GenerationContext],
) -> None:
    """Plan, draft and polish; report as materialisations of the month's assets."""
    warehouse, clock = generation.warehouse, generation.clock
    month = config.month or clock.now().strftime("%Y-%m")
    with plain_failures():
        values = {
            name: getattr(config, name)
            for name in ("topic", "brief", "audience", "language", "brand_voice")
        }
        topic_id = add_topic(warehouse, clock, month, values, config.variants)
        _report(context, "topics", month, {"topic_id": topic_id})
        _write(context, generation, month, topic_id)


@dg.op(
    pool="writer_api",
    tags=pod_tags("writer_api"),
    description=(
        "Writes and polishes the month's rejected variants once more, within the same "
        "gates and bounds. The rejected ones stay as rows; topics that are posted are "
        "left alone. PAYS for text where the writer is a vendor's."
    ),
)
def write_rejected_again(
    context: dg.OpExecutionContext,
    config: RetryForm,
    generation: dg.ResourceParam[GenerationContext],
) -> None:
    """Draft and polish; report as materialisations of the month's assets."""
    warehouse, clock = generation.warehouse, generation.clock
    month = config.month or clock.now().strftime("%Y-%m")
    with plain_failures():
        topic_id = known_topic(warehouse, clock, month, config.topic)
        _write(context, generation, month, topic_id, retry_rejected=True)


@dg.config_mapping
def topic_form(form: TopicForm) -> dict[str, Any]:
    """Convert the flat form into the op's nested configuration."""
    return {"ops": {"write_topic": {"config": form.model_dump()}}}


@dg.job(
    config=topic_form,
    description=(
        "Writes variants of one topic now. Fill in the form in the Launchpad: `topic` "
        "is all it needs."
    ),
)
def generate_topic() -> None:
    """Write variants of one topic on demand."""
    write_topic()


@dg.config_mapping
def retry_form(form: RetryForm) -> dict[str, Any]:
    """Convert the flat form into the op's nested configuration."""
    return {"ops": {"write_rejected_again": {"config": form.model_dump()}}}


@dg.job(
    config=retry_form,
    description=(
        "Tries the rejected variants of a month, or of one topic of it, once more."
    ),
)
def retry_rejected() -> None:
    """Write the rejected variants of a month once more."""
    write_rejected_again()


def _write(
    context: dg.OpExecutionContext,
    generation: GenerationContext,
    month: str,
    topic_id: str | None,
    retry_rejected: bool = False,
) -> None:
    """Write drafts, then variants; report each as a materialisation of its asset."""
    which = {"topic_id": topic_id or "all"}
    run = RunRef(context.run.run_id, "script_drafts", month)
    step = draft_month(generation, month, run, topic_id, retry_rejected)
    _report(context, run.asset, month, which | step_metadata(step))
    run = replace(run, asset="script_variants")
    step = polish_month(generation, month, run, topic_id)
    _report(context, run.asset, month, which | step_metadata(step))


def _report(
    context: dg.OpExecutionContext, asset: str, month: str, metadata: dict[str, Any]
) -> None:
    context.log.info(f"{asset} of {month}: {metadata['topic_id']} is done.")
    context.log_event(
        dg.AssetMaterialization(asset, partition=month, metadata=metadata)
    )
