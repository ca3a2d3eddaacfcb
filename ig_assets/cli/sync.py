"""`ig-assets sync`: the corpus brought up to date, or what that would cost."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from typing import Annotated

import typer

from ig_assets.cli.output import AsJson, console, plain_errors, print_json, print_table
from ig_assets.core.corpus.embedding.batch_api.report import (
    BatchReport,
    batch_report,
    forgive_failed,
)
from ig_assets.core.corpus.embedding.embed import EmbeddingPlan, plan_embedding
from ig_assets.core.corpus.library.sync import (
    CURRENT_SCRIPTS,
    CorpusChange,
    plan_corpus,
)
from ig_assets.core.corpus.rejects import current_rejects
from ig_assets.core.costs.pinecone_estimate import (
    MonthlyUse,
    StoreCost,
    first_fill_usd,
    pinecone_monthly_cost,
)
from ig_assets.settings import load_settings
from ig_assets.warehouse.warehouse import Connection
from ig_assets.wiring import Services

SHOWN_REJECTS = 20
ASSETS = ["raw_scripts", "script_embeddings", "script_index"]


@plain_errors
def sync(
    dry_run: Annotated[
        bool, typer.Option(help="Say what it would do and cost; change nothing.")
    ] = False,
    retry_failed: Annotated[
        bool,
        typer.Option(help="With IG_BATCH: send texts again that a batch gave up."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring scripts, vectors and index up to date, as one Dagster run.

    Example: `ig-assets sync` after editing files in IG_LIBRARY
    """
    house = Services(load_settings())
    if dry_run:
        plan = plan_sync(house)
        if as_json:
            print_json(plan)
        else:
            _print_plan(plan)
        return
    forgiven = forgive_failed(house.warehouse, house.embedder) if retry_failed else 0
    warnings.simplefilter("ignore")
    from ig_assets.headless.dagster_home import ensure_dagster_home
    from ig_assets.headless.runner import Headless, load_definitions, open_instance

    ensure_dagster_home(house.settings)
    with open_instance(house.settings) as instance:
        done = Headless(load_definitions(), instance).run_job("sync_corpus")
        metadata = {name: _numbers(instance, name, done.run_id) for name in ASSETS}
    with house.warehouse.transaction() as con:
        rejects = current_rejects(con)
        batches = batch_report(con, house.embedder)
    if as_json:
        told = {
            "run_id": done.run_id,
            "assets": metadata,
            "rejects": rejects,
            "batches": batches,
        }
        print_json(told)
        return
    for reject in rejects[:SHOWN_REJECTS]:
        console.print(f"  {reject.source_uri}: {reject.reason}. {reject.detail}")
    if len(rejects) > SHOWN_REJECTS:
        console.print(f"  … and {len(rejects) - SHOWN_REJECTS} more (script_rejects).")
    if house.settings.batch:
        console.print(
            "New texts are embedded by OpenAI's Batch API (IG_BATCH), at half the "
            "price; `submitted` and `under_way` are counted in texts and chunks."
        )
    if retry_failed:
        console.print(f"{forgiven} texts that were given up are tried again.")
    _print_batches(batches)
    for name, numbers in metadata.items():
        shown = ", ".join(f"{k} {v}" for k, v in numbers.items())
        console.print(f"[bold]{name}[/bold]: {shown}")


def _print_batches(report: BatchReport) -> None:
    """What waits, what the last batch that ended badly said, and what was given up."""
    if report.in_flight:
        console.print(
            f"{report.in_flight} batches are in flight with {report.texts_in_flight} "
            "texts; embedding_batch_sensor, or another sync, takes what they bring."
        )
    for text in report.given_up[:SHOWN_REJECTS]:
        name = text["source_uri"] or f"a part of a text, {text['content_hash'][:12]}"
        console.print(f"  {name}: given up. {text['reason']}.", markup=False)
    if report.ended_badly:
        last = report.ended_badly[0]
        console.print(
            f"{len(report.ended_badly)} batches ended badly so far, the last as "
            f"{last['status']}: "
            f"{(last['reason'] or 'the vendor gives no reason').rstrip('.')}.",
            markup=False,
        )
    if report.what_to_do:
        console.print(report.what_to_do, style="yellow", markup=False)


@dataclass(frozen=True)
class SyncPlan:
    """What a sync would change, send and cost; and what Pinecone would cost a month.

    `store_now` and `store_ten_times` are the corpus after the sync, and ten of it.
    """

    scripts: CorpusChange
    embedding: EmbeddingPlan
    first_fill_usd: float
    store_now: StoreCost
    store_ten_times: StoreCost


def plan_sync(house: Services) -> SyncPlan:
    """Run the sync in a transaction that is rolled back; sends nothing."""
    embedder = house.embedder

    def look(con: Connection) -> tuple[EmbeddingPlan, int]:
        size, by_batch = house.settings.embed_batch, house.settings.batch
        plan = plan_embedding(con, embedder, size, by_batch)
        counted = con.execute(f"SELECT count(*) FROM ({CURRENT_SCRIPTS}) AS s")
        return plan, int(counted.fetchall()[0][0])

    change, (embedding, active) = plan_corpus(
        house.warehouse, house.library, house.clock, look
    )
    return SyncPlan(
        scripts=change,
        embedding=embedding,
        first_fill_usd=first_fill_usd(active, embedder.dimensions),
        store_now=pinecone_monthly_cost(active, embedder.dimensions),
        store_ten_times=pinecone_monthly_cost(10 * active, embedder.dimensions),
    )


def _print_plan(plan: SyncPlan) -> None:
    change, embedding = plan.scripts, plan.embedding
    console.print(
        f"Scripts: {change.new} new, {change.changed} changed, {change.retired} "
        f"retired, {change.revived} revived, {change.unchanged} unchanged, "
        f"{change.promoted} winners promoted; {change.rejected} rejected."
    )
    for reject in change.rejects[:SHOWN_REJECTS]:
        console.print(f"  {reject.source_uri}: {reject.reason}. {reject.detail}")
    cost = "at a price nobody knows"
    if embedding.cost_usd is not None:
        cost = f"for USD {embedding.cost_usd:.4f}"
    console.print(
        f"Embedding: {embedding.texts} texts in {embedding.batches} requests, "
        f"{embedding.tokens:,} tokens, {cost}."
    )
    if embedding.by_batch:
        console.print(
            "  Through OpenAI's Batch API (IG_BATCH), at half the price: the vectors "
            "come within 24 hours."
        )
    if embedding.held:
        console.print(
            f"  {embedding.held} more texts are under way in a batch or were given up "
            "by one."
        )
    print_table(
        [dataclasses.asdict(plan.store_now), dataclasses.asdict(plan.store_ten_times)],
        [field.name for field in dataclasses.fields(StoreCost)],
        "What Pinecone would cost a month: this corpus, and ten times as much",
    )
    use = MonthlyUse()
    console.print(
        f"With {use.queries:,} queries, {use.syncs} syncs and "
        f"{use.rewritten_share:.0%} of the records written again; filling it once: "
        f"USD {plan.first_fill_usd:.2f}. FAISS on this machine costs nothing. "
        "Nothing was changed or sent."
    )


def _numbers(instance: object, asset: str, run_id: str) -> dict[str, object]:
    import dagster as dg

    assert isinstance(instance, dg.DagsterInstance)
    event = instance.get_latest_materialization_event(dg.AssetKey(asset))
    if event is None or event.run_id != run_id or event.asset_materialization is None:
        return {}
    values = event.asset_materialization.metadata
    return {
        name: entry.value
        for name, entry in values.items()
        if isinstance(entry.value, (int, float, str)) and name not in ("map", "sample")
    }
