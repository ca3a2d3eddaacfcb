"""`ig-assets doctor`: checks the installation and says what to do."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from typing import Annotated

import typer

from ig_assets.cli.output import (
    FAILED,
    AsJson,
    AsSeparated,
    console,
    escaped,
    plain_errors,
    print_data,
)
from ig_assets.core.operations.diagnosis import Finding, State, has_state

_COLOURS = {
    State.GOOD: "green",
    State.NOT_KNOWN: "blue",
    State.WARNING: "yellow",
    State.FAILED: "red",
}


@plain_errors
def doctor(
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 for a warning too.")
    ] = False,
    as_json: AsJson = False,
    separated: AsSeparated = None,
) -> None:
    """Look at settings, keys, servers, versions, disk, clock, warehouse and daemon.

    Each line says what to do. Exits with 1 if a check failed. It sends only free
    requests and prints no key. It stores only the time at which it first saw each key.

    Example: `ig-assets doctor --strict`
    """
    warnings.simplefilter("ignore")  # Dagster's notes on beta interfaces
    from ig_assets.headless.doctor import diagnose

    found = diagnose()
    rows = [asdict(finding) for finding in found]
    if not print_data(rows, as_json, separated):
        for finding in found:
            _print(finding)
    bad = (State.FAILED, State.WARNING) if strict else (State.FAILED,)
    if has_state(found, *bad):
        raise typer.Exit(FAILED)


def _print(finding: Finding) -> None:
    colour = _COLOURS[finding.state]
    console.print(
        f"[{colour}]{finding.state.value:>9}[/{colour}]  "
        f"{escaped(finding.subject)}: {escaped(finding.seen)}",
        highlight=False,
        soft_wrap=True,
    )
    if finding.to_do:
        console.print(
            f"{'':>11}→ {escaped(finding.to_do)}", highlight=False, soft_wrap=True
        )
