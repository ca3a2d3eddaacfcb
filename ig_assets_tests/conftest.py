"""Keeps the tests away from the settings, keys and data of the machine they run on."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ig_assets.settings import Settings
from ig_assets_tests.loop.turned import killed_loop, killing, loops, turned_loop

__all__ = ["killed_loop", "killing", "loops", "turned_loop"]

_OURS = ("IG_", "OPENAI_", "PINECONE_", "DAGSTER_")


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_this_machine() -> Iterator[None]:
    """Neither the environment nor a `.env` decides what a test sees."""
    kept = {name: os.environ.pop(name) for name in _names()}
    env_file = Settings.model_config["env_file"]
    Settings.model_config["env_file"] = None
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
    yield
    for name in _names():
        del os.environ[name]
    os.environ.update(kept)
    Settings.model_config["env_file"] = env_file


def _names() -> list[str]:
    return [name for name in os.environ if name.startswith(_OURS)]
