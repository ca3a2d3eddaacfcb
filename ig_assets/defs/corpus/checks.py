"""Asset checks of the corpus, its vectors and its index."""

import dagster as dg

from ig_assets.core.corpus.embedding.batch_api.report import batch_report
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.index.sync import audit_index
from ig_assets.core.corpus.label_report import (
    scripts_with_invalid_language,
    unknown_styles,
)
from ig_assets.core.generation.writing.schema import HOOK_STYLES
from ig_assets.core.ports import Embedder, VectorIndex
from ig_assets.defs.corpus.assets import raw_scripts, script_embeddings, script_index
from ig_assets.defs.metadata import sample_table
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Warehouse


@dg.asset_check(
    asset=raw_scripts, description="Every library file that exists now was accepted."
)
def no_rejected_scripts(
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """Warn if library files were rejected, with their names and the reasons."""
    with warehouse.transaction() as con:
        rejects = fetch_dicts(
            con,
            """
            SELECT source_uri, reason, detail
            FROM current_rejects AS rejects
            WHERE source_uri NOT LIKE 'history:%'
            ORDER BY source_uri
            """,
        )
    return dg.AssetCheckResult(
        passed=not rejects,
        severity=dg.AssetCheckSeverity.WARN,
        description=(
            f"{len(rejects)} rejected; the others were accepted." if rejects else None
        ),
        metadata={"rejected": len(rejects), "sample": sample_table(rejects)},
    )


@dg.asset_check(
    asset=raw_scripts,
    description=(
        "Hook styles of library scripts are known ones, or a team's own that more "
        "than one script has."
    ),
)
def hook_styles_are_known(
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """Warn of unknown styles that only one script has, or that look misspelt."""
    with warehouse.transaction() as con:
        styles = unknown_styles(con, HOOK_STYLES)
    doubtful = [style["hook_style"] for style in styles if style["is_doubtful"]]
    return dg.AssetCheckResult(
        passed=not doubtful,
        severity=dg.AssetCheckSeverity.WARN,
        description=(
            f"{len(doubtful)} hook styles are seen once or look like a slip; known are "
            f"{', '.join(HOOK_STYLES)}."
            if doubtful
            else None
        ),
        metadata={
            "doubtful": len(doubtful),
            "of_the_team": len(styles) - len(doubtful),
            "sample": sample_table(styles),
        },
    )


@dg.asset_check(
    asset=raw_scripts,
    description="The language of a library script is a tag such as en or pt-BR.",
)
def languages_are_tags(
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """Warn of scripts with an invalid language; they were accepted without it."""
    with warehouse.transaction() as con:
        found = scripts_with_invalid_language(con)
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=(
            f"{len(found)} scripts declare a language that is none; they were accepted "
            "without it. Write `language: en`, or another tag."
            if found
            else None
        ),
        metadata={"without_language": len(found), "sample": sample_table(found)},
    )


@dg.asset_check(
    asset=raw_scripts,
    blocking=True,
    description="Every active script has one revision with a text.",
)
def active_scripts_have_text(
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """Fail, which blocks the index, unless each script has one text.

    Only active scripts are checked, by their current revision.
    """
    with warehouse.transaction() as con:
        (wrong,) = con.execute("""
            SELECT count(*)
            FROM (
                SELECT c.script_id, count(s.script_id) AS revisions,
                    min(length(trim(s.text))) AS shortest
                FROM current_scripts AS c
                LEFT JOIN scripts AS s
                  ON s.script_id = c.script_id
                 AND s.revision_hash = c.revision_hash
                GROUP BY c.script_id
            ) AS active
            WHERE revisions <> 1 OR coalesce(shortest, 0) = 0
            """).fetchall()[0]
    return dg.AssetCheckResult(
        passed=wrong == 0,
        description=(
            f"{wrong} active scripts have no text, or not exactly one present revision."
        ),
        metadata={"wrong": wrong},
    )


@dg.asset_check(
    asset=script_embeddings,
    description="Vectors have unit length; a zero or wild one would rank anywhere.",
)
def vectors_have_unit_length(
    warehouse: dg.ResourceParam[Warehouse], embedder: dg.ResourceParam[Embedder]
) -> dg.AssetCheckResult:
    """Compare the norm of every vector of the current space with 1 ± 0.001."""
    with warehouse.transaction() as con:
        checked, wrong = con.execute(
            """
            SELECT count(*), count(*) FILTER (
                WHERE abs(list_inner_product(vector, vector) - 1) > 0.001
                   OR len(vector) <> ?
            )
            FROM embeddings
            WHERE model = ? AND dimensions = ?
            """,
            [embedder.dimensions, embedder.model, embedder.dimensions],
        ).fetchall()[0]
    return dg.AssetCheckResult(
        passed=wrong == 0, metadata={"checked": checked, "wrong": wrong}
    )


@dg.asset_check(
    asset=script_embeddings,
    description=(
        "The Batch API (IG_BATCH) gave no text up and does not refuse the account."
    ),
)
def embedding_batches_bring_vectors(
    warehouse: dg.ResourceParam[Warehouse], embedder: dg.ResourceParam[Embedder]
) -> dg.AssetCheckResult:
    """Warn if batches gave texts up or the account is refused; say what to do."""
    with warehouse.transaction() as con:
        report = batch_report(con, Space.of(embedder))
    return dg.AssetCheckResult(
        passed=report.what_to_do is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=report.what_to_do,
        metadata={
            "in_flight": report.in_flight,
            "texts_in_flight": report.texts_in_flight,
            "ended_badly": len(report.ended_badly),
            "given_up": len(report.given_up),
            "batches": sample_table(report.ended_badly),
            "texts": sample_table(report.given_up),
        },
    )


@dg.asset_check(
    asset=script_index,
    blocking=True,
    description=(
        "The store's ids are exactly the active scripts, but for those whose vectors "
        "are under way in a batch."
    ),
)
def index_equals_corpus(
    warehouse: dg.ResourceParam[Warehouse],
    embedder: dg.ResourceParam[Embedder],
    index: dg.ResourceParam[VectorIndex],
) -> dg.AssetCheckResult:
    """Compare the ids that the store lists with the active scripts.

    The warehouse's record of what was sent is not relied on, as it may be wrong.
    """
    audit = audit_index(warehouse, index, Space.of(embedder))
    return dg.AssetCheckResult(
        passed=not (audit.missing or audit.orphans or audit.stale),
        description=(
            f"{len(audit.missing)} active scripts are missing in the index, "
            f"{len(audit.orphans)} of its ids belong to no active script, and "
            f"{len(audit.stale)} are from an older or newer copy of the store."
        ),
        metadata={
            "missing": len(audit.missing),
            "orphans": len(audit.orphans),
            "stale": len(audit.stale),
            "waiting": len(audit.waiting),
        },
    )
