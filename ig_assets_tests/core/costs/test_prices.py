"""What tokens cost."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from ig_assets.core.costs.budget import parse_budgets
from ig_assets.core.costs.prices import call_cost_usd, parse_prices, use_prices
from ig_assets.core.costs.usage import price_warning
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


FINE_TUNED = "ft:gpt-4.1-mini-2025-04-14:acme::abc123"
OWN = parse_prices(f"ft:gpt-4.1-mini=0.8/0.2/3.2, {FINE_TUNED}-x=2/4")


@pytest.fixture
def own_prices() -> Iterator[None]:
    """A price of one fine-tuned model, and a dearer one of a single model."""
    use_prices(OWN)
    yield
    use_prices(())


@pytest.mark.usefixtures("own_prices")
def test_a_price_of_the_settings_counts_per_million_tokens_of_its_kind() -> None:
    """`genai-prices` 0.0.73 has prices for fine-tunes of some models only.

    It gives None for those of gpt-4.1-mini and 0.30 USD for those of gpt-4o-mini.
    """
    use_prices(())
    assert call_cost_usd("openai", FINE_TUNED, TokenUsage(1)) is None
    use_prices(OWN)
    usage = TokenUsage(1_000_000, 1_000_000, 500_000)
    assert call_cost_usd("openai", FINE_TUNED, usage) == pytest.approx(0.4 + 0.1 + 3.2)
    assert call_cost_usd("openai", f"{FINE_TUNED}-x", usage) == pytest.approx(2 + 4)
    assert call_cost_usd("local", FINE_TUNED, usage) == 0.0


@pytest.mark.parametrize(
    ("model", "is_own"),
    [
        ("gpt-4.1", True),
        ("gpt-4.1-2025-04-14", True),
        ("gpt-4.1-2025-04-14:ft-acme", True),
        ("gpt-4.1-mini", False),
        ("gpt-4.1-mini-2025-04-14", False),
        ("gpt-4.10", False),
    ],
)
def test_a_price_holds_for_a_model_and_its_snapshots_and_for_no_smaller_sister(
    model: str, is_own: bool
) -> None:
    use_prices(parse_prices("gpt-4.1=777/777"))
    try:
        cost = call_cost_usd("openai", model, TokenUsage(1_000_000))
    finally:
        use_prices(())
    assert (cost == pytest.approx(777)) == is_own


@pytest.mark.parametrize("rule", ["m", "m=1", "m=1/2/3/4", "m=one/two", "=1/2"])
def test_a_malformed_price_is_an_error_that_names_it(rule: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{rule!r} is not a price")):
        parse_prices(f"ok=1/2, {rule}")


def test_a_model_without_a_price_is_warned_of_where_dollars_are_limited() -> None:
    dollars, tokens = parse_budgets("month:usd=5"), parse_budgets("day:tokens=9")
    warning = price_warning([*tokens, *dollars], "openai", "no-such-model-x")
    assert warning is not None and "budget month:usd=5 blocks every call" in warning
    assert price_warning(tokens, "openai", "no-such-model-x") is None
    assert price_warning(dollars, "openai", "gpt-5-mini") is None
    assert price_warning(dollars, "local", "no-such-model-x") is None
