"""What tokens cost."""

from __future__ import annotations

import pytest

from ig_assets.core.costs.prices import call_cost_usd
from ig_assets.core.ports import TokenUsage


def test_cached_tokens_are_cheaper_and_not_counted_twice() -> None:
    fresh = call_cost_usd("openai", "gpt-5-mini", TokenUsage(1000, 0, 0))
    cached = call_cost_usd("openai", "gpt-5-mini", TokenUsage(1000, 0, 1000))
    half = call_cost_usd("openai", "gpt-5-mini", TokenUsage(1000, 0, 500))
    assert fresh is not None and cached is not None and half is not None
    assert 0 < cached < fresh
    assert half == pytest.approx((fresh + cached) / 2)


def test_output_is_dearer_than_input() -> None:
    asked = call_cost_usd("openai", "gpt-5-mini", TokenUsage(1000, 0))
    written = call_cost_usd("openai", "gpt-5-mini", TokenUsage(0, 1000))
    assert asked is not None and written is not None and written > asked


def test_embeddings_have_a_price() -> None:
    cost = call_cost_usd("openai", "text-embedding-3-small", TokenUsage(1_000_000))
    assert cost == pytest.approx(0.02)


@pytest.mark.parametrize("provider", ["local", "few_shot", "simulated"])
def test_what_runs_here_is_free(provider: str) -> None:
    assert call_cost_usd(provider, "any", TokenUsage(10**9, 10**9)) == 0.0


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "no-such-model-x"), ("no-such", "gpt-5-mini")]
)
def test_an_unknown_price_is_none(provider: str, model: str) -> None:
    assert call_cost_usd(provider, model, TokenUsage(1)) is None
