"""Automation of the corpus: it follows the library, decisions and batches."""

import dagster as dg

from ig_assets.core.corpus.embedding.batch_api.report import stop_reason
from ig_assets.core.corpus.embedding.batch_api.run import poll_open_batches
from ig_assets.core.corpus.embedding.batch_store import batches_in
from ig_assets.core.corpus.library.scan import library_fingerprint
from ig_assets.core.corpus.library.winners import unpromoted_winners
from ig_assets.core.ports import Clock, LibraryStore
from ig_assets.core.source_states import LIBRARY, source_state
from ig_assets.defs.corpus.assets import raw_scripts, script_embeddings, script_index
from ig_assets.defs.resources import OpenBatches
from ig_assets.defs.run_requests import (
    WantedRun,
    request_runs,
    skip_when_busy,
    state_of,
)
from ig_assets.errors import IgAssetsError
from ig_assets.warehouse.warehouse import Warehouse

corpus_job = dg.define_asset_job(
    "sync_corpus",
    selection=[raw_scripts, script_embeddings, script_index],
    description=(
        "Reads the library, promotes winners, embeds what is new and updates the "
        "index. With a vendor's embedder the new vectors are paid for."
    ),
)

collect_job = dg.define_asset_job(
    "collect_embeddings",
    selection=[script_embeddings, script_index],
    description=(
        "Stores the vectors of ended embedding batches, sends what failed in a new "
        "batch, and updates the index."
    ),
)


@dg.sensor(
    job=corpus_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts one run when library files appear, change or vanish.",
)
@skip_when_busy
def script_library_sensor(
    context: dg.SensorEvaluationContext,
    library: dg.ResourceParam[LibraryStore],
    warehouse: dg.ResourceParam[Warehouse],
    money_clock: dg.ResourceParam[Clock],
) -> dg.SensorResult | dg.SkipReason:
    """Request a run if the library differs from the state that was taken in last.

    The state is a fingerprint of all files, so a burst of a thousand changes is one
    run. The asset `raw_scripts` stores the fingerprint that it took in, whoever started
    its run.
    """
    try:
        fingerprint = library_fingerprint(library)
        with warehouse.transaction() as con:
            taken_in = source_state(con, LIBRARY)
    except IgAssetsError as error:
        return dg.SkipReason(str(error))
    return request_runs(
        context,
        money_clock,
        [WantedRun(LIBRARY, fingerprint, job=corpus_job.name, taken_in=taken_in)],
        when_done="The library has not changed.",
    )


@dg.sensor(
    job=corpus_job,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a run when a decided winner is not a script yet.",
)
@skip_when_busy
def feedback_sensor(
    context: dg.SensorEvaluationContext,
    warehouse: dg.ResourceParam[Warehouse],
    money_clock: dg.ResourceParam[Clock],
) -> dg.SensorResult | dg.SkipReason:
    """Request one run if winners wait to be promoted; the run promotes all of them."""
    with warehouse.transaction() as con:
        waiting = unpromoted_winners(con)
    tags = {"ig/winners": str(len(waiting))}
    work = WantedRun("winners", state_of(waiting), tags=tags, is_work=True)
    return request_runs(
        context,
        money_clock,
        [work] if waiting else [],
        when_done="Every winner is a script already.",
    )


@dg.sensor(
    job=collect_job,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Polls embedding batches (IG_BATCH) and starts a run when one has ended. "
        "Running by default: it collects what is paid for already, and calls no "
        "vendor while there is no batch."
    ),
)
@skip_when_busy
def embedding_batch_sensor(
    context: dg.SensorEvaluationContext,
    warehouse: dg.ResourceParam[Warehouse],
    clock: dg.ResourceParam[Clock],
    money_clock: dg.ResourceParam[Clock],
    batches: dg.ResourceParam[OpenBatches],
) -> dg.SensorResult | dg.SkipReason:
    """Poll the open batches; request one run that collects all ended ones, if any."""
    try:
        under_way, _ = poll_open_batches(warehouse, clock, batches)
        with warehouse.transaction() as con:
            ended = [batch.intent_key for batch in batches_in(con, "ended")]
            stopped = stop_reason(con)
    except IgAssetsError as error:
        return dg.SkipReason(str(error))
    waiting = (
        f"{under_way} embedding batches are under way, none has ended."
        if under_way
        else "No embedding batch is under way."
    )
    if stopped and not ended:  # no retry: a run would fail until a person acts
        return dg.SkipReason(f"{waiting} {stopped}")
    tags = {"ig/embedding_batches": str(len(ended))}
    work = WantedRun("batches", state_of(ended), tags=tags, is_work=True)
    return request_runs(context, money_clock, [work] if ended else [], waiting)
