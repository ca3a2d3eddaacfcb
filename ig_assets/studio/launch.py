"""Build the command that serves the studio, with its address and restrictions."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from ig_assets.errors import SettingsError

APP = Path(__file__).parent / "entry" / "app.py"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
ASK_NAME = "--ask-name"
"""The app's argument if it is served over the network: the name field begins empty."""

# A flag wins over `.streamlit/config.toml` and over STREAMLIT_… variables.
_FLAGS = {
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "global.developmentMode": "false",
    "runner.magicEnabled": "false",
    "server.enableCORS": "true",
    "server.enableStaticServing": "false",
    "server.enableXsrfProtection": "true",
    "server.fileWatcherType": "none",
    "server.headless": "true",
    "server.maxUploadSize": "1",
}


def check_installed() -> None:
    """Raise SettingsError if the extra `studio` is not installed."""
    if find_spec("streamlit") is None:
        raise SettingsError(
            "The studio needs the extra `studio`, which is not installed; install it "
            'with `pip install "ig-assets[studio]"`.'
        )


def studio_command(host: str, port: int) -> list[str]:
    """Return the command (list of arguments) that serves the studio at an address."""
    flags = _FLAGS | {"server.address": host, "server.port": str(port)}
    if host in LOOPBACK:  # the page is called by this name, and by no other
        flags["browser.serverAddress"] = "localhost" if host == "::1" else host
    given = [part for name in sorted(flags) for part in (f"--{name}", flags[name])]
    own = [] if host in LOOPBACK else [ASK_NAME]
    return [sys.executable, "-m", "streamlit", "run", str(APP), *given, "--", *own]
