"""Checks of a month's topics, drafts and variants."""

import dagster as dg

from ig_assets.core.corpus.scripts.screening.control_tokens import control_tokens
from ig_assets.core.generation.gates.prompt_injection import suspicious_scripts
from ig_assets.core.generation.overview import gate_figures
from ig_assets.defs.generation.assets import script_drafts, script_variants, topics
from ig_assets.defs.metadata import sample_table
from ig_assets.defs.partitions import month_of, months_ahead
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Warehouse


@dg.asset_check(
    asset=topics,
    partitions_def=months_ahead,
    description="The calendar has usable rows for the month, and none was rejected.",
)
def calendar_rows_are_valid(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Warn with the rejected rows and the reasons, and if no topic is planned."""
    with warehouse.transaction() as con:
        (planned,) = con.execute(
            "SELECT count(*) FROM topics WHERE month = ? AND status = 'planned'",
            [month_of(context)],
        ).fetchall()[0]
        rejects = fetch_dicts(
            con,
            """
            SELECT source_uri, reason, detail
            FROM topic_rejects
            WHERE month = ?
              AND resolved_at IS NULL
            ORDER BY source_uri
            """,
            [month_of(context)],
        )
    return dg.AssetCheckResult(
        passed=planned > 0 and not rejects,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "planned": planned,
            "rejected": len(rejects),
            "sample": sample_table(rejects),
        },
    )


@dg.asset_check(
    asset=topics,
    partitions_def=months_ahead,
    description=(
        "No brief has a model's control token such as <|im_end|>: prompts show it "
        "changed, and nothing that was written for it can be trained on."
    ),
)
def briefs_have_no_control_token(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Warn with the topics' ids and the fields in which a control token was found."""
    with warehouse.transaction() as con:
        planned = fetch_dicts(
            con,
            """
            SELECT topic_id, topic, brief, audience, brand_voice
            FROM topics
            WHERE month = ?
              AND status = 'planned'
            ORDER BY topic_id
            """,
            [month_of(context)],
        )
    found = [
        {"topic_id": row["topic_id"], "field": field}
        for row in planned
        for field in ("topic", "brief", "audience", "brand_voice")
        if control_tokens(row[field] or "")
    ]
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"fields_with_one": len(found), "sample": sample_table(found)},
    )


@dg.asset_check(
    asset=script_drafts,
    partitions_def=months_ahead,
    description="Every planned topic has at least two drafts that were not rejected.",
)
def topics_have_two_drafts(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Warn of topics with fewer than two accepted drafts: they cannot be tested."""
    return _two_arms(warehouse, month_of(context), "drafts")


@dg.asset_check(
    asset=script_variants,
    partitions_def=months_ahead,
    description="Every planned topic has at least two variants that passed the gates.",
)
def topics_have_two_variants(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Warn of topics with fewer than two accepted variants: they cannot be tested."""
    return _two_arms(warehouse, month_of(context), "variants")


@dg.asset_check(
    asset=script_drafts,
    partitions_def=months_ahead,
    description=(
        "No active script tries to instruct a model or has a model's control token "
        "such as <|im_end|> (those ground no draft)."
    ),
)
def no_script_instructs_the_model(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Warn with the ids of the scripts left out and the patterns found."""
    with warehouse.transaction() as con:
        found = suspicious_scripts(con)
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"left_out": len(found), "sample": sample_table(found)},
    )


def _gate_check(name: str, gate: str, claim: str) -> dg.AssetChecksDefinition:
    """Return a check that warns if a gate rejected a variant, with all figures."""

    @dg.asset_check(
        name=name, asset=script_variants, partitions_def=months_ahead, description=claim
    )
    def check(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        with warehouse.transaction() as con:
            rows = gate_figures(con, month_of(context), gate)
        figures = [row["figure"] for row in rows if row["figure"] is not None]
        failed = sum(row["passed"] is False for row in rows)
        return dg.AssetCheckResult(
            passed=failed == 0,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "measured": len(figures),
                "not_measured": len(rows) - len(figures),
                "failed": failed,
                "lowest": min(figures, default="none"),
                "highest": max(figures, default="none"),
                "sample": sample_table(rows),
            },
        )

    return check


structure_is_complete = _gate_check(
    "structure_is_complete",
    "structure",
    "Every variant has a short hook, a body of beats and a call to action.",
)
spoken_length_fits = _gate_check(
    "spoken_length_fits",
    "spoken_seconds",
    "Every variant is spoken in 15 to 60 seconds at its language's usual rate.",
)
siblings_differ = _gate_check(
    "siblings_differ",
    "sibling_similarity",
    "Variants of a topic differ; canary and control may resemble their pair.",
)
variants_are_new = _gate_check(
    "variants_are_new",
    "novelty",
    "No variant copies the corpus: enough of its five-word runs are its own.",
)
no_long_run_is_copied = _gate_check(
    "no_long_run_is_copied",
    "copied_words",
    "No variant has a long run of words from one script.",
)
no_variant_is_a_near_copy = _gate_check(
    "no_variant_is_a_near_copy",
    "nearest_cosine",
    "No variant means nearly the same as a script (cosine of the embeddings).",
)
nothing_banned_is_said = _gate_check(
    "nothing_banned_is_said",
    "banned_words",
    "No variant contains what the team bans (IG_BANNED_WORDS).",
)
language_is_as_asked = _gate_check(
    "language_is_as_asked",
    "language",
    "Every variant is in the language that its topic asks for.",
)


def _two_arms(warehouse: Warehouse, month: str, table: str) -> dg.AssetCheckResult:
    with warehouse.transaction() as con:
        short = fetch_dicts(
            con,
            f"""
            SELECT t.topic_id, t.topic, count(v.variant_id) AS arms
            FROM topics AS t
            LEFT JOIN {table} AS v
              ON v.month = t.month
             AND v.topic_id = t.topic_id
             AND v.rejection IS NULL
            WHERE t.month = ? AND t.status = 'planned'
            GROUP BY t.topic_id, t.topic
            HAVING count(v.variant_id) < 2
            ORDER BY t.topic
            """,
            [month],
        )
    return dg.AssetCheckResult(
        passed=not short,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"topics_without_a_test": len(short), "sample": sample_table(short)},
    )
