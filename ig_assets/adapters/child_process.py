"""Starts child processes that outlive this one, and passes no secrets on to them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_SECRET = re.compile(r"API_KEY|ADMIN_KEY|TOKEN|SECRET|PASSWORD", re.I)


_children: list[subprocess.Popen[bytes]] = []  # kept so that ended ones are reaped


def start_child(
    command: Sequence[str], log: Path, variables: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a process that outlives this one and writes its output into `log`.

    The child gets `variables`, and this process's environment without the variables
    whose names suggest a secret.
    """
    kept = {n: value for n, value in os.environ.items() if not _SECRET.search(n)}
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=kept | {**variables},
            start_new_session=True,
        )
    reap_children()
    _children.append(child)
    return child


def reap_children() -> None:
    """Reap the children that have ended, so that none stays as a zombie."""
    _children[:] = [child for child in _children if child.poll() is None]
