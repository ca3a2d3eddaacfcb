"""Reports spending by month, day, operation, model, asset, topic or winner.

The cost of a call is the one that the vendor reported. A call whose answer never came
costs its reservation, since it may have been billed. A call of unknown price adds
nothing and is counted as `unpriced`. If all calls of a row are of unknown price, the
row's cost is None, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

_SUMS = """
    count(*) AS calls,
    CAST(coalesce(sum(c.input_tokens), 0) AS BIGINT) AS input_tokens,
    CAST(coalesce(sum(c.output_tokens), 0) AS BIGINT) AS output_tokens,
    sum(coalesce(c.cost_usd, c.reserved_usd)) AS cost_usd,
    count(*) FILTER (WHERE c.status IN ('unknown', 'reserved')) AS unknown,
    count(*) FILTER (WHERE c.status = 'done' AND c.cost_usd IS NULL) AS unpriced
"""

# How a call is labelled; `month` is the one that it worked for, else when it was made,
# `paid` the world's month (UTC) in which it was sent, as on the vendor's bill.
_LABELS = {
    "month": ("coalesce(c.month, strftime(c.called_at, '%Y-%m'))", "month"),
    "paid": ("strftime(coalesce(c.sent_at, c.called_at), '%Y-%m')", "paid_in"),
    "day": ("strftime(coalesce(c.sent_at, c.called_at), '%Y-%m-%d')", "day"),
    "operation": ("c.operation", "operation"),
    "asset": ("coalesce(c.asset, '(no asset)')", "asset"),
    "model": ("c.provider || '/' || c.model", "model"),
    "topic": ("coalesce(t.month || ' ' || t.topic, '(no topic)')", "topic"),
}

FOR_NO_VARIANT = ("generate_try", "model_evaluation")
"""Assets in the ledger whose texts are only measured and never become a variant."""

# What a winner took: its own texts, and all texts of its topic, losers included.
_WINNERS = """
    WITH spent AS (
        SELECT d.variant_id, d.month, d.topic_id,
            coalesce(sum(coalesce(c.cost_usd, c.reserved_usd)), 0) AS cost_usd,
            CAST(coalesce(sum(c.input_tokens + c.output_tokens), 0) AS BIGINT)
                AS tokens
        FROM drafts AS d
        LEFT JOIN api_calls AS c
            ON c.subject = d.variant_id
        GROUP BY d.variant_id, d.month, d.topic_id
    )
    SELECT w.winner_variant_id AS winner, t.month, t.topic, w.decision,
        own.cost_usd AS own_usd, sum(s.cost_usd) AS topic_usd,
        count(*) AS variants, CAST(sum(s.tokens) AS BIGINT) AS tokens
    FROM won_decisions AS w
    JOIN spent AS own
        ON own.variant_id = w.winner_variant_id
    JOIN spent AS s
        ON s.month = own.month
        AND s.topic_id = own.topic_id
    JOIN topics AS t
        ON t.month = own.month
        AND t.topic_id = own.topic_id
    GROUP BY ALL
    ORDER BY t.month, t.topic, winner
"""

_OF_LABELS = (
    "calls",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "unknown",
    "unpriced",
)
_OF_WINNERS = (
    "winner",
    "month",
    "topic",
    "decision",
    "own_usd",
    "topic_usd",
    "variants",
    "tokens",
)


@dataclass(frozen=True)
class UnitCosts:
    """Costs in USD: in total, for text, per variant and per winner.

    `text_usd` is the cost of drafts and polishing. Divided by the number of variants
    that passed the gates it is `usd_per_variant`; divided by the number of winning
    variants, provisional ones included, it is `usd_per_winner`. Both are None if there
    are no such variants. `trial_usd` is the cost of texts that are never to become a
    variant (`generate --try` and evaluations of models); it is not part of the costs
    per variant and winner. `unpriced` is the number of calls of unknown price.
    """

    total_usd: float
    text_usd: float
    trial_usd: float
    variants: int
    winners: int
    unpriced: int
    usd_per_variant: float | None
    usd_per_winner: float | None


def costs_by(con: Connection, by: str, day: date | None = None) -> list[dict[str, Any]]:
    """Return one row per label of `by`, the highest cost first.

    With `day` only the calls made on that day of the ledger's clock count. Rows by
    winner have the USD of the variant itself (`own_usd`), the USD of its whole topic
    (`topic_usd`), and the number of variants written for the topic. Raises InputError
    for an unknown `by`.
    """
    if by == "winner":
        return fetch_dicts(con, _WINNERS)
    if by not in _LABELS:
        choices = ", ".join([*_LABELS, "winner"])
        raise InputError(f"Costs cannot be grouped by {by!r}; choose one of {choices}.")
    label, name = _LABELS[by]
    return fetch_dicts(
        con,
        f"""
        SELECT {label} AS {name}, {_SUMS}
        FROM api_calls AS c
        LEFT JOIN drafts AS d
            ON d.variant_id = c.subject
        LEFT JOIN topics AS t
            ON t.month = d.month
            AND t.topic_id = d.topic_id
        WHERE ? IS NULL OR CAST(c.called_at AS DATE) = ?
        GROUP BY ALL
        ORDER BY cost_usd DESC NULLS FIRST, calls DESC, {name}
        """,
        [day, day],
    )


def cost_columns(by: str) -> tuple[str, ...]:
    """Return the column names of `costs_by`, for exports without rows."""
    if by == "winner":
        return _OF_WINNERS
    return (_LABELS[by][1], *_OF_LABELS)


def unit_costs(con: Connection) -> UnitCosts:
    """Return the cost of a generated variant and of a winner so far."""
    [row] = fetch_dicts(
        con,
        """
        SELECT coalesce(sum(coalesce(cost_usd, reserved_usd)), 0) AS total_usd,
            coalesce(sum(coalesce(cost_usd, reserved_usd)) FILTER (
                WHERE operation IN ('generate', 'polish') AND NOT for_no_variant
            ), 0) AS text_usd,
            coalesce(sum(coalesce(cost_usd, reserved_usd)) FILTER (
                WHERE operation IN ('generate', 'polish') AND for_no_variant
            ), 0) AS trial_usd,
            (SELECT count(*) FROM variants WHERE rejection IS NULL) AS variants,
            count(*) FILTER (
                WHERE cost_usd IS NULL AND reserved_usd IS NULL
            ) AS unpriced,
            (
                SELECT count(*)
                FROM won_decisions AS w
                JOIN variants AS v
                    ON v.variant_id = w.winner_variant_id
            ) AS winners
        FROM (
            SELECT *, coalesce(list_contains(?::TEXT[], asset), FALSE)
                AS for_no_variant
            FROM api_calls
        )
        """,
        [list(FOR_NO_VARIANT)],
    )
    text = row["text_usd"]
    return UnitCosts(
        **row,
        usd_per_variant=text / row["variants"] if row["variants"] else None,
        usd_per_winner=text / row["winners"] if row["winners"] else None,
    )
