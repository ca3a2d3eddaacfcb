"""Summarises a loop's data folder from its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ig_assets.core.corpus.queries import CURRENT_SCRIPTS
from ig_assets.core.costs.usage import (
    EMBEDDING_OPERATIONS,
    reference_cost_usd,
    usage_by_model,
)
from ig_assets.core.experiments.reports.verdict import experiment_rows
from ig_assets.core.fine_tuning.evaluation.canary import canary_evidence
from ig_assets.core.models.registry import list_models
from ig_assets.core.reports.lineage.report import month_report
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection, Warehouse


@dataclass(frozen=True)
class MonthSummary:
    """What one month of the loop made.

    Most fields are counts. `decisions` is {decision: number of experiments}, `fed_by`
    lists scripts in the month's model, each with its weight and the reason.
    """

    month: str
    topics: int
    variants: int
    rejected: int
    canary_variants: int
    control_variants: int
    retrieved: int
    retrieved_winners: int
    retrieved_own_winners: int
    posts: int
    decisions: dict[str, int]
    sft_examples: int
    preference_pairs: int
    job_status: str
    model: str | None
    fed_by: list[dict[str, Any]]


@dataclass(frozen=True)
class LoopSummary:
    """The state of a data folder after a loop.

    `scripts` is {origin: number of scripts}. `vectors` and `indexed` count rows. Costs
    are in USD; `at_openai_prices_usd` is what the local calls would have cost at
    OpenAI.
    """

    scripts: dict[str, int]
    vectors: int
    indexed: int
    months: list[MonthSummary]
    winners: list[dict[str, Any]]
    models: list[dict[str, Any]]
    canary: str
    usage: list[dict[str, Any]]
    input_tokens: int
    embedded_tokens: int
    output_tokens: int
    cost_usd: float
    at_openai_prices_usd: float
    simulated: bool


def summarise(warehouse: Warehouse, months: list[str], simulated: bool) -> LoopSummary:
    """Read the summary of these months: counts only, no text of a script."""
    with warehouse.transaction() as con:
        usage = usage_by_model(con)
        scripts = con.execute(
            f"SELECT origin, count(*) FROM ({CURRENT_SCRIPTS}) AS s "
            "GROUP BY origin ORDER BY origin"
        ).fetchall()
        return LoopSummary(
            scripts=dict(scripts),
            vectors=_count(con, "SELECT count(*) FROM embeddings"),
            indexed=_count(con, "SELECT count(*) FROM index_entries"),
            months=[_month(con, month) for month in months],
            winners=_winners(con),
            models=[
                {
                    "model_id": model.model_id,
                    "name": model.name,
                    "status": model.status,
                    "reason": model.reason,
                }
                for model in list_models(con)
            ],
            canary=_canary(con),
            usage=usage,
            input_tokens=sum(row["input_tokens"] for row in usage),
            embedded_tokens=sum(
                row["input_tokens"]
                for row in usage
                if row["operation"] in EMBEDDING_OPERATIONS
            ),
            output_tokens=sum(row["output_tokens"] for row in usage),
            cost_usd=float(sum(row["cost_usd"] for row in usage)),
            at_openai_prices_usd=reference_cost_usd(usage),
            simulated=simulated,
        )


def _month(con: Connection, month: str) -> MonthSummary:
    variants, rejected, canary, control = con.execute(
        """
        SELECT count(*) FILTER (WHERE rejection IS NULL),
            count(*) FILTER (WHERE rejection IS NOT NULL),
            count(*) FILTER (WHERE is_canary AND rejection IS NULL),
            count(*) FILTER (WHERE is_control AND rejection IS NULL)
        FROM variants
        WHERE month = ?
        """,
        [month],
    ).fetchall()[0]
    retrieved, winners, own = con.execute(
        """
        SELECT count(*),
            count(*) FILTER (WHERE EXISTS (
                SELECT 1 FROM usable_winners AS x
                WHERE x.winner_script_id = r.script_id
                   OR 'winner/' || x.winner_variant_id = r.script_id
            )),
            count(*) FILTER (WHERE r.script_id LIKE 'winner/%')
        FROM retrievals AS r
        JOIN drafts AS d ON d.variant_id = r.variant_id
        WHERE d.month = ?
        """,
        [month],
    ).fetchall()[0]
    decisions = con.execute(
        """
        SELECT decision, count(*)
        FROM (
            SELECT d.decision, row_number() OVER (
                PARTITION BY d.experiment_id ORDER BY d.decided_at DESC) AS recency
            FROM decisions AS d
            JOIN experiments AS e ON e.experiment_id = d.experiment_id
            JOIN topics AS t ON t.month = e.month AND t.topic_id = e.topic_id
            WHERE e.month = ?
        ) AS latest
        WHERE recency = 1
        GROUP BY decision
        ORDER BY decision
        """,
        [month],
    ).fetchall()
    posts = _count(
        con,
        """
        SELECT count(*)
        FROM posts AS p
        JOIN experiments AS e ON e.experiment_id = p.experiment_id
        WHERE e.month = ? AND p.status = 'published' AND p.variant_id IS NOT NULL
        """,
        month,
    )
    report = month_report(con, month)
    return MonthSummary(
        month=month,
        topics=_count(
            con,
            "SELECT count(*) FROM topics WHERE month = ? AND status = 'planned'",
            month,
        ),
        variants=variants,
        rejected=rejected,
        canary_variants=canary,
        control_variants=control,
        retrieved=retrieved,
        retrieved_winners=winners,
        retrieved_own_winners=own,
        posts=posts,
        decisions=dict(decisions),
        sft_examples=report.sft,
        preference_pairs=report.dpo,
        job_status=report.job_status,
        model=report.model_name if report.model_id else None,
        fed_by=[
            {
                "script": behind.script_id or behind.variant_id,
                "weight": behind.weight,
                "why": behind.reason,
            }
            for behind in report.sample
            if behind.in_model
        ],
    )


def _winners(con: Connection) -> list[dict[str, Any]]:
    """Return the winning generated variants with their verdicts, by month and topic."""
    rows = fetch_dicts(
        con,
        """
        SELECT d.experiment_id
        FROM won_decisions AS d
        WHERE d.winner_variant_id IS NOT NULL
        ORDER BY d.experiment_id
        """,
    )
    won = [row["experiment_id"] for row in rows]
    winners = [
        {
            "experiment_id": found["experiment_id"],
            "month": found["month"],
            "topic": found["topic"],
            "decision": found["decision"],
            "verdict": found["verdict"],
        }
        for found in experiment_rows(con, len(won), experiment_ids=won)
    ]
    return sorted(winners, key=lambda w: (w["month"], w["topic"], w["experiment_id"]))


def _canary(con: Connection) -> str:
    """Return one sentence on the model on trial and its evidence."""
    evidence = canary_evidence(con)
    if evidence is None:
        return "No model is on trial."
    if not evidence.stand.pairs:
        return (
            f"{evidence.model_id} is on trial; its posts have no evidence yet "
            f"({evidence.left_out} pairs are of its first days, or of an open month)."
        )
    return (
        f"{evidence.model_id} is on trial: {evidence.stand.pairs} pairs of "
        f"{evidence.stand.units} months, "
        f"ln e = {evidence.stand.log_e_of_leader:.2f} of 3.00 needed."
    )


def _count(con: Connection, sql: str, *parameters: object) -> int:
    ((count,),) = con.execute(sql, list(parameters)).fetchall()
    return int(count)
