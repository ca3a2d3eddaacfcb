"""Estimates the calls, tokens, cost and time of a loop before it starts."""

from __future__ import annotations

from dataclasses import dataclass

from ig_assets.core.costs.prices import call_cost_usd
from ig_assets.core.ports import TokenUsage
from ig_assets.settings import Settings
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring import base_model

# Tokens of a typical call, from the ledger of `make loop` (docs/benchmarks.md).
DRAFT_TOKENS = TokenUsage(415, 120)
POLISH_TOKENS = TokenUsage(265, 138)
JUDGE_TOKENS = TokenUsage(235, 107)
# Seconds per call on one core, from the same source; a vendor's depend on the network.
SECONDS_PER_CALL = {"1.5b": 12.5, "0.5b": 10.0}
SECONDS_PER_MONTH = 90.0


@dataclass(frozen=True)
class LoopPlan:
    """The calls for text that a loop still needs, with their tokens, cost and time.

    `cost_usd` is None if the model's price is unknown, `minutes` if a vendor writes.
    """

    months: int
    topics: int
    arms: int
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    minutes: float | None


def plan_loop(settings: Settings, warehouse: Warehouse, months: list[str]) -> LoopPlan:
    """Estimate the loop over these months, less the drafts that exist already."""
    topics = settings.topics_per_month or 0
    # At most: more hooks are written only while a proven ranker chooses among them.
    hooks = settings.hooks_per_topic if settings.ranker == "choose" else settings.arms
    per_month = topics * hooks + (1 if settings.canary_share else 0)
    per_month += round(topics * settings.control_share)
    with warehouse.transaction() as con:
        (drafted,) = con.execute(
            "SELECT count(*) FROM drafts WHERE list_contains(?::TEXT[], month)",
            [months],
        ).fetchall()[0]
    drafts = max(0, per_month * len(months) - drafted)
    judged = 2 * settings.evaluation_topics * len(months)
    calls = 2 * drafts + judged
    usage = [(drafts, DRAFT_TOKENS), (drafts, POLISH_TOKENS), (judged, JUDGE_TOKENS)]
    total = TokenUsage(
        sum(n * one.input_tokens for n, one in usage),
        sum(n * one.output_tokens for n, one in usage),
    )
    base = base_model(settings)
    seconds = SECONDS_PER_CALL.get(settings.local_model)
    minutes = None
    if settings.writer == "local" and seconds is not None:
        minutes = (calls * seconds + len(months) * SECONDS_PER_MONTH) / 60
    return LoopPlan(
        months=len(months),
        topics=topics,
        arms=settings.arms,
        model=base.name,
        calls=calls,
        input_tokens=total.input_tokens,
        output_tokens=total.output_tokens,
        cost_usd=call_cost_usd(base.provider, base.name, total),
        minutes=minutes,
    )
