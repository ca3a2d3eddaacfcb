"""Price tokens by the team's prices (IG_PRICES), else by those of `genai-prices`.

No request is sent: `genai-prices` is used offline.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ig_assets.core.ports import TokenUsage

LOCAL_PROVIDERS = frozenset({"local", "few_shot", "lora", "simulated"})
SYNTAX = "model=input/output or model=input/cached/output, in USD per million tokens"

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_RULE = re.compile(
    rf"(?P<model>[^=\s]+)=(?P<input>{_NUMBER})/(?:(?P<cached>{_NUMBER})/)?"
    rf"(?P<output>{_NUMBER})"
)
# Behind a name: `-2025-04-14`, `-0613`, `-latest`, `:acme::abc123`.
_SAME_MODEL = re.compile(r"(-(\d{4}-\d{2}-\d{2}|\d{4,8}|latest))?(:.*)?")


@dataclass(frozen=True)
class Price:
    """USD per million input, cached input and output tokens of a model.

    The price holds for `model`, for its dated snapshots and for names that continue
    with a colon: `ft:gpt-4.1-mini` covers all fine-tunes of that base model. A price of
    `gpt-4.1` does not hold for `gpt-4.1-mini`, which costs a fifth as much.
    """

    model: str
    input: float
    cached: float
    output: float


_own: tuple[Price, ...] = ()


def parse_prices(text: str) -> tuple[Price, ...]:
    """Parse prices of the settings, e.g. `ft:gpt-4.1-mini=0.80/0.20/3.20, other=1/2`.

    The values are USD per million input, cached input and output tokens. With two
    values, cached tokens cost as much as input tokens. Raises ValueError that names the
    malformed rule.
    """
    prices = []
    for rule in filter(None, (part.strip() for part in text.split(","))):
        found = _RULE.fullmatch(rule)
        if found is None:
            raise ValueError(f"{rule!r} is not a price; write {SYNTAX}")
        cached = found["cached"] or found["input"]
        rates = (float(found["input"]), float(cached), float(found["output"]))
        prices.append(Price(found["model"], *rates))
    return tuple(prices)


def use_prices(prices: Sequence[Price]) -> None:
    """Use these prices before those of `genai-prices`, in this process.

    If several names match a model, the longest one counts.
    """
    global _own
    _own = tuple(sorted(prices, key=lambda price: -len(price.model)))


def call_cost_usd(provider: str, model: str, usage: TokenUsage) -> float | None:
    """Return the cost of one call in USD, or None if no price is known.

    Calls of local models cost 0.0.
    """
    if provider in LOCAL_PROVIDERS:
        return 0.0
    per_token = _own_rates(model) or _rates(provider, model)
    if per_token is None:
        return None
    fresh = usage.input_tokens - usage.cached_tokens
    return (
        fresh * per_token[0]
        + usage.cached_tokens * per_token[1]
        + usage.output_tokens * per_token[2]
    )


def _own_rates(model: str) -> tuple[float, float, float] | None:
    for price in _own:
        behind = model.removeprefix(price.model)
        if behind == "" or (behind != model and _SAME_MODEL.fullmatch(behind)):
            return price.input / 1e6, price.cached / 1e6, price.output / 1e6
    return None


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
