"""`ig-assets accept`: a person accepts a held winner, or takes the acceptance back."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from ig_assets.cli.output import AsJson, SaidBy, console, plain_errors, print_json
from ig_assets.core.experiments.decisions.acceptance import accept_winner
from ig_assets.core.experiments.reports.lookup import experiment_named
from ig_assets.settings import load_settings
from ig_assets.wiring import Services


@plain_errors
def accept(
    experiment: Annotated[
        str,
        typer.Argument(help="Its id, the beginning of it, or an imported test's name."),
    ],
    reason: Annotated[str, typer.Option(help="Why the winner can be trusted.")],
    undo: Annotated[
        bool, typer.Option("--undo", help="Take it back: hold the winner again.")
    ] = False,
    by: SaidBy = "",
    as_json: AsJson = False,
) -> None:
    """Accept a held winner, so that corpus, search and training use it.

    Example: `ig-assets accept 4f2a91 --reason "one arm was capped on purpose"`
    """
    services = Services(load_settings())
    with services.warehouse.transaction() as con:
        experiment_id = experiment_named(con, experiment)
    row = accept_winner(
        services.warehouse,
        services.clock,
        experiment_id,
        reason=reason,
        changed_by=by or getpass.getuser(),
        undo=undo,
    )
    if as_json:
        print_json(row)
        return
    said = "is accepted" if row["is_accepted"] else "is held again"
    console.print(
        f"The winner {row['winner_arm']} of experiment {row['experiment_id']} {said}. "
        "`ig-assets sync` brings the corpus and its index up to date."
    )
