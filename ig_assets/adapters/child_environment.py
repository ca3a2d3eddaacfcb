"""The environment of child processes, without keys and passwords."""

from __future__ import annotations

import os
import re

_SECRET = re.compile(r"API_KEY|ADMIN_KEY|TOKEN|SECRET|PASSWORD", re.I)


def environment_without_secrets() -> dict[str, str]:
    """Return this process's variables except those whose name suggests a secret."""
    return {n: value for n, value in os.environ.items() if not _SECRET.search(n)}
