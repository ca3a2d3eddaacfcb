"""The corpus: scripts, their vectors, and the index that answers queries."""

from typing import Any

import dagster as dg

from ig_assets.core.corpus.embedding.batch_api.report import TRY_AGAIN, lift_stop
from ig_assets.core.corpus.embedding.batch_api.run import (
    BatchRun,
    collect_batches,
    embed_by_batches,
)
from ig_assets.core.corpus.embedding.embed import EmbeddingRun, embed_missing
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.index.sync import sync_index
from ig_assets.core.corpus.library.sync import sync_corpus
from ig_assets.core.corpus.map_plot import corpus_map
from ig_assets.core.costs.ledger.ledger import Ledger
from ig_assets.core.ports import Clock, Embedder, LibraryStore, VectorIndex
from ig_assets.defs import asset_kinds
from ig_assets.defs.failures import plain_failures, run_ref, started_by_person
from ig_assets.defs.metadata import (
    counts,
    lineage_commands,
    picture,
    sample_table,
)
from ig_assets.defs.resources import OpenBatches
from ig_assets.defs.stage import stage_asset
from ig_assets.run_tags import REHASH, VERIFY
from ig_assets.settings import Settings, load_settings
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.versions import content_version
from ig_assets.warehouse.warehouse import Warehouse

_SETTINGS = load_settings()
# What was assumed at each import; sentences about the file, without any text of it.
_IMPORTS = """
SELECT source_uri AS file, source, imported_at, read_at AS counts_of, rows_read,
       rows_taken, rows_rejected, rows_skipped, notes AS assumed
FROM imports
ORDER BY imported_at DESC, import_id
LIMIT 20
"""
FOLLOWS = (
    dg.AutomationCondition.eager()
    & dg.AutomationCondition.all_deps_blocking_checks_passed()
)


def _follows_unless(paid: bool) -> dg.AutomationCondition[Any] | None:
    """Return the automation condition of a free asset; None for a paid one.

    Only sensors, schedules and people start paid assets.
    """
    return None if paid else FOLLOWS


@stage_asset(
    group="corpus",
    table="scripts",
    has_personal_data=True,
    kinds={"duckdb"},
    pool="corpus",
    description=(
        "One row per script revision, with its author, from library files, imported "
        "history and promoted winners. A vanished file retires its script; what "
        "cannot be read is listed with its reason."
    ),
)
def raw_scripts(
    context: dg.AssetExecutionContext,
    library: dg.ResourceParam[LibraryStore],
    clock: dg.ResourceParam[Clock],
    money_clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Bring the scripts up to date with the library and the decisions."""
    with plain_failures():
        change = sync_corpus(
            warehouse,
            library,
            clock,
            context.run.run_id,
            machine_clock=money_clock,
            rehash=REHASH in context.run.tags,
        )
        with warehouse.transaction() as con:
            version = content_version(
                con,
                """
                SELECT s.script_id || ' ' || s.revision_hash || ' '
                    || coalesce(s.topic, '') || ' ' || coalesce(s.hook_style, '')
                    || ' ' || coalesce(s.language, '?') || ' '
                    || coalesce(p.readings, 0)
                FROM current_scripts AS s
                LEFT JOIN (
                    SELECT script_id, count(*) AS readings
                    FROM script_performance
                    GROUP BY script_id
                ) AS p
                  ON p.script_id = s.script_id
                """,
            )
            imports = fetch_dicts(con, _IMPORTS)
    return dg.MaterializeResult(
        metadata=counts(change)
        | {
            "sample": sample_table(change.sample),
            "left_out": sample_table(change.left_out),
            "to_correct": sample_table(change.faults),
            "imports": sample_table(imports),
            "lineage": lineage_commands("SCRIPT"),
        },
        data_version=dg.DataVersion(version),
    )


@stage_asset(
    deps=[raw_scripts],
    group="corpus",
    table="embeddings",
    pays_for="embedder",
    kinds={"duckdb", asset_kinds.EMBEDDER},
    pool="embedding_api",
    automation_condition=_follows_unless(paid=_SETTINGS.embedder != "local"),
    description=(
        "One row per content hash, model and dimensions: its vector. Only the "
        "missing ones are embedded, in batches that are committed one by one; with "
        "IG_BATCH by the Batch API, whose results are collected within a day."
    ),
)
def script_embeddings(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
    ledger: dg.ResourceParam[Ledger],
    embedder: dg.ResourceParam[Embedder],
    batches: dg.ResourceParam[OpenBatches],
) -> dg.MaterializeResult:
    """Embed what has no vector yet and draw the map of the corpus."""
    ref, size = run_ref(context), settings.embed_batch
    run: EmbeddingRun | BatchRun
    with plain_failures():
        if settings.batch:
            run = embed_by_batches(
                warehouse,
                ledger,
                embedder,
                batches(),
                clock,
                ref,
                size,
                by_person=started_by_person(context),
            )
        else:
            collect_batches(warehouse, clock, batches)
            in_flight = 1 if settings.embedder == "local" else settings.max_in_flight
            run = embed_missing(
                warehouse, ledger, embedder, clock, ref, size, in_flight
            )
        with warehouse.transaction() as con:
            if not settings.batch:
                lift_stop(con)  # nothing waits for a batch any more
            version = content_version(
                con,
                "SELECT content_hash || ' ' || model || ' ' || dimensions "
                "FROM embeddings",
            )
        map_png = corpus_map(warehouse, embedder.model, embedder.dimensions)
    return dg.MaterializeResult(
        metadata=counts(run)
        | {"model": embedder.model, "map": picture(map_png, "map of the corpus")}
        | _batch_metadata(run),
        data_version=dg.DataVersion(version),
    )


def _batch_metadata(run: EmbeddingRun | BatchRun) -> dict[str, Any]:
    """Return sentences for a person about texts that still have no vector."""
    metadata: dict[str, Any] = {}
    if run.under_way:
        metadata["waiting"] = (
            f"{run.under_way} texts are under way in the Batch API, which takes up to "
            "24 hours; embedding_batch_sensor collects them."
        )
    if isinstance(run, BatchRun) and run.problems:
        metadata["ended_badly"] = " ".join(run.problems)
    if isinstance(run, BatchRun) and run.rejects:
        metadata["rejects"] = sample_table(run.rejects)
        metadata["try_again"] = f"{run.rejected} texts were given up; {TRY_AGAIN}."
    return metadata


@stage_asset(
    deps=[script_embeddings],
    group="corpus",
    table="index_entries",
    pays_for="index",
    kinds={asset_kinds.INDEX},
    pool="index",
    automation_condition=_follows_unless(paid=_SETTINGS.index != "faiss"),
    description=(
        "One row per script in the vector index. The index equals the corpus: what "
        "is missing is upserted, what is retired deleted, what the store lost "
        "repaired from the stored vectors."
    ),
)
def script_index(
    context: dg.AssetExecutionContext,
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
    embedder: dg.ResourceParam[Embedder],
    index: dg.ResourceParam[VectorIndex],
) -> dg.MaterializeResult:
    """Apply the difference between corpus and index, then verify it."""
    with plain_failures():
        change = sync_index(
            warehouse,
            index,
            clock,
            Space.of(embedder),
            verify=VERIFY in context.run.tags,
        )
        with warehouse.transaction() as con:
            version = content_version(
                con,
                """
                SELECT namespace || ' ' || script_id || ' ' || revision_hash || ' '
                    || metadata_hash
                FROM index_entries
                """,
            )
    return dg.MaterializeResult(
        metadata=counts(change), data_version=dg.DataVersion(version)
    )
