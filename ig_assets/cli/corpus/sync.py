"""`ig-assets sync`: updates scripts, vectors and index, or estimates the cost of it."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Annotated

import typer

from ig_assets.cli.output import AsJson, console, plain_errors, print_json, print_table
from ig_assets.cli.unfinished import warn_of_unfinished
from ig_assets.core.corpus.embedding.batch_api.report import (
    BatchReport,
    batch_report,
    forgive_failed,
)
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.index.forecast import IndexForecast, forecast_index
from ig_assets.core.corpus.library.left_out import (
    Fault,
    LeftOutTotal,
    faults,
    left_out_totals,
)
from ig_assets.core.corpus.library.plan import SyncPlan, plan_sync
from ig_assets.core.corpus.rejects import current_rejects
from ig_assets.core.corpus.scripts.build import FAULTS, HEADING
from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.core.corpus.scripts.spoken.directions import PLACEHOLDER
from ig_assets.core.costs.pinecone_estimate import MonthlyUse, StoreCost
from ig_assets.errors import IgAssetsError
from ig_assets.run_tags import REHASH, VERIFY
from ig_assets.settings import load_settings
from ig_assets.wiring import Services, make_money_clock

PRINTED_REJECTS = 20
ASSETS = ["raw_scripts", "script_embeddings", "script_index"]


@plain_errors
def sync(
    dry_run: Annotated[
        bool, typer.Option(help="Print the changes and their cost; change nothing.")
    ] = False,
    retry_failed: Annotated[
        bool,
        typer.Option(help="With IG_BATCH: resend texts that a batch gave up."),
    ] = False,
    rehash: Annotated[
        bool,
        typer.Option(
            "--rehash", help="Read every file, also those whose times did not change."
        ),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Compare every entry of the index even if nothing changed."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring scripts, vectors and index up to date, as one Dagster run.

    Example: `ig-assets sync` after editing files in IG_LIBRARY
    """
    services = Services(load_settings())
    settings, warehouse = services.settings, services.warehouse
    warn_of_unfinished(warehouse)
    if dry_run:
        plan = plan_sync(
            warehouse,
            services.library,
            services.clock,
            services.embedder,
            settings.embed_batch,
            settings.batch,
            make_money_clock(),
        )
        repairs, why = _repairs(services)
        if as_json:
            fields = {f.name: getattr(plan, f.name) for f in dataclasses.fields(plan)}
            print_json({**fields, "index": repairs, "index_not_compared": why})
        else:
            _print_plan(plan, why if repairs is None else repairs.sentence)
        return
    space, forgiven = Space.of(services.embedder), 0
    if retry_failed:
        with warehouse.transaction() as con:
            forgiven = forgive_failed(con, space)
    warnings.simplefilter("ignore")
    from ig_assets.headless.dagster_home import ensure_dagster_home
    from ig_assets.headless.runner import Headless, load_definitions, open_instance

    ensure_dagster_home(settings)
    with open_instance(settings) as instance:
        asked = {REHASH: rehash, VERIFY: verify}
        done = Headless(load_definitions(), instance).run_job(
            "sync_corpus", tags={tag: "true" for tag, is_set in asked.items() if is_set}
        )
        metadata = {name: _numbers(instance, name, done.run_id) for name in ASSETS}
    with warehouse.transaction() as con:
        rejects = current_rejects(con)
        left_out, to_correct = left_out_totals(con), faults(con)
        batches = batch_report(con, space)
    if as_json:
        print_json(
            {
                "run_id": done.run_id,
                "assets": metadata,
                "rejects": rejects,
                "left_out": left_out,
                "to_correct": to_correct,
                "batches": batches,
            }
        )
        return
    _print_rejects(rejects)
    _print_left_out(left_out, to_correct)
    if settings.batch:
        console.print(
            "New texts are embedded by OpenAI's Batch API (IG_BATCH), at half the "
            "price; `submitted` and `under_way` are counted in texts and chunks."
        )
    if retry_failed:
        console.print(f"{forgiven} texts that were given up are retried.")
    _print_batches(batches)
    for name, numbers in metadata.items():
        listed = ", ".join(f"{k} {v}" for k, v in numbers.items())
        console.print(f"[bold]{name}[/bold]: {listed}")


def _print_rejects(rejects: Sequence[Reject]) -> None:
    for reject in rejects[:PRINTED_REJECTS]:
        console.print(f"  {reject.source_uri}: {reject.reason}. {reject.detail}")
    if len(rejects) > PRINTED_REJECTS:
        more = len(rejects) - PRINTED_REJECTS
        console.print(f"  … and {more} more (script_rejects).")


def _print_left_out(
    left_out: Sequence[LeftOutTotal], to_correct: Sequence[Fault]
) -> None:
    """Print the faults of accepted files, and how many parts were left out."""
    for fault in to_correct[:PRINTED_REJECTS]:
        console.print(
            f"  {fault['source_uri']}: accepted "
            f"{'with' if fault['kind'] in (PLACEHOLDER, HEADING) else 'without'} "
            f"{'an' if fault['kind'] == HEADING else 'a'} {fault['kind']}. "
            f"{fault['detail']}",
            markup=False,
        )
    if len(to_correct) > PRINTED_REJECTS:
        more = len(to_correct) - PRINTED_REJECTS
        console.print(f"  … and {more} more (script_left_out).")
    listed = ", ".join(
        f"{total['kind']} {total['pieces']}"
        for total in left_out
        if total["kind"] not in FAULTS
    )
    if listed:
        console.print(
            f"Left out of the scripts, since it is not spoken: {listed}.", markup=False
        )


def _print_batches(report: BatchReport) -> None:
    """Print open batches, texts given up, and the reason of the last failed batch."""
    if report.in_flight:
        console.print(
            f"{report.in_flight} batches are in flight with {report.texts_in_flight} "
            "texts; embedding_batch_sensor, or the next sync, collects their vectors."
        )
    for text in report.given_up[:PRINTED_REJECTS]:
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


def _repairs(services: Services) -> tuple[IndexForecast | None, str]:
    """Return (forecast for the index, ''), or (None, a sentence why there is none)."""
    try:
        space = Space.of(services.embedder)
        return forecast_index(services.warehouse, services.index, space), ""
    except IgAssetsError as error:
        return None, f"Index: not compared. {error}"


def _print_plan(plan: SyncPlan, index: str) -> None:
    change, embedding = plan.scripts, plan.embedding
    console.print(
        f"Scripts: {change.new} new, {change.changed} changed, {change.retired} "
        f"retired, {change.revived} revived, {change.unchanged} unchanged, "
        f"{change.promoted} winners promoted; {change.rejected} rejected."
    )
    _print_rejects(change.rejects)
    _print_left_out(change.left_out, change.faults)
    if change.not_read:
        console.print(f"Not read ({change.unread}): {change.not_read}.", markup=False)
    cost = "at an unknown price"
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
    console.print(index, markup=False)
    print_table(
        [dataclasses.asdict(plan.store_now), dataclasses.asdict(plan.store_ten_times)],
        [field.name for field in dataclasses.fields(StoreCost)],
        "What Pinecone would cost a month: this corpus, and ten times as much",
    )
    use = MonthlyUse()
    console.print(
        f"With {use.queries:,} queries, {use.syncs} syncs and "
        f"{use.rewritten_share:.0%} of the records rewritten; filling it once: "
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
    found: dict[str, object] = {
        name: entry.value
        for name, entry in values.items()
        if isinstance(entry.value, (int, float, str))
        and not isinstance(entry, dg.MarkdownMetadataValue)
        and not _is_of_the_page(name)
    }
    # A page has one entry for the figures of 0.
    if "other_figures" in values:  # all are 0
        said = str(values["other_figures"].value).split(", ")
        found |= {figure.removeprefix("0 "): 0 for figure in said}
    return found


def _is_of_the_page(name: str) -> bool:
    """Return whether an entry of a materialisation only serves the asset's page."""
    return name in ("map", "sample", "summary", "other_figures") or name.startswith(
        "dagster/"
    )
