"""`ig-assets generate --retry-rejected`: writes rejected variants once more."""

from __future__ import annotations

import typer

from ig_assets.cli.generation.jobs import run_job
from ig_assets.cli.output import FAILED, console, print_json, print_table
from ig_assets.core.costs.usage import usage_of_run
from ig_assets.core.generation.topics.on_demand import known_topic
from ig_assets.core.generation.writing.rejected_arms import RetryStatus, retry_status
from ig_assets.wiring import Services

_STEPS = ("script_drafts", "script_variants")


def retry(services: Services, month: str, topic: str, as_json: bool) -> None:
    """Write a month's rejected variants once more and print the result.

    `topic` limits this to one topic; '' means all. Exits with 1 if one is still
    rejected.
    """
    topic_id = known_topic(services.warehouse, services.clock, month, topic)
    before, run_id, cost_usd = _status(services, month, topic_id), None, 0.0
    if len(before.rejected) > before.left_alone:
        form: dict[str, object] = {"month": month, "topic": topic}
        run_id = run_job(services, "retry_rejected", form, "rejected variants", as_json)
        cost_usd = _cost_usd(services, run_id)
    after = _status(services, month, topic_id)
    if as_json:
        report = {"run_id": run_id, "cost_usd": cost_usd}
        print_json(report | {"before": before, "after": after})
    else:
        _print_result(month, before, after, cost_usd)
    if len(after.rejected) > after.left_alone:
        raise typer.Exit(FAILED)


def _print_result(
    month: str, before: RetryStatus, after: RetryStatus, cost_usd: float
) -> None:
    if not before.rejected:
        console.print(f"No variant of {month} is rejected; nothing was written.")
        return
    if after.rejected:
        columns = ["topic", "arm", "tries", "rejection"]
        print_table(after.rejected, columns, "Still rejected")
    tried = len(before.rejected) - before.left_alone
    passed = after.accepted - before.accepted
    console.print(
        f"{tried} rejected variants of {month} were written once more for USD "
        f"{cost_usd:.4f}: {passed} passed, {tried - passed} are still rejected. In all "
        f"{after.accepted} of {after.arms} arms have a variant."
    )
    if before.left_alone:
        console.print(
            f"{before.left_alone} more were left alone: their topics are posted or "
            "planned already, and another arm would come too late."
        )
    if tried > passed:
        console.print(
            "The reasons are above; the rejected texts stay as rows. Run it again, or "
            "change the topic's brief first."
        )


def _status(services: Services, month: str, topic_id: str | None) -> RetryStatus:
    with services.warehouse.transaction() as con:
        return retry_status(con, month, topic_id)


def _cost_usd(services: Services, run_id: str) -> float:
    with services.warehouse.transaction() as con:
        used = [usage_of_run(con, run_id, asset) for asset in _STEPS]
    return sum(float(step["run_cost_usd"]) for step in used)
