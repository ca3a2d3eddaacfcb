"""`ig-assets generate`: variants of one topic, now, as a Dagster run."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ig_assets.cli.jobs import run_job
from ig_assets.cli.output import (
    FAILED,
    AsJson,
    console,
    escaped,
    plain_errors,
    print_json,
)
from ig_assets.cli.retry_rejected import retry
from ig_assets.core.generation.overview import variants_of_topic
from ig_assets.core.generation.topics.on_demand import check_topic
from ig_assets.core.models.registry import active_model
from ig_assets.settings import load_settings
from ig_assets.wiring import Services, base_model


@plain_errors
def generate(
    topic: Annotated[str, typer.Argument(help="What the script is about.")] = "",
    variants: Annotated[int, typer.Option(help="How many to write: 2 or 3.")] = 3,
    brief: Annotated[str, typer.Option(help="What must be said.")] = "",
    audience: Annotated[str, typer.Option(help="Who watches.")] = "",
    language: Annotated[
        str, typer.Option(help="Language code. [default: en]", show_default=False)
    ] = "",
    brand_voice: Annotated[
        str, typer.Option("--voice", help="How it should sound.")
    ] = "",
    month: Annotated[
        str | None, typer.Option(help="An open month, YYYY-MM. [default: the present]")
    ] = None,
    retry_rejected: Annotated[
        bool,
        typer.Option(
            "--retry-rejected",
            help="Instead: try rejected variants once more, of TOPIC or the month.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write variants of a topic; those that it has already are kept.

    They belong to the month's plan from then on: they are posted and compared as the
    calendar's are.

    Example: `ig-assets generate "sharp knives" --variants 3`

    Example: `ig-assets generate --retry-rejected --month 2026-05`
    """
    house = Services(load_settings())
    where = month or house.clock.now().strftime("%Y-%m")
    if retry_rejected:
        retry(house, where, topic, as_json)
        return
    values = {
        "topic": topic,
        "brief": brief,
        "audience": audience,
        "language": language,
        "brand_voice": brand_voice,
    }
    # Also in the run, but what is wrong with the request is best said at once. The run
    # plans the topic: where another command is at work nothing has been planned.
    topic_id = check_topic(house.warehouse, house.clock, where, values, variants)
    form = {**values, "variants": variants, "month": where}
    run_id = run_job(house, "generate_topic", form, topic, as_json)
    with house.warehouse.transaction() as con:
        rows = variants_of_topic(con, where, topic_id)
    if as_json:
        print_json({"run_id": run_id, "topic_id": topic_id, "variants": rows})
        return
    for row in rows:
        _print_variant(row)
    costs = [row["cost_usd"] for row in rows]
    cost = "at a price nobody knows" if None in costs else f"USD {sum(costs):.4f}"
    stand = [row for row in rows if not row["rejection"]]
    rejected = f" ({len(rows) - len(stand)} rejected)" if len(stand) < len(rows) else ""
    next_ = (
        "Look at their posts with `ig-assets posts list` once the plan is made."
        if stand
        else "None can be posted; the reasons are above."
    )
    console.print(f"\n{len(stand)} variants of {where}{rejected}, {cost}. {next_}")
    _say_who_wrote(house)
    if not stand:
        raise typer.Exit(FAILED)


def _say_who_wrote(house: Services) -> None:
    """The settings name the first model; which one writes is decided by evidence."""
    asked = base_model(house.settings)
    with house.warehouse.transaction() as con:
        active = active_model(con)
    is_other = (active.provider, active.name) != (asked.provider, asked.name)
    if is_other and active.job_id is None:
        console.print(
            f"[yellow]{active.name} wrote these[/yellow]: it is the active model, and "
            f"the settings' {asked.name} is not. To change that: `ig-assets models`, "
            "then `ig-assets models --promote ID --reason …`."
        )


def _print_variant(row: dict[str, Any]) -> None:
    console.rule(f"{row['arm']}: {row['hook_style']}", align="left")
    if row["rejection"]:
        console.print(f"[yellow]rejected[/yellow]: {escaped(row['rejection'])}")
    for part in ("hook", "body", "call_to_action"):
        if row[part]:
            console.print(row[part], markup=False)
    figures = [
        f"{name} {value:.2f}"
        for name, value in (
            ("novelty", row["novelty"]),
            ("likeness to siblings", row["sibling_similarity"]),
        )
        if value is not None
    ]
    if row["estimated_seconds"] is not None:
        figures.insert(0, f"about {row['estimated_seconds']:.0f} s")
    if row["on_screen_text"]:
        figures.insert(0, f"on screen: {row['on_screen_text']}")
    if figures:
        console.print(", ".join(figures), style="dim", markup=False)
