"""Forecasts spending, and advises on lower costs.

Days and months are those of the vendor's bill (real time, UTC). A call counts with its
cost, or with its reservation if its cost is not known.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ig_assets.core.costs.pinecone_estimate import first_fill_usd, pinecone_monthly_cost
from ig_assets.core.costs.prices import LOCAL_PROVIDERS, call_cost_usd
from ig_assets.core.ports import TokenUsage
from ig_assets.warehouse.warehouse import Connection

RECENT_DAYS = 14
BATCH_SHARE = 0.5
"""Price of OpenAI's Batch API as a share of the normal one (list of November 2026)."""
BYTES_OF_A_NUMBER = 4

_SPENT = """
SELECT CAST(coalesce(sum(coalesce(cost_usd, reserved_usd)), 0) AS DOUBLE)
FROM api_calls
WHERE coalesce(sent_at, called_at) >= ?
  AND coalesce(sent_at, called_at) < ?
"""

_POLISHED = """
SELECT provider, model,
    CAST(sum(input_tokens) AS BIGINT) AS input_tokens,
    CAST(sum(coalesce(cached_tokens, 0)) AS BIGINT) AS cached_tokens,
    CAST(sum(output_tokens) AS BIGINT) AS output_tokens,
    CAST(sum(cost_usd) AS DOUBLE) AS cost_usd,
    count(*) AS calls
FROM api_calls
WHERE operation = 'polish'
  AND status = 'done'
  AND cost_usd > 0
GROUP BY provider, model
ORDER BY cost_usd DESC, model
"""

# What the Batch API embedded is a line of a batch.
_EMBEDDED = """
SELECT count(*), CAST(coalesce(sum(cost_usd), 0) AS DOUBLE)
FROM api_calls
WHERE operation = 'ingest'
  AND provider = 'openai'
  AND status = 'done'
  AND cost_usd > 0
  AND call_id NOT IN (SELECT call_id FROM embedding_batch_lines)
"""

_ENTRIES = "SELECT count(DISTINCT script_id) FROM index_entries"


@dataclass(frozen=True)
class Forecast:
    """USD spent this month, and a forecast for its end from the recent days.

    `recent_usd_a_day` is the mean of the last 14 whole days, `before_usd_a_day` that of
    the 14 days before them. `month_end_usd` is `spent_usd` plus the recent mean for
    each remaining day.
    """

    month: str
    spent_usd: float
    recent_usd_a_day: float
    before_usd_a_day: float
    month_end_usd: float

    @property
    def trend(self) -> float | None:
        """Recent spending relative to the days before, minus 1 (0.1 is +10 %).

        It is None if nothing was spent on the days before.
        """
        if not self.before_usd_a_day:
            return None
        return self.recent_usd_a_day / self.before_usd_a_day - 1

    @property
    def sentence(self) -> str:
        """The forecast as a sentence for a person."""
        if not (self.spent_usd or self.recent_usd_a_day):
            return f"Nothing was paid for in {self.month} nor in the last days."
        trend = "" if self.trend is None else f", {self.trend:+.0%} on those before"
        return (
            f"In {self.month} USD {self.spent_usd:.4f} so far; USD "
            f"{self.recent_usd_a_day:.4f} a day in the last {RECENT_DAYS} days{trend}. "
            f"If they go on, the month ends at USD {self.month_end_usd:.4f}."
        )


@dataclass(frozen=True)
class Advice:
    """One way to pay less: the cost, the lower cost, and the necessary change."""

    about: str
    paid_usd: float
    instead_usd: float
    sentence: str


def forecast_spending(con: Connection, now: datetime) -> Forecast:
    """Return the forecast for the month of `now` (UTC)."""
    today = datetime(now.year, now.month, now.day)
    first = today.replace(day=1)
    length = calendar.monthrange(now.year, now.month)[1]
    end = first + timedelta(days=length)
    recent, before = (today - timedelta(days=n * RECENT_DAYS) for n in (1, 2))

    def spent(since: datetime, until: datetime) -> float:
        [(usd,)] = con.execute(_SPENT, [since, until]).fetchall()
        return float(usd)

    so_far = spent(first, now + timedelta(microseconds=1))
    a_day = spent(recent, today) / RECENT_DAYS
    rest_days = (end - now) / timedelta(days=1)
    return Forecast(
        month=f"{now:%Y-%m}",
        spent_usd=so_far,
        recent_usd_a_day=a_day,
        before_usd_a_day=spent(before, recent) / RECENT_DAYS,
        month_end_usd=so_far + a_day * rest_days,
    )


def advice_on_costs(
    con: Connection, polish_model: str, dimensions: int, uses_pinecone: bool
) -> list[Advice]:
    """Return cheaper alternatives with their costs, and the cost of the vector store.

    `polish_model` is a cheaper model to polish with; `dimensions` is the length of a
    vector.
    """
    found = [_on_polish(con, polish_model), _on_batches(con)]
    store = _on_store(con, dimensions, uses_pinecone)
    return [advice for advice in (*found, store) if advice is not None]


def advice_table(advice: Sequence[Advice]) -> list[dict[str, object]]:
    """Return the advice as table rows."""
    return [
        {
            "about": one.about,
            "paid_usd": round(one.paid_usd, 6),
            "instead_usd": round(one.instead_usd, 6),
            "advice": one.sentence,
        }
        for one in advice
    ]


def _on_polish(con: Connection, cheaper: str) -> Advice | None:
    paid = instead = 0.0
    calls = 0
    for row in con.execute(_POLISHED).fetchall():
        provider, model, tokens_in, cached, tokens_out, cost_usd, count = row
        usage = TokenUsage(int(tokens_in), int(tokens_out), cached_tokens=int(cached))
        other = call_cost_usd(provider, cheaper, usage)
        if provider in LOCAL_PROVIDERS or model == cheaper or other is None:
            continue
        if other < cost_usd:
            paid, instead, calls = paid + cost_usd, instead + other, calls + int(count)
    if not calls:
        return None
    return Advice(
        "polish",
        paid,
        instead,
        f"{calls:,} polishes cost USD {paid:.4f}; with {cheaper} the same tokens "
        f"would have cost USD {instead:.4f}, {1 - instead / paid:.0%} less "
        "(IG_POLISH_MODEL).",
    )


def _on_batches(con: Connection) -> Advice | None:
    [(calls, paid)] = con.execute(_EMBEDDED).fetchall()
    if not calls:
        return None
    instead = float(paid) * BATCH_SHARE
    return Advice(
        "embedding",
        float(paid),
        instead,
        f"{calls:,} embedding requests cost USD {paid:.4f}; the Batch API would have "
        f"taken USD {instead:.4f}, within a day instead of at once (IG_BATCH=1).",
    )


def _on_store(con: Connection, dimensions: int, uses_pinecone: bool) -> Advice | None:
    [(records,)] = con.execute(_ENTRIES).fetchall()
    if not records:
        return None
    now = pinecone_monthly_cost(records, dimensions)
    ten_times = pinecone_monthly_cost(10 * records, dimensions)
    megabytes = records * dimensions * BYTES_OF_A_NUMBER / 1e6
    on_machine = (
        f"FAISS on this machine costs nothing and takes {megabytes:,.1f} MB now and "
        f"{10 * megabytes:,.1f} MB then"
    )
    return Advice(
        "vector store",
        now.total_usd if uses_pinecone else 0.0,
        0.0,
        f"{records:,} vectors of {dimensions} dimensions cost USD "
        f"{now.total_usd:.2f} a month in Pinecone (of that USD "
        f"{now.storage_usd:.2f} storage, the rest requests and the plan's minimum), "
        "ten times as many USD "
        f"{ten_times.total_usd:.2f}, and USD "
        f"{first_fill_usd(10 * records, dimensions):.2f} once to fill; {on_machine}.",
    )
