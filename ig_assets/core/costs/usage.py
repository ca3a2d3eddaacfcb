"""Read usage from the ledger: calls, tokens, cost and latency."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from ig_assets.core.costs.budget import Budget
from ig_assets.core.costs.prices import LOCAL_PROVIDERS, call_cost_usd
from ig_assets.core.ports import TokenUsage
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

# What local calls are priced as, to say what they would have cost elsewhere.
REFERENCE_PROVIDER = "openai"
REFERENCE_WRITER = "gpt-5-mini"
REFERENCE_EMBEDDER = "text-embedding-3-small"
EMBEDDING_OPERATIONS = frozenset({"ingest", "query"})


def usage_by_model(con: Connection, day: date | None = None) -> list[dict[str, Any]]:
    """Return calls, tokens, cost (USD) and latency (ms) per operation and model.

    With `day` only the calls of that day count. `cost_usd` uses the reservation if the
    cost is unknown. `p50_ms` and `p95_ms` are the median and the 95th percentile of
    latency. `unpriced` counts done calls without a known price; `unknown` counts calls
    without an answer, whose reservation counts as spent.
    """
    return fetch_dicts(
        con,
        """
        SELECT operation, provider, model,
            count(*) AS calls,
            count(*) FILTER (WHERE status = 'failed') AS failed,
            count(*) FILTER (WHERE status IN ('unknown', 'reserved')) AS unknown,
            CAST(coalesce(sum(input_tokens), 0) AS BIGINT) AS input_tokens,
            CAST(coalesce(sum(output_tokens), 0) AS BIGINT) AS output_tokens,
            coalesce(sum(coalesce(cost_usd, reserved_usd)), 0) AS cost_usd,
            count(*) FILTER (WHERE status = 'done' AND cost_usd IS NULL) AS unpriced,
            round(quantile_cont(latency_ms, 0.5)) AS p50_ms,
            round(quantile_cont(latency_ms, 0.95)) AS p95_ms
        FROM api_calls
        WHERE ? IS NULL OR CAST(called_at AS DATE) = ?
        GROUP BY operation, provider, model
        ORDER BY operation, provider, model
        """,
        [day, day],
    )


def usage_of_run(con: Connection, run_id: str, asset: str) -> dict[str, float | int]:
    """Return the calls, tokens and cost of one asset of a run so far.

    A call of unknown cost counts with its reservation.
    """
    [row] = fetch_dicts(
        con,
        """
        SELECT count(*) AS run_calls,
            CAST(coalesce(sum(input_tokens), 0) AS BIGINT) AS run_input_tokens,
            CAST(coalesce(sum(output_tokens), 0) AS BIGINT) AS run_output_tokens,
            round(CAST(
                coalesce(sum(coalesce(cost_usd, reserved_usd)), 0) AS DOUBLE
            ), 9) AS run_cost_usd
        FROM api_calls
        WHERE run_id = ? AND asset = ?
        """,
        [run_id, asset],
    )
    return row


def reference_cost_usd(rows: list[dict[str, Any]]) -> float:
    """Return the cost (USD) that the local calls among the rows would have at OpenAI.

    Their tokens are priced as `gpt-5-mini` and `text-embedding-3-small`. This is an
    estimate: another tokenizer counts a little differently, and `gpt-5-mini` also uses
    reasoning tokens.
    """
    total = 0.0
    for row in rows:
        if row["provider"] not in LOCAL_PROVIDERS:
            continue
        embedding = row["operation"] in EMBEDDING_OPERATIONS
        model = REFERENCE_EMBEDDER if embedding else REFERENCE_WRITER
        usage = TokenUsage(row["input_tokens"], row["output_tokens"])
        total += call_cost_usd(REFERENCE_PROVIDER, model, usage) or 0.0
    return total


def price_warning(budgets: Sequence[Budget], provider: str, model: str) -> str | None:
    """Return a warning if budgets would block every call to a model, else None.

    They do so if a budget limits dollars and no price is known for the model.
    """
    dollars = [budget for budget in budgets if budget.unit == "usd"]
    if not dollars or call_cost_usd(provider, model, TokenUsage(1, 1)) is not None:
        return None
    return (
        f"No price is known for {model}, so budget {dollars[0]} blocks every call to "
        "it; set its price in IG_PRICES, or limit tokens instead of dollars."
    )
