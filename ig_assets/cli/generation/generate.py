"""`ig-assets generate`: writes variants of one topic now, as a Dagster run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ig_assets.cli.generation.hook_order import in_order, print_order
from ig_assets.cli.generation.jobs import run_job
from ig_assets.cli.generation.retry_rejected import retry
from ig_assets.cli.output import (
    FAILED,
    AsJson,
    a_month,
    console,
    errors,
    escaped,
    plain_errors,
    print_json,
)
from ig_assets.cli.unfinished import warn_of_unfinished
from ig_assets.core.generation.overview import TopicVariant, variants_of_topic
from ig_assets.core.generation.topics.on_demand import check_topic
from ig_assets.core.models.registry import active_model, current_ranker
from ig_assets.errors import IgAssetsError, InputError
from ig_assets.settings import load_settings
from ig_assets.wiring import Services, base_model

if TYPE_CHECKING:  # its module needs scipy, which takes 0.3 s
    from ig_assets.core.models.ranker.scoring import OrderedHooks


@plain_errors
def generate(
    topic: Annotated[str, typer.Argument(help="What the script is about.")] = "",
    named: Annotated[
        str, typer.Option("--topic", "-t", help="The same as TOPIC.")
    ] = "",
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
        str | None,
        typer.Option(
            callback=a_month, help="An open month, YYYY-MM. [default: the present]"
        ),
    ] = None,
    retry_rejected: Annotated[
        bool,
        typer.Option(
            "--retry-rejected",
            help="Instead: write rejected variants once more, of TOPIC or the month.",
        ),
    ] = False,
    on_trial: Annotated[
        bool,
        typer.Option(
            "--try",
            help="Instead: show texts with their gates and cost, and keep none. "
            "Without TOPIC: of the month's first topic.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write variants of a topic; variants that it has already are kept.

    The topic becomes part of the month's plan: its variants are posted and compared
    like those of the calendar.

    Example: `ig-assets generate "sharp knives" --variants 3`

    Example: `ig-assets generate --try --topic "sharp knives" --brief "on a mug"`

    Example: `ig-assets generate --retry-rejected --month 2026-05`
    """
    if topic and named and topic != named:
        raise InputError("Name one topic, as TOPIC or with --topic.")
    if on_trial and retry_rejected:
        raise InputError("Ask for --try or for --retry-rejected, not for both.")
    topic = topic or named
    services = Services(load_settings())
    warn_of_unfinished(services.warehouse)
    where = month or services.clock.now().strftime("%Y-%m")
    if retry_rejected:
        retry(services, where, topic, as_json)
        return
    values = {
        "topic": topic,
        "brief": brief,
        "audience": audience,
        "language": language,
        "brand_voice": brand_voice,
    }
    if on_trial:
        from ig_assets.cli.generation.trial import try_out

        try_out(services, where, values, variants, as_json)
        return
    # The run checks it too, but an error is best reported at once. Nothing is written
    # here, so that nothing is planned where another run has the warehouse.
    topic_id = check_topic(services.warehouse, services.clock, where, values, variants)
    form = {**values, "variants": variants, "month": where}
    run_id = run_job(services, "generate_topic", form, topic, as_json)
    with services.warehouse.transaction() as con:
        rows = variants_of_topic(con, where, topic_id)
    order = _order_of(services, rows)
    if as_json:
        answer = {"run_id": run_id, "topic_id": topic_id, "variants": rows}
        print_json(answer | ({} if order is None else {"ranker": asdict(order)}))
        return
    for row in rows if order is None else in_order(rows, order):
        _print_variant(row)
    if order is not None:
        console.print()
        print_order(order)
    known = [row["cost_usd"] for row in rows if row["cost_usd"] is not None]
    cost = f"USD {sum(known):.4f}" if len(known) == len(rows) else "at an unknown price"
    passed = [row for row in rows if not row["rejection"]]
    failed = len(rows) - len(passed)
    rejected = f" ({failed} rejected)" if failed else ""
    next_ = (
        "List their posts with `ig-assets posts list` once they are planned."
        if passed
        else "None can be posted; the reasons are above."
    )
    console.print(f"\n{len(passed)} variants of {where}{rejected}, {cost}. {next_}")
    _print_writer(services)
    if not passed:
        raise typer.Exit(FAILED)


def _order_of(services: Services, rows: Sequence[TopicVariant]) -> OrderedHooks | None:
    """Return how the ranker orders the variants; None if it cannot order them."""
    with services.warehouse.transaction() as con:
        if current_ranker(con) is None:
            return None
    hooks = [row["hook"] for row in rows if row["hook"] and not row["rejection"]]
    if len(set(hooks)) < 2:
        return None
    from ig_assets.core.models.ranker.scoring import order_hooks  # scipy: 0.3 s

    try:
        return order_hooks(
            services.warehouse, services.clock, services.hook_encoder, hooks
        )
    except IgAssetsError as error:
        # The variants are written and paid for; their order is not worth a failure.
        errors.print(f"[yellow]Not ordered:[/yellow] {escaped(str(error))}")
        return None


def _print_writer(services: Services) -> None:
    """Print a notice if the model that wrote is not the one in the settings."""
    asked = base_model(services.settings)
    with services.warehouse.transaction() as con:
        active = active_model(con)
    is_other = (active.provider, active.name) != (asked.provider, asked.name)
    if is_other and active.job_id is None:
        console.print(
            f"[yellow]{active.name} wrote these[/yellow]: it is the active model, and "
            f"the settings' {asked.name} is not. To change that: `ig-assets models`, "
            "then `ig-assets models promote ID --reason …`."
        )


def _print_variant(row: TopicVariant) -> None:
    console.rule(f"{row['arm']}: {row['hook_style']}", align="left")
    if row["rejection"]:
        console.print(f"[yellow]rejected[/yellow]: {escaped(row['rejection'])}")
    for text in (row["hook"], row["body"], row["call_to_action"]):
        if text:
            console.print(text, markup=False)
    figures = [
        f"{name} {value:.2f}"
        for name, value in (
            ("novelty", row["novelty"]),
            ("similarity to siblings", row["sibling_similarity"]),
        )
        if value is not None
    ]
    if row["estimated_seconds"] is not None:
        figures.insert(0, f"about {row['estimated_seconds']:.0f} s")
    if row["on_screen_text"]:
        figures.insert(0, f"on screen: {row['on_screen_text']}")
    if figures:
        console.print(", ".join(figures), style="dim", markup=False)
