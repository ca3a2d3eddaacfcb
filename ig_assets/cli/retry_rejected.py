"""`ig-assets generate --retry-rejected`: rejected variants once more, as a run."""

from __future__ import annotations

import typer

from ig_assets.cli.jobs import run_job
from ig_assets.cli.output import FAILED, console, print_json, print_table
from ig_assets.core.costs.usage import usage_of_run
from ig_assets.core.generation.topics.on_demand import known_topic
from ig_assets.core.generation.writing.rejected_arms import RetryStatus, standing
from ig_assets.wiring import Services

_STEPS = ("script_drafts", "script_variants")


def retry(house: Services, month: str, topic: str, as_json: bool) -> None:
    """Try a month's rejected variants again, and say what stands now.

    Ends with 1 where one of them is still rejected.
    """
    topic_id = known_topic(house.warehouse, house.clock, month, topic)
    before, run_id, cost_usd = _standing(house, month, topic_id), None, 0.0
    if len(before.rejected) > before.left_alone:
        form: dict[str, object] = {"month": month, "topic": topic}
        run_id = run_job(house, "retry_rejected", form, "rejected variants", as_json)
        cost_usd = _cost_usd(house, run_id)
    after = _standing(house, month, topic_id)
    if as_json:
        told = {"run_id": run_id, "cost_usd": cost_usd}
        print_json(told | {"before": before, "after": after})
    else:
        _say(month, before, after, cost_usd)
    if len(after.rejected) > after.left_alone:
        raise typer.Exit(FAILED)


def _say(month: str, before: RetryStatus, after: RetryStatus, cost_usd: float) -> None:
    if not before.rejected:
        console.print(f"No variant of {month} is rejected; nothing was written.")
        return
    if after.rejected:
        columns = ["topic", "arm", "tries", "rejection"]
        print_table(after.rejected, columns, "Still rejected")
    tried = len(before.rejected) - before.left_alone
    now = after.standing - before.standing
    console.print(
        f"{tried} rejected variants of {month} were tried again for USD "
        f"{cost_usd:.4f}: {now} stand now, {tried - now} are still rejected. In all "
        f"{after.standing} of {after.arms} arms stand."
    )
    if before.left_alone:
        console.print(
            f"{before.left_alone} more were left alone: their topics are posted or "
            "planned already, and another arm would come too late."
        )
    if tried > now:
        console.print(
            "The reasons are above; the rejected texts stay as rows. Run it again, or "
            "change the topic's brief first."
        )


def _standing(house: Services, month: str, topic_id: str | None) -> RetryStatus:
    with house.warehouse.transaction() as con:
        return standing(con, month, topic_id)


def _cost_usd(house: Services, run_id: str) -> float:
    with house.warehouse.transaction() as con:
        used = [usage_of_run(con, run_id, asset) for asset in _STEPS]
    return sum(float(step["run_cost_usd"]) for step in used)
