"""One stand-in server for these tests, reset for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ig_assets_tests.core.generation.generation_factory import GenerationFactory
from ig_assets_tests.stand_ins.openai_server import OpenAIStandIn


@pytest.fixture(scope="package")
def running_server() -> Iterator[OpenAIStandIn]:
    with OpenAIStandIn() as server:
        yield server


@pytest.fixture
def server(running_server: OpenAIStandIn) -> OpenAIStandIn:
    running_server.forget()
    return running_server


@pytest.fixture
def env(tmp_path: Path, server: OpenAIStandIn) -> GenerationFactory:
    return GenerationFactory(tmp_path, server.base_url)
