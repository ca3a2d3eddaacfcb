"""Computes the metrics for a monitoring system, each from rows of the warehouse.

Nothing is counted in memory, so a process that dies loses no count, and two exporters
of one warehouse agree. Names and units follow Prometheus' rules: base units, and
`_total` for values that only grow. Calls that are not settled are in no total, since
their reservation may shrink, and Prometheus takes a smaller total for a restart. Totals
that alerts use exist at 0 from the start, since Prometheus sees no increase in a series
that begins at 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from ig_assets.core.costs.budget import OPERATIONS, Budget, budget_usage
from ig_assets.core.operations.present import CLOCK_SLACK
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

Kind = Literal["gauge", "counter", "histogram"]
BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper bounds of the latency histogram in seconds; the last bucket is `+Inf`."""


@dataclass(frozen=True)
class Sample:
    """One value of a metric.

    For a histogram `suffix` is `_bucket`, `_sum` or `_count`, otherwise ''.
    """

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """All samples with one metric name."""

    name: str
    kind: Kind
    help: str
    samples: Sequence[Sample]


# (name, kind, help, the column that is the value, query); other columns are labels.
_QUERIES: tuple[tuple[str, Kind, str, str], ...] = (
    (
        "ig_assets_tokens_total",
        "counter",
        "Tokens sent and received.",
        """
        SELECT operation, provider, model, direction, sum(tokens) AS value
        FROM (
            SELECT operation, provider, model, 'input' AS direction,
                coalesce(input_tokens, 0) AS tokens FROM api_calls
            UNION ALL
            SELECT operation, provider, model, 'output', coalesce(output_tokens, 0)
            FROM api_calls
        ) GROUP BY ALL
        """,
    ),
    (
        "ig_assets_cost_usd_total",
        "counter",
        "USD spent; a call without a known outcome counts with its reservation.",
        """
        SELECT operation, provider, model,
            sum(coalesce(cost_usd, reserved_usd, 0)) AS value
        FROM api_calls WHERE status IN ('done', 'failed', 'unknown') GROUP BY ALL
        """,
    ),
    (
        "ig_assets_drafts_total",
        "counter",
        "Drafts that were written.",
        "SELECT count(*) AS value FROM drafts",
    ),
    (
        "ig_assets_variants",
        "gauge",
        "Variants by whether they passed the gates.",
        """
        SELECT CASE WHEN rejection IS NULL THEN 'passed' ELSE 'rejected' END
            AS outcome, count(*) AS value
        FROM variants GROUP BY ALL
        """,
    ),
    (
        "ig_assets_corpus_scripts",
        "gauge",
        "Active scripts of the corpus by origin.",
        "SELECT origin, count(*) AS value FROM current_scripts GROUP BY ALL",
    ),
    (
        "ig_assets_index_entries",
        "gauge",
        "Entries of the vector index.",
        """
        SELECT index_name, namespace, count(*) AS value
        FROM index_entries GROUP BY ALL
        """,
    ),
    (
        "ig_assets_fine_tune_jobs",
        "gauge",
        "Fine-tune jobs by state.",
        "SELECT status, count(*) AS value FROM fine_tune_jobs GROUP BY ALL",
    ),
)

# The entries that the answering space should have and has not, or has too much.
_OUT_OF_STEP = """
WITH answering AS (
    SELECT index_name, namespace FROM index_spaces
    QUALIFY row_number() OVER (ORDER BY activated_at DESC) = 1
), entered AS (
    SELECT i.script_id, i.revision_hash FROM index_entries AS i
    JOIN answering USING (index_name, namespace)
)
SELECT
    (SELECT count(*) FROM current_scripts AS s WHERE NOT EXISTS (
        SELECT 1 FROM entered AS e
        WHERE e.script_id = s.script_id AND e.revision_hash = s.revision_hash))
    + (SELECT count(*) FROM entered AS e WHERE NOT EXISTS (
        SELECT 1 FROM current_scripts AS s WHERE s.script_id = e.script_id))
"""

# Posts of the last four weeks that have been out for three days, and their newest
# figure is older than that, or there is none.
_STALE_POSTS = """
SELECT count(*) FROM (
    SELECT p.post_id
    FROM posts AS p
    LEFT JOIN engagement AS g ON g.post_id = p.post_id AND g.value IS NOT NULL
    WHERE p.status = 'published' AND p.variant_id IS NOT NULL
        AND p.published_at < CAST($1 AS TIMESTAMP) - INTERVAL 3 DAY
        AND p.published_at >= CAST($1 AS TIMESTAMP) - INTERVAL 28 DAY
    GROUP BY p.post_id
    HAVING max(g.as_of) IS NULL
        OR max(g.as_of) < CAST($1 AS TIMESTAMP) - INTERVAL 3 DAY
)
"""

# The month just ended, where it had topics: 1 once a fine-tune of it has succeeded.
_LAST_MONTHS_FINE_TUNE = """
SELECT count(*) > 0, count(*) FILTER (WHERE month IN (
    SELECT month FROM fine_tune_jobs WHERE status = 'succeeded')) > 0
FROM topics WHERE month = $1
"""


def read_metrics(
    con: Connection, now: datetime, money_now: datetime, budgets: Sequence[Budget]
) -> list[Family]:
    """Return every family that has samples.

    `now` is the loop's time, by which posts, drafts and months are dated. `money_now`
    is the machine's time, by which budgets count and keys age. Both are naive UTC.
    """
    found = [
        Family(name, kind, help_, [_sample(row) for row in fetch_dicts(con, query)])
        for name, kind, help_, query in _QUERIES
    ]
    found += [
        *_calls(con),
        _one(con, "ig_assets_run_failures_total", _FAILURES, (), "Runs that failed."),
        _generations(con, now),
        _latencies(con),
        *_budgets(con, money_now, budgets),
        _one(con, "ig_assets_index_out_of_step", _OUT_OF_STEP, (), _OUT_OF_STEP_HELP),
        _one(con, "ig_assets_posts_with_stale_insights", _STALE_POSTS, (now,), _STALE),
        _key_ages(con, money_now),
        _fine_tune_of_last_month(con, now),
    ]
    return [family for family in found if family.samples]


_SETTLED = ("done", "failed", "unknown")
_REPEATED = """
SELECT operation, count(*) - count(DISTINCT run_id || ' ' || request_hash)
FROM api_calls WHERE status IN ('done', 'failed', 'unknown') GROUP BY operation
"""
_FAILURES = "SELECT count(*) FROM run_failures"
_OUT_OF_STEP_HELP = "Scripts that the index lacks, or has and should not."
_STALE = "Posts of the last 28 days without a figure of the last 3 days."


def _sample(row: dict[str, Any]) -> Sample:
    value = float(row.pop("value") or 0)
    return Sample(value, {name: str(label) for name, label in row.items()})


def _one(
    con: Connection, name: str, query: str, values: Sequence[Any], help_: str
) -> Family:
    ((value,),) = con.execute(query, list(values)).fetchall()
    kind: Kind = "counter" if name.endswith("_total") else "gauge"
    return Family(name, kind, help_, [Sample(float(value))])


def _calls(con: Connection) -> list[Family]:
    """Return the totals of settled calls, and the calls in flight, per operation.

    An operation without calls has 0.
    """
    settled = {(name, status): 0.0 for name in OPERATIONS for status in _SETTLED}
    repeated = dict.fromkeys(OPERATIONS, 0.0)
    in_flight = dict.fromkeys(OPERATIONS, 0.0)
    for operation, status, count in con.execute(
        "SELECT operation, status, count(*) FROM api_calls GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        if status in _SETTLED:
            settled[operation, status] = float(count)
        else:
            in_flight[operation] = in_flight.get(operation, 0.0) + count
    for operation, count in con.execute(_REPEATED).fetchall():
        repeated[operation] = float(count)
    errors = {
        name: settled[name, "failed"] + settled[name, "unknown"] for name in OPERATIONS
    }
    return [
        Family(
            "ig_assets_calls_total",
            "counter",
            "Settled calls to vendors and local models by outcome.",
            [
                Sample(count, {"operation": name, "status": status})
                for (name, status), count in settled.items()
            ],
        ),
        _by_operation(
            "ig_assets_call_errors_total",
            "Calls that failed, or whose answer never came.",
            errors,
        ),
        _by_operation(
            "ig_assets_call_retries_total",
            "Calls that repeated a request of the same run.",
            repeated,
        ),
        _by_operation(
            "ig_assets_calls_in_flight", "Calls that are not settled.", in_flight
        ),
    ]


def _by_operation(name: str, help_: str, counts: Mapping[str, float]) -> Family:
    kind: Kind = "counter" if name.endswith("_total") else "gauge"
    samples = [Sample(count, {"operation": of}) for of, count in counts.items()]
    return Family(name, kind, help_, samples)


def _generations(con: Connection, now: datetime) -> Family:
    samples = []
    for period, days in (("day", 1), ("week", 7)):
        ((count,),) = con.execute(
            "SELECT count(*) FROM drafts WHERE created_at > ? AND created_at <= ?",
            [now - timedelta(days=days), now],
        ).fetchall()
        samples.append(Sample(float(count), {"period": period}))
    return Family(
        "ig_assets_generations",
        "gauge",
        "Drafts written within the last day and week.",
        samples,
    )


def _latencies(con: Connection) -> Family:
    at_most = ", ".join(
        f"count(*) FILTER (WHERE latency_ms <= {bound * 1000})" for bound in BUCKETS_S
    )
    rows = con.execute(f"""
        SELECT operation, sum(latency_ms) / 1000, count(*), {at_most}
        FROM api_calls WHERE latency_ms IS NOT NULL GROUP BY operation
        ORDER BY operation
        """).fetchall()
    samples = []
    for operation, total_s, count, *within in rows:
        of = {"operation": operation}
        bounds = [*map(str, BUCKETS_S), "+Inf"]
        for bound, calls in zip(bounds, [*within, count], strict=True):
            samples.append(Sample(float(calls), of | {"le": bound}, "_bucket"))
        samples.append(Sample(float(total_s), of, "_sum"))
        samples.append(Sample(float(count), of, "_count"))
    return Family(
        "ig_assets_call_latency_seconds",
        "histogram",
        "Seconds from sending a call to its answer.",
        samples,
    )


def _budgets(
    con: Connection, money_now: datetime, budgets: Sequence[Budget]
) -> list[Family]:
    """Return the used share and the remaining amount of each budget.

    Budgets per run are left out, since they are at zero between runs.
    """
    lasting = [budget for budget in budgets if budget.period != "run"]
    used = [
        ({"budget": str(usage.budget), "unit": usage.budget.unit}, usage)
        for usage in budget_usage(con, lasting, money_now)
    ]
    return [
        Family(
            "ig_assets_budget_spent_ratio",
            "gauge",
            "The share of a budget that is spent or reserved.",
            [Sample(usage.share, labels) for labels, usage in used],
        ),
        Family(
            "ig_assets_budget_left",
            "gauge",
            "What is left of a budget, in its unit.",
            [
                Sample(max(0.0, usage.budget.limit - usage.spent), labels)
                for labels, usage in used
            ],
        ),
    ]


def _key_ages(con: Connection, money_now: datetime) -> Family:
    """Return the age of each setting's newest key.

    A key first seen at a time later than the machine's counts as new.
    """
    rows = con.execute(
        """
        SELECT name, max(CASE WHEN first_seen_at <= $1 THEN first_seen_at END)
        FROM key_sightings GROUP BY name ORDER BY name
        """,
        [money_now + CLOCK_SLACK],
    ).fetchall()
    return Family(
        "ig_assets_key_age_seconds",
        "gauge",
        "Seconds since the newest key of a setting was first seen.",
        [
            Sample(_seconds_since(first_seen, money_now), {"key": name})
            for name, first_seen in rows
        ],
    )


def _seconds_since(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else max(0.0, (now - at).total_seconds())


def _fine_tune_of_last_month(con: Connection, now: datetime) -> Family:
    last_month = (now.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    ((had_topics, succeeded),) = con.execute(
        _LAST_MONTHS_FINE_TUNE, [last_month]
    ).fetchall()
    samples = [Sample(float(succeeded))] if had_topics else []
    return Family(
        "ig_assets_fine_tune_of_last_month",
        "gauge",
        "Whether a fine-tune of the month just ended has succeeded (1) or not (0).",
        samples,
    )
