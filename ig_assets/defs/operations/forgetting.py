"""The job that forgets a script; a person starts it in Dagster's Launchpad."""

from typing import Any

import dagster as dg
from pydantic import Field

from ig_assets.core.forgetting.traces.named import named_scripts
from ig_assets.core.forgetting.service import forget, plan_forgetting, resume
from ig_assets.core.ports import Clock, VectorIndex
from ig_assets.core.reports.lineage.names import script_named
from ig_assets.defs.failures import plain_failures
from ig_assets.defs.pod_resources import pod_tags
from ig_assets.settings import Settings
from ig_assets.warehouse.forgetting.receipts import Receipt
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring import make_forgetting


class ForgettingForm(dg.Config):
    """The form of `forget_script`; Dagster stores it with the run.

    Therefore it takes ids, which are kept anyway, and no name of an author; for a name
    there is `ig-assets forget --author`.
    """

    scripts: list[str] = Field(
        description="Ids of scripts, beginnings of ids, or names of files."
    )
    reason: str = Field(description="Why; it is in the receipt.")
    requested_by: str = Field(description="Who asks for it.")
    dry_run: bool = Field(
        True, description="Only list what would be touched. Set false to delete."
    )


@dg.op(
    pool="index",
    tags=pod_tags("index"),
    description=(
        "Lists what came of the scripts or, without dry_run, DELETES THEIR WORDS for "
        "good: in the tables, the index and the training files. Models that learnt "
        "from them are tainted. A run that was interrupted is finished first."
    ),
)
def delete_words(
    context: dg.OpExecutionContext,
    config: ForgettingForm,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
    index: dg.ResourceParam[VectorIndex],
) -> None:
    """List what would be deleted or, without `dry_run`, delete it.

    The step's metadata has ids and counts of what was found, but no words.
    """
    work = make_forgetting(settings, clock, warehouse, index)
    with plain_failures():
        if not config.dry_run:
            for earlier in resume(work):
                context.log.info(f"Finished an earlier request: {_named(earlier)}.")
        with warehouse.transaction() as con:
            named = named_scripts(con, config.scripts, "", script_named)
        plan = plan_forgetting(work, named)
        found: dict[str, Any] = {"plan": dg.MetadataValue.json(plan.as_json())}
        if config.dry_run:
            context.log.info("Nothing was deleted; set dry_run to false for that.")
        elif receipt := forget(work, named, config.reason, config.requested_by):
            steps = receipt.again or receipt.fields["steps"]
            found |= {
                "receipt": _named(receipt),
                "steps": dg.MetadataValue.json(steps),
                "not_undone": dg.MetadataValue.json(receipt.fields["not_undone"]),
            }
            if left := steps["search"].get("places"):
                raise dg.Failure(
                    description=(
                        "Words of the script are left in "
                        f"{', '.join(left)}; remove them there, then run "
                        "`ig-assets forget --resume`. All else is done."
                    ),
                    metadata=found,
                    allow_retries=False,
                )
        else:
            context.log.info("All of these scripts are forgotten already.")
    context.add_output_metadata(found)


def _named(receipt: Receipt) -> str:
    return f"receipt {receipt.number} ({receipt.request_id})"


@dg.config_mapping
def forgetting_form(form: ForgettingForm) -> dict[str, Any]:
    """Convert the flat form into the op's nested configuration."""
    return {"ops": {"delete_words": {"config": form.model_dump()}}}


@dg.job(
    config=forgetting_form,
    description=(
        "Deletes a script's words wherever they went, and writes a receipt. Fill in "
        "the form in the Launchpad; with `dry_run` it only lists what it would touch."
    ),
)
def forget_script() -> None:
    """Forget scripts on request."""
    delete_words()
