"""`ig-assets init`: makes a workspace from the starter files."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ig_assets.cli.output import AsJson, console, plain_errors, print_json
from ig_assets.errors import InputError
from ig_assets.workspace import fill

_NEXT = """\
Next:
  cd {folder}
  ig-assets sync           # read the sample scripts (or set IG_LIBRARY to yours)
  ig-assets loop           # run two months with the small local model
  DAGSTER_HOME="$(python -m ig_assets.headless.dagster_home)" dagster dev
For settings, copy .env.example to .env. Run commands in this folder."""


@plain_errors
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="A new or an existing folder.")
    ] = Path("."),
    as_json: AsJson = False,
) -> None:
    """Make a workspace: sample scripts, calendar, `dagster.yaml`, `workspace.yaml`.

    Files that are there already are left alone, so it is safe to run again.

    Example: `ig-assets init reels`, then `cd reels` and `ig-assets sync`.
    """
    try:
        made = fill(folder)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be written to ({error.strerror}); name a "
            "folder of yours: `ig-assets init DIR`."
        ) from None
    if as_json:
        print_json(
            {
                "folder": str(folder.absolute()),
                "written": made.written,
                "kept": made.kept,
            }
        )
        return
    kept = f"; {len(made.kept)} were there already and are unchanged"
    typer.echo(
        f"{folder.absolute()} has {len(made.written)} new files"
        f"{kept if made.kept else ''}."
    )
    console.print(
        _NEXT.format(folder=shlex.quote(str(folder))), markup=False, highlight=False
    )
