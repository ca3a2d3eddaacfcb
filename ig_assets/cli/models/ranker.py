"""`ig-assets ranker`: fits a ranker to past experiments, and scores hooks with it."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import typer

from ig_assets.cli.generation.hook_order import print_order
from ig_assets.cli.output import (
    AsJson,
    console,
    escaped,
    plain_errors,
    print_json,
    print_table,
)
from ig_assets.cli.unfinished import warn_of_unfinished
from ig_assets.core.fine_tuning.ranker.calibration import (
    calibration,
    series_of_model,
)
from ig_assets.core.fine_tuning.ranker.fit import (
    RankerFit,
    fit_ranker,
    roll_back_ranker,
)
from ig_assets.core.fine_tuning.ranker.lift import choice_lift, lift_row
from ig_assets.core.models.ranker.scoring import HookScore, Voice, order_hooks
from ig_assets.core.models.ranker.states import MIN_GROUPS, counted
from ig_assets.core.models.registry import current_ranker
from ig_assets.errors import InputError
from ig_assets.settings import load_settings
from ig_assets.wiring import Services

app = typer.Typer(
    help="Which hook will do best, learnt from past experiments on this machine.",
    no_args_is_help=True,
)


@app.command()
@plain_errors
def fit(as_json: AsJson = False) -> None:
    """Fit a ranker to all experiments so far, decided or not; costs nothing.

    Example: `ig-assets ranker fit`
    """
    services = Services(load_settings())
    warn_of_unfinished(services.warehouse)
    fitted = fit_ranker(
        services.warehouse,
        services.clock,
        services.hook_encoder,
        # What was looked at in this very second counts too.
        cutoff=services.clock.now() + timedelta(seconds=1),
        with_ads=services.settings.train_on_ads,
    )
    if as_json:
        print_json(asdict(fitted))
        return
    console.print(_in_words(fitted))
    for reason, arms in sorted(fitted.left_out.items()):
        if arms:
            console.print(f"Left out: {counted(arms, 'arm')}, {reason}.")


@app.command()
@plain_errors
def show(as_json: AsJson = False) -> None:
    """Show the ranker in use: its state, its evidence and what it was fitted on.

    Example: `ig-assets ranker show`
    """
    services = Services(load_settings())
    with services.warehouse.transaction() as con:
        model = current_ranker(con)
        lift, found = None, None
        if model is not None:
            simulated = bool((model.artifact or {}).get("simulated"))
            lift = lift_row(choice_lift(con, simulated=simulated))
            found = calibration(con, series_of_model(model))
    if model is None:
        raise InputError(
            "There is no ranker yet; `ig-assets ranker fit` makes one of "
            f"{MIN_GROUPS} comparisons or more."
        )
    if as_json:
        print_json(asdict(model) | {"calibration": found, "chosen_over_random": lift})
        return
    known = dict(model.artifact or {})
    rows: list[dict[str, Any]] = [
        {"what": "model", "value": model.model_id},
        {"what": "state", "value": known["state"]},
        {
            "what": "status",
            "value": f"{model.status} since {model.changed_at:%Y-%m-%d}",
        },
        {"what": "why", "value": model.reason},
        {"what": "comparisons", "value": f"{known['groups']:,}"},
        {"what": "arms", "value": f"{known['arms']:,}"},
        {
            "what": "audience",
            "value": "simulated" if known.get("simulated") else "real",
        },
        {"what": "encoder", "value": model.base_model},
        {"what": "calibration", "value": str(found)},
        {
            "what": "unexplained, sd",
            "value": f"{math.sqrt(known['s2']):.2f} (log scale)",
        },
    ]
    print_table(rows, ["what", "value"])
    if lift is not None and lift["topics"]:
        print_table([lift], list(lift), "Its hooks against one at random")
    else:
        console.print(
            "No month has ended in which it chose hooks (IG_RANKER=choose), so what "
            "its choice is worth is not known."
        )
    console.print(f"What it learnt from: `ig-assets lineage {model.model_id}`.")


@app.command()
@plain_errors
def rollback(
    reason: Annotated[str, typer.Option(help="Why.")],
    as_json: AsJson = False,
) -> None:
    """Go back to the last proven ranker; new evidence makes another one later.

    Example: `ig-assets ranker rollback --reason "it likes shouting"`
    """
    services = Services(load_settings())
    model = roll_back_ranker(services.warehouse, services.clock, reason)
    if as_json:
        print_json(model)
        return
    console.print(f"{model.model_id} is {model.status} ({escaped(model.reason)}).")


@app.command()
@plain_errors
def score(
    texts: Annotated[list[str], typer.Argument(help="Hooks, each in quotes.")],
    as_json: AsJson = False,
) -> None:
    """Score hooks: the expected lift with its 90 % interval, and what speaks for it.

    Several hooks are compared with their mean, a single one with an average past hook.

    Example: `ig-assets ranker score "Stop salting your pasta" "3 salt mistakes"`
    """
    services = Services(load_settings())
    order = order_hooks(
        services.warehouse, services.clock, services.hook_encoder, texts
    )
    if as_json:
        print_json(asdict(order))
        return
    print_order(order)
    for found in order.scores:
        _print_voices(found)


def _print_voices(found: HookScore) -> None:
    sides = (("for", found.voices_for), ("against", found.voices_against))
    rows = [_row(side, voice) for side, voices in sides for voice in voices]
    if rows:
        columns = ["speaks", "by", "being", "past hook", "its own lift", "experiment"]
        print_table(rows, columns, found.hook)


def _row(side: str, voice: Voice) -> dict[str, str]:
    return {
        "speaks": side,
        "by": f"{math.expm1(voice.adds):+.2%}",
        "being": "like it" if voice.is_like else "unlike it",
        "past hook": voice.hook.hook,
        "its own lift": f"{voice.lift:+.0%}",
        "experiment": voice.hook.arms[0].experiment_id,
    }


def _in_words(fitted: RankerFit) -> str:
    if fitted.model is None:
        return (
            f"Insufficient: {counted(fitted.groups, 'comparison')} (two hooks or more "
            f"of one experiment beside one image), {fitted.missing} more are needed. "
            "Nothing was registered."
            + "".join(f" {one} is not used any more." for one in fitted.retired)
        )
    of = " of a simulated audience" if fitted.simulated else ""
    return escaped(
        f"{fitted.model.model_id} is {fitted.model.status}, fitted on {fitted.arms:,} "
        f"arms in {fitted.groups:,} comparisons{of} ({fitted.model.reason})."
    )
