"""What makes the corpus follow the library and the decisions."""

import dagster as dg

from ig_assets.core.corpus.library import library_fingerprint
from ig_assets.core.corpus.sync import unpromoted_winners
from ig_assets.core.ports import LibraryStore
from ig_assets.defs.corpus.assets import raw_scripts, script_embeddings, script_index
from ig_assets.errors import IgAssetsError, WarehouseBusyError
from ig_assets.warehouse.connection import Warehouse

corpus_job = dg.define_asset_job(
    "sync_corpus",
    selection=[raw_scripts, script_embeddings, script_index],
    description=(
        "Reads the library, promotes winners, embeds what is new and brings the index "
        "to it. With a vendor's embedder the new vectors are paid for."
    ),
)


@dg.sensor(
    job=corpus_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts one run when library files appear, change or vanish.",
)
def script_library_sensor(
    context: dg.SensorEvaluationContext, library: dg.ResourceParam[LibraryStore]
) -> dg.SensorResult | dg.SkipReason:
    """A burst of a thousand files is one run: the cursor is a fingerprint of all."""
    try:
        fingerprint = library_fingerprint(library)
    except IgAssetsError as error:
        return dg.SkipReason(str(error))
    if fingerprint == context.cursor:
        return dg.SkipReason("The library has not changed.")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=f"library-{fingerprint}")],
        cursor=fingerprint,
    )


@dg.sensor(
    job=corpus_job,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a run when a decided winner is not yet a script: the loop.",
)
def feedback_sensor(
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.SensorResult | dg.SkipReason:
    """One run takes every winner that waits; what is promoted does not wait again."""
    try:
        with warehouse.transaction() as con:
            waiting = unpromoted_winners(con)
    except WarehouseBusyError as error:
        return dg.SkipReason(str(error))
    if not waiting:
        return dg.SkipReason("Every winner is a script already.")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(tags={"ig/winners": str(waiting)})]
    )
