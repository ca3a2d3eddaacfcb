"""Price the tokens of a training job: by the team's prices, else by OpenAI's list."""

from __future__ import annotations

import re
from collections.abc import Mapping

SYNTAX = "model=USD per million trained tokens, separated by commas"
_RULE = re.compile(r"(?P<model>[^=\s]+)=(?P<usd>[0-9]+(?:\.[0-9]+)?)")
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")

# USD per million trained tokens, supervised, by OpenAI's price list as read in 2025.
# Each epoch counts. Models of other vendors are priced by the vendor's own estimate.
OPENAI_USD: Mapping[str, float] = {
    "gpt-4.1": 25.0,
    "gpt-4.1-mini": 5.0,
    "gpt-4.1-nano": 1.5,
    "gpt-4o": 25.0,
    "gpt-4o-mini": 3.0,
}


def parse_training_prices(text: str) -> dict[str, float]:
    """Parse prices of the settings, e.g. `gpt-4.1-mini=5.00, other/model=0.48`.

    The values are USD per million trained tokens. Raises ValueError that names the
    malformed rule.
    """
    prices = {}
    for rule in filter(None, (part.strip() for part in text.split(","))):
        found = _RULE.fullmatch(rule)
        if found is None:
            raise ValueError(f"{rule!r} is not a price; write {SYNTAX}")
        prices[found["model"]] = float(found["usd"])
    return prices


def training_cost_usd(
    model: str, tokens: int, own: Mapping[str, float]
) -> float | None:
    """Return the cost (USD) of training on `tokens`, or None if no price is known.

    `tokens` counts a text once per epoch. `own` are the team's prices, USD per million
    tokens; they are used before OpenAI's. A price holds for the model and its dated
    snapshots.
    """
    for prices in (own, OPENAI_USD):
        for name in (model, _DATED.sub("", model)):
            if name in prices:
                return prices[name] * tokens / 1e6
    return None
