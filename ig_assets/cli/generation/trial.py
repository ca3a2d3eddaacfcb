"""`ig-assets generate --try`: writes texts for a topic without keeping them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import typer

from ig_assets.cli.output import (
    FAILED,
    INTERRUPTED,
    console,
    escaped,
    print_json,
    print_table,
)
from ig_assets.core.costs.ledger.ledger import RunRef
from ig_assets.errors import InputError
from ig_assets.wiring import Services
from ig_assets.wiring.services import make_generation_context

if TYPE_CHECKING:
    from ig_assets.core.generation.trial import Tried
    from ig_assets.core.generation.writing.arms import Topic


def try_out(
    services: Services,
    month: str,
    values: Mapping[str, str],
    arms: int,
    as_json: bool,
) -> None:
    """Write texts, measure them at the gates and print them.

    Only the calls are recorded. Exits with 1 if every text would be rejected.
    """
    from ig_assets.core.generation.trial import cost_of, try_topic

    topic = _topic(services, month, values, arms)
    run = RunRef(f"try-{uuid.uuid4().hex[:8]}", "generate_try")
    context = make_generation_context(
        services.settings,
        services.clock,
        services.warehouse,
        services.ledger,
        services.embedder,
        services.index,
        services.writer,
    )
    try:
        with console.status(f"writing about {topic.topic!r}"):
            tried = try_topic(context, topic, arms, run)
    except KeyboardInterrupt:
        console.print("Stopped. The calls are recorded, and no text was kept.")
        raise typer.Exit(INTERRUPTED) from None
    with services.warehouse.transaction() as con:
        calls, usd = cost_of(con, run.run_id)
    if as_json:
        print_json(
            {
                "run_id": run.run_id,
                "topic": topic.topic,
                "brief": topic.brief,
                "texts": [asdict(one) for one in tried],
                "calls": calls,
                "cost_usd": usd,
            }
        )
    else:
        for one in tried:
            _print(one)
        price = "at an unknown price" if usd is None else f"USD {usd:.4f}"
        console.print(
            f"\n{calls} calls, {price} (`ig-assets costs` has them). Nothing else was "
            "kept: no draft, no variant, no post."
        )
    if all(one.rejection for one in tried):
        raise typer.Exit(FAILED)


def _topic(
    services: Services, month: str, values: Mapping[str, str], arms: int
) -> Topic:
    """Return the topic to try: a planned one, the one typed, or the month's first.

    Values that were typed replace those of a planned topic. Raises InputError if no
    topic is named and the month has none.
    """
    from ig_assets.core.generation.trial import topic_to_try, typed_topic
    from ig_assets.core.generation.writing.arms import planned_topics

    with services.warehouse.transaction() as con:
        planned = planned_topics(con, month)
    known = topic_to_try(planned, values["topic"])
    if known is not None:
        given: dict[str, Any] = {name: text for name, text in values.items() if text}
        return replace(known, **given)
    if not values["topic"].strip():
        raise InputError(
            f"{month} has no planned topic yet; name one: `ig-assets generate --try "
            '--topic "sharp knives" --brief "…"`.'
        )
    return typed_topic(services.clock, month, values, arms)


def _print(one: Tried) -> None:
    console.rule(f"{one.arm}: {one.hook_style}", align="left")
    if one.rejection:
        console.print(f"[yellow]would be rejected[/yellow]: {escaped(one.rejection)}")
    for place, text in enumerate((one.hook, *one.beats, one.call_to_action)):
        console.print(text, markup=False)
        if one.shots and 0 < place <= len(one.shots):
            console.print(f"    [{one.shots[place - 1]}]", style="dim", markup=False)
    on_screen = one.on_screen_text or "none"
    console.print(f"on screen: {on_screen}", style="dim", markup=False)
    rows = [
        {
            "gate": figure.gate.replace("_", " "),
            "figure": figure.figure,
            "at least": figure.at_least,
            "at most": figure.at_most,
            "passed": figure.passed,
        }
        for figure in one.figures
        if figure.figure is not None
    ]
    if rows:
        print_table(rows, list(rows[0]))
    if one.grounded_in:
        names = ", ".join(one.grounded_in)
        console.print(f"grounded in: {names}", style="dim", markup=False)
