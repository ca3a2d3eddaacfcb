"""Dagster's migrations, which each small instance would read from their files anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from alembic.config import Config
from alembic.script import ScriptDirectory


@contextmanager
def migrations_read_once() -> Iterator[None]:
    """Keep what `ScriptDirectory.from_config` returned for a folder."""
    known: dict[str | None, ScriptDirectory] = {}
    read = ScriptDirectory.from_config

    def read_once(config: Config) -> ScriptDirectory:
        location = config.get_main_option("script_location")
        if location not in known:
            known[location] = read(config)
        return known[location]

    with patch.object(ScriptDirectory, "from_config", read_once):
        yield
