"""The commands of `ig-assets`, each loaded when it is asked for.

To load all of them takes a second; a command that answers from the warehouse needs few
of their modules.
"""

from __future__ import annotations

from importlib import import_module

import typer

from ig_assets import __version__

COMMANDS = {
    "init": "init:init",
    "status": "status:status",
    "doctor": "doctor:doctor",
    "loop": "loop:loop",
    "sync": "sync:sync",
    "import-history": "corpus:import_history_command",
    "search": "search:search",
    "generate": "generate:generate",
    "experiments": "experiments:experiments",
    "accept": "accept:accept",
    "costs": "costs:costs",
    "models": "models:app",
    "ranker": "ranker:app",
    "lineage": "lineage:lineage",
    "forget": "forget:forget",
    "fine-tune": "fine_tuning:app",
    "scripts": "texts:scripts",
    "variants": "texts:variants",
    "topics": "texts:topics",
    "posts": "posts:app",
    "split": "split:app",
    "db": "db:app",
    "metrics": "metrics:app",
}
"""Where each command is, as `module:name` in this package."""


def make_app(only: str | None = None) -> typer.Typer:
    """The command line; with `only` (a name of `COMMANDS`) that command alone."""
    app = typer.Typer(
        name="ig-assets",
        help=(
            "Instagram Reels scripts that get better every month, with proof.\n\n"
            "Example: `ig-assets loop --months 2`, then `make dev` to see it in the UI."
        ),
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode="markdown",
        pretty_exceptions_show_locals=False,
    )
    app.callback()(options)
    for name in COMMANDS if only is None else [only]:
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(import_module(f"ig_assets.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _version(show: bool) -> None:
    if show:
        typer.echo(f"ig-assets {__version__}")
        raise typer.Exit


def options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Settings come from the environment and `.env`; see `.env.example`."""
