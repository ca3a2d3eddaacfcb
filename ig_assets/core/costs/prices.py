"""What tokens cost: `genai-prices` offline, and a small dated table over it."""

from __future__ import annotations

from functools import lru_cache

from ig_assets.core.ports import TokenUsage

LOCAL_PROVIDERS = frozenset({"local", "few_shot", "simulated"})

# (provider, model prefix): USD per million input, cached input, output tokens.
# For what genai-prices does not know yet; each line says when and where it was read.
OVERRIDES: dict[tuple[str, str], tuple[float, float, float]] = {}


def call_cost_usd(provider: str, model: str, usage: TokenUsage) -> float | None:
    """The cost of one call in USD; 0.0 on the machine, None where nobody knows."""
    if provider in LOCAL_PROVIDERS:
        return 0.0
    for (vendor, prefix), rates in OVERRIDES.items():
        if vendor == provider and model.startswith(prefix):
            fresh = usage.input_tokens - usage.cached_tokens
            parts = (fresh, usage.cached_tokens, usage.output_tokens)
            return sum(n * rate for n, rate in zip(parts, rates, strict=True)) / 1e6
    per_token = _rates(provider, model)
    if per_token is None:
        return None
    fresh = usage.input_tokens - usage.cached_tokens
    return (
        fresh * per_token[0]
        + usage.cached_tokens * per_token[1]
        + usage.output_tokens * per_token[2]
    )


@lru_cache(maxsize=256)
def _rates(provider: str, model: str) -> tuple[float, float, float] | None:
    from genai_prices import Usage as PricedUsage
    from genai_prices import calc_price

    # Rates are measured on a typical small call, since some prices are tiered.
    n = 1000
    cases = (
        PricedUsage(input_tokens=n, output_tokens=0),
        PricedUsage(input_tokens=n, cache_read_tokens=n, output_tokens=0),
        PricedUsage(input_tokens=0, output_tokens=n),
    )
    try:
        prices = [
            float(calc_price(u, model, provider_id=provider).total_price) for u in cases
        ]
    except (LookupError, ValueError):
        return None
    return prices[0] / n, prices[1] / n, prices[2] / n
