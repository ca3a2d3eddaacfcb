"""The command line on a data folder with two closed months."""

from __future__ import annotations

import pytest

from ig_assets_tests.cli.shell import Shell
from ig_assets_tests.headless.loop_fixtures import TurnedLoop


@pytest.fixture(scope="session")
def shell(turned_loop: TurnedLoop) -> Shell:
    return Shell(turned_loop.env)
