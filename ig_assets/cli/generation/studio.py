"""`ig-assets studio`: pages for people who write, in the browser."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from ig_assets.cli.output import errors, plain_errors
from ig_assets.settings import load_settings
from ig_assets.studio.launch import LOOPBACK, check_installed, studio_command
from ig_assets.wiring import Services


@plain_errors
def studio(
    host: Annotated[
        str, typer.Option(help="The address to listen on; there is no login.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8501,
) -> None:
    """Write, review, and see winners and lineage in the browser.

    Needs the extra `studio`. Ctrl-C ends it; a topic that is being written is finished.

    Example: `ig-assets studio`
    """
    check_installed()
    services = Services(load_settings())
    with services.warehouse.transaction():  # a wrong one is better reported here
        pass
    services.warehouse.close()
    if host not in LOOPBACK:
        errors.print(
            "[yellow]Whoever reaches this address can read the scripts, write at your "
            "cost and approve posts[/yellow]: there is no login. Put a proxy with one "
            "before it (docs/studio.md)."
        )
    shown = f"[{host}]" if ":" in host else host
    errors.print(f"The studio: http://{shown}:{port}", soft_wrap=True, markup=False)
    command = studio_command(host, port)
    os.execv(command[0], command)  # Ctrl-C and SIGTERM are its own from here
