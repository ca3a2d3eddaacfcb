"""The command `ig-assets` and its subcommands."""

from __future__ import annotations

import typer

from ig_assets import __version__
from ig_assets.cli import (
    corpus,
    costs,
    experiments,
    fine_tuning,
    generate,
    lineage,
    loop,
    posts,
    split,
    sync,
)

app = typer.Typer(
    name="ig-assets",
    help=(
        "Instagram Reels scripts that get better every month, with proof.\n\n"
        "Example: `ig-assets loop --months 2`, then `make dev` to see it in the UI."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
)

app.command("loop")(loop.loop)
app.command("sync")(sync.sync)
app.command("import-history")(corpus.import_history_command)
app.command("search")(corpus.search)
app.command("generate")(generate.generate)
app.command("experiments")(experiments.experiments)
app.command("costs")(costs.costs)
app.command("models")(fine_tuning.models)
app.command("lineage")(lineage.lineage)
app.add_typer(fine_tuning.app, name="fine-tune")
app.add_typer(posts.app, name="posts")
app.add_typer(split.app, name="split")


def _version(show: bool) -> None:
    if show:
        typer.echo(f"ig-assets {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Settings come from the environment and `.env`; see `.env.example`."""
