"""One sentence per materialisation: what the run did, in words for its page."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

import dagster as dg

from ig_assets.core.reports.markdown import plain_markdown

# The names in braces are labels of the materialisation's own metadata.
SENTENCES: Mapping[str, str] = {
    "raw_scripts": (
        "Scripts: **{new}** new, **{changed}** changed, **{retired}** retired, "
        "**{promoted}** made of winners; **{rejected}** could not be used."
    ),
    "script_index": (
        "Scripts in the index: **{upserted}** entered or renewed, **{deleted}** taken "
        "out, **{unchanged}** as they were, **{repaired}** repaired."
    ),
    "topics": (
        "**{topics}** topics planned, **{new}** of them new: {control} for control "
        "arms, {canary} for the model on trial; **{rejected}** rows of the calendar "
        "could not be used."
    ),
    "script_drafts": (
        "**{written}** of {planned} drafts written now, {kept} kept from before, "
        "**{rejected}** rejected; written by {active_model}."
    ),
    "script_variants": (
        "**{polished}** of {drafts} drafts polished now, {kept} kept from before; "
        "**{rejected}** rejected at the gates, {regenerated} written more than once."
    ),
    "posts": (
        "Tests planned: **{planned_experiments}**. Posts on {platform}: "
        "**{published}** published, {waiting} waiting, **{failed}** failed."
    ),
    "engagement_metrics": (
        "**{posts}** posts read on {platform}: **{readings}** new readings, {missing} "
        "of them without a value, {restated} corrected by the platform."
    ),
    "experiment_results": (
        "**{evaluated}** of {experiments} undecided tests looked at: **{winners}** "
        "winners, {provisional} provisional, {inconclusive} inconclusive, {running} "
        "still running."
    ),
    "winning_scripts": (
        "**{winners}** winners and {provisional} provisional ones; **{held}** are held "
        "until a person accepts them."
    ),
    "training_examples": (
        "**{sft}** texts to learn and **{dpo}** pairs to compare, {train} to train on "
        "and {validation} to validate; {simulated} rest on a simulated audience."
    ),
    "fine_tune_jsonl": "**{lines}** lines with {tokens} tokens: {size}.",
    "fine_tune_job": ("The fine-tune of {base_model} at {provider}: **{status}**."),
    "fine_tuned_model": (
        "**{name}**, made from {base_model}; its status: **{status}**."
    ),
    "model_evaluation": "**{candidate}** against {against}: {reason}",
    "hook_ranker": ("**{state}**: {so}. Audience: {audience}."),
    "api_usage": (
        "**{calls}** calls for USD {cost_usd}, {unknown} without a known answer; "
        "without a price: {models_without_a_price}."
    ),
    "lineage_report": (
        "**{sft}** texts to learn and **{dpo}** pairs; the job is **{job_status}**, "
        "and {in_model} examples are in its model."
    ),
}
_BY_BATCH = (
    "**{collected}** vectors collected from the Batch API, **{submitted}** texts "
    "submitted, {under_way} under way."
)
_ALL_DECIDED = "Every test is decided; there was none to look at."
_AT_ONCE = "**{embedded}** texts embedded now, {reused} had a vector; {tokens} tokens."


def figures_said(asset: str, metadata: Mapping[str, Any]) -> list[str]:
    """Return the metadata labels whose figures the asset's sentence uses."""
    template = _template(asset, metadata) or ""
    return [name for _, name, _, _ in string.Formatter().parse(template) if name]


def summary(asset: str, metadata: Mapping[str, Any]) -> dg.MarkdownMetadataValue | None:
    """Return the sentence with the figures of one materialisation.

    None if a figure is missing, as after a step that a person stopped.
    """
    template = _template(asset, metadata)
    names = figures_said(asset, metadata)
    if template is None or any(name not in metadata for name in names):
        return None
    known = {name: _shown(metadata[name]) for name in names}
    return dg.MetadataValue.md(template.format(**known))


def _shown(value: Any) -> Any:
    """Format a figure: counts with thousands separators, texts with markup escaped."""
    plain = getattr(value, "value", value)
    if isinstance(plain, int) and not isinstance(plain, bool):
        return f"{plain:,}"
    return plain_markdown(plain) if isinstance(plain, str) else plain


def _template(asset: str, metadata: Mapping[str, Any]) -> str | None:
    if asset == "script_embeddings":
        return _BY_BATCH if "submitted" in metadata else _AT_ONCE
    if asset == "experiment_results" and metadata.get("experiments") == 0:
        return _ALL_DECIDED
    return SENTENCES.get(asset)
