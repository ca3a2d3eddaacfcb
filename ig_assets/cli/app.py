"""Build the command `ig-assets` with all its subcommands."""

from __future__ import annotations

from ig_assets.cli.commands import make_app

app = make_app()
