"""List the commands of `ig-assets`, and load each one only when it is asked for.

Loading all of them takes a second. A command that answers from the warehouse needs few
of their modules, and the list of all commands needs none.
"""

from __future__ import annotations

from importlib import import_module

import typer

from ig_assets import __version__

COMMANDS = {
    "init": "operations.init:init",
    "status": "reports.status:status",
    "doctor": "operations.doctor:doctor",
    "loop": "operations.loop:loop",
    "sync": "corpus.sync:sync",
    "import-history": "corpus.import_history:import_history_command",
    "search": "corpus.search:search",
    "generate": "generation.generate:generate",
    "studio": "generation.studio:studio",
    "experiments": "experiments.experiments:experiments",
    "accept": "experiments.accept:accept",
    "costs": "reports.costs:costs",
    "lineage": "reports.lineage:lineage",
    "forget": "operations.forget:forget",
    "models": "models.models:app",
    "ranker": "models.ranker:app",
    "fine-tune": "models.fine_tuning:app",
    "scripts": "generation.texts:scripts",
    "variants": "generation.texts:variants",
    "topics": "generation.texts:topics",
    "posts": "experiments.posts:app",
    "split": "experiments.split:app",
    "db": "operations.db:app",
    "metrics": "reports.metrics:app",
}
"""{command: `module:name` in this package}."""

SUMMARIES = {
    "init": "Make a workspace: sample scripts, calendar, `dagster.yaml`, "
    "`workspace.yaml`.",
    "status": "Say what this data folder holds, what is live, and what waits for you.",
    "doctor": "Look at settings, keys, servers, versions, disk, clock, warehouse and "
    "daemon.",
    "loop": "Run the loop until this data folder has this many closed months.",
    "sync": "Bring scripts, vectors and index up to date, as one Dagster run.",
    "import-history": "Import past posts with their engagement; rows with an "
    "experiment become evidence.",
    "search": "Find the scripts that are nearest in meaning and words.",
    "generate": "Write variants of a topic; variants that it has already are kept.",
    "studio": "Write, review, and see winners and lineage in the browser.",
    "experiments": "List experiments with their verdicts, newest first.",
    "accept": "Accept a held winner, so that corpus, search and training use it.",
    "costs": "Report what was spent, forecast the month's total, and say what would "
    "cost less.",
    "lineage": 'Answer "which scripts fed this fine-tune, and on what evidence?"',
    "forget": "Delete a script's words in tables, index and training files; this is "
    "for good.",
    "models": "List the models with their status; the commands below show and change "
    "them.",
    "ranker": "Which hook will do best, learnt from past experiments on this machine.",
    "fine-tune": "A closed month's training set: prepare it, then submit it.",
    "scripts": "The scripts of the corpus.",
    "variants": "What was written for each topic, and how far it came.",
    "topics": "The topics of each month; withdraw one.",
    "posts": "Look at what would go out, say yes or no to it, or put it in your words.",
    "split": "Show reels that are out as ads to one audience that Meta divides at "
    "random.\nIt costs money: all is made paused, and `start` lets it run.",
    "db": "Read, back up, restore, migrate and move the warehouse.",
    "metrics": "Figures for Prometheus and DataDog, read from the tables.",
}
"""{command: the first sentences of its help}."""


def make_app(only: str | None = None) -> typer.Typer:
    """Return the command line with all commands, or with the command `only`."""
    app = _make_root()
    for name in COMMANDS if only is None else [only]:
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(import_module(f"ig_assets.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def make_list() -> typer.Typer:
    """Return a command line that prints help and errors; its commands do nothing."""
    app = _make_root()
    for name, summary in SUMMARIES.items():
        app.command(name, help=summary)(_unloaded)
    return app


def _unloaded() -> None:
    raise RuntimeError("The list of commands names them and runs none.")


def _make_root() -> typer.Typer:
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
