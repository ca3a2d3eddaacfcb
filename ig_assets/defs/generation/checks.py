"""Checks of a month's topics, drafts and variants."""

from collections.abc import Iterator

import dagster as dg

from ig_assets.core.corpus.scripts.screening.control_tokens import control_tokens
from ig_assets.core.generation.gates.banned_words import read_banned
from ig_assets.core.generation.gates.gates import Gates
from ig_assets.core.generation.gates.prompt_injection import suspicious_scripts
from ig_assets.core.generation.overview import gate_figures, gate_rejections
from ig_assets.core.generation.polishing.stored import (
    accepted_count,
    violations,
    wrong_labels,
)
from ig_assets.core.generation.writing.forms import writes_facts_first
from ig_assets.core.generation.writing.from_brief.spoken import steps_to_speak
from ig_assets.defs.generation.assets import script_drafts, script_variants, topics
from ig_assets.defs.metadata import sample_table, without_empty
from ig_assets.defs.partitions import month_of, months_ahead
from ig_assets.settings import Settings
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring.models import base_model

_WHAT_TO_SPEAK = (
    "Write into each brief what is to be spoken, a short sentence of action a step, in "
    "English, German or Spanish (docs: generation, drafts); for other languages set "
    "IG_WRITER=openai. Otherwise the model on this machine makes facts up."
)


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
    asset=topics,
    partitions_def=months_ahead,
    description=(
        "Every brief says step by step what to speak, where a model on this machine "
        "writes: a small one makes up what a brief only names."
    ),
)
def briefs_say_what_to_speak(
    context: dg.AssetCheckExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.AssetCheckResult:
    """Warn with the topics whose briefs a local model would have to add to."""
    provider = base_model(settings).provider
    with warehouse.transaction() as con:
        planned = fetch_dicts(
            con,
            """
            SELECT topic_id, topic, brief, language
            FROM topics
            WHERE month = ?
              AND status = 'planned'
            ORDER BY topic
            """,
            [month_of(context)],
        )
    named = [
        {
            "topic_id": row["topic_id"],
            "topic": row["topic"],
            "has_brief": bool((row["brief"] or "").strip()),
        }
        for row in planned
        if writes_facts_first(provider, row["language"])
        and not steps_to_speak(row["brief"] or "", row["language"])
    ]
    return dg.AssetCheckResult(
        passed=not named,
        severity=dg.AssetCheckSeverity.WARN,
        description=_WHAT_TO_SPEAK if named else None,
        metadata=without_empty(
            {
                "writer": provider,
                "topics": len(planned),
                "briefs_to_fill": len(named),
                "sample": sample_table(named),
            }
        ),
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


# {gate: (name of its check, what the check claims)}
_GATE_CHECKS = {
    "structure": (
        "structure_is_complete",
        "Every variant has a short hook, a body of beats and a call to action.",
    ),
    "spoken_seconds": (
        "spoken_length_fits",
        "Every variant is spoken in 15 to 60 seconds at its language's usual rate.",
    ),
    "sibling_similarity": (
        "siblings_differ",
        "Variants of a topic differ; canary and control may resemble their pair.",
    ),
    "novelty": (
        "variants_are_new",
        "No variant copies the corpus: enough of its five-word runs are its own.",
    ),
    "copied_words": (
        "no_long_run_is_copied",
        "No variant has a long run of words from one script.",
    ),
    "nearest_cosine": (
        "no_variant_is_a_near_copy",
        "No variant means nearly the same as a script (cosine of the embeddings).",
    ),
    "banned_words": (
        "nothing_banned_is_said",
        "No variant contains what the team bans (IG_BANNED_WORDS).",
    ),
    "language": (
        "language_is_as_asked",
        "Every variant is in the language that its topic asks for.",
    ),
    "foreign_letters": (
        "letters_are_of_the_language",
        "No variant has letters of another script than its language is written in.",
    ),
    "brief_coverage": (
        "briefs_are_covered",
        "Every variant has enough of the content words of its topic and brief.",
    ),
    "added_words": (
        "briefs_are_not_added_to",
        "No variant has too many words in its body that topic and brief do not have.",
    ),
    "copied_example": (
        "nothing_is_of_the_prompts_example",
        "No variant has words of the worked example in a prompt file.",
    ),
    "contradicted_numbers": (
        "numbers_agree_with_the_brief",
        "No variant states another number than its brief for the same thing.",
    ),
    "repetition": (
        "no_sentence_is_repeated",
        "No variant says nearly the same in two of its sentences.",
    ),
    "on_screen": (
        "on_screen_text_is_readable",
        "On-screen text is short and in the language and letters of its topic.",
    ),
}


@dg.multi_asset_check(
    name="gates_of_script_variants",
    specs=[
        dg.AssetCheckSpec(
            name,
            asset=script_variants,
            description=claim,
            partitions_def=months_ahead,
        )
        for name, claim in _GATE_CHECKS.values()
    ],
    can_subset=True,
)
def gates_of_script_variants(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.AssetCheckResult]:
    """Warn for each gate that rejected a variant, with all figures; one step for all.

    As steps of their own they would be a pod each.
    """
    month = month_of(context)
    asked = context.selected_asset_check_keys
    for gate, (name, _) in _GATE_CHECKS.items():
        key = dg.AssetCheckKey(script_variants.key, name)
        if key not in asked:
            continue
        with warehouse.transaction() as con:
            rows = gate_figures(con, month, gate)
        figures = [row["figure"] for row in rows if row["figure"] is not None]
        failed = sum(row["passed"] is False for row in rows)
        yield dg.AssetCheckResult(
            asset_key=script_variants.key,
            check_name=name,
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


@dg.asset_check(
    asset=script_variants,
    partitions_def=months_ahead,
    description="Every hook reads as the style that its variant is labelled with.",
)
def hooks_are_labelled_as_they_read(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Warn with the labels; a comparison of hook styles would compare other styles."""
    month = month_of(context)
    with warehouse.transaction() as con:
        variants = accepted_count(con, month)
        wrong = wrong_labels(con, month)
    return dg.AssetCheckResult(
        passed=not wrong,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "variants": variants,
            "wrongly_labelled": len(wrong),
            "sample": sample_table(wrong),
        },
    )


@dg.asset_check(
    asset=script_variants,
    partitions_def=months_ahead,
    description=(
        "Every variant that was accepted passes the gates as it is stored. The table "
        "says how many variants each gate rejected."
    ),
)
def accepted_variants_pass_the_gates(
    context: dg.AssetCheckExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.AssetCheckResult:
    """Measure the stored words again; fail if an accepted variant is out of bounds."""
    month = month_of(context)
    banned = read_banned(settings.banned_words)
    gates = Gates(settings.novelty_floor, banned=banned)
    with warehouse.transaction() as con:
        variants = accepted_count(con, month)
        found = violations(con, month, gates, base_model(settings).provider)
        by_gate = gate_rejections(con, month)
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=without_empty(
            {
                "accepted_variants": variants,
                "out_of_bounds": len({row["variant_id"] for row in found}),
                "rejections_by_gate": sample_table(by_gate),
                "sample": sample_table(found),
            }
        ),
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
