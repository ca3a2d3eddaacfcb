"""`ig-assets db`: the warehouse as an analyst reads it."""

from __future__ import annotations

import typer

from ig_assets.cli.output import plain_errors
from ig_assets.settings import load_settings
from ig_assets.warehouse.comments import views_sql

app = typer.Typer(
    help="Read the warehouse with a DuckDB of your own.", no_args_is_help=True
)


@app.callback()
def db() -> None:
    """Keep `views` a subcommand, although it is the only one."""


@app.command()
@plain_errors
def views() -> None:
    """Print the named views (`latest_decisions`, `current_scripts`, …) as SQL.

    They are not stored in the warehouse. Each line of comment says what a row is. The
    SQL attaches a warehouse file for reading; while your client has it open, ig-assets
    waits for it, so close the client when you are done.

    Example: `ig-assets db views > views.sql`, then `duckdb -init views.sql` and
    `SELECT * FROM latest_decisions;`
    """
    typer.echo(views_sql(load_settings().warehouse_location), nl=False)
