"""The stand-ins on Node, each started once a session; skipped where Node is missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ig_assets_tests.stand_ins.node.aimock import Aimock, aimock
from ig_assets_tests.stand_ins.node.openai_contract import Contract, contract
from ig_assets_tests.stand_ins.node.packages import why_missing


@pytest.fixture(scope="session")
def node() -> None:
    reason = why_missing()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def prism(node: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contract]:
    with contract(tmp_path_factory.mktemp("prism")) as running:
        yield running


@pytest.fixture(scope="session")
def running_aimock(
    node: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Aimock]:
    with aimock(tmp_path_factory.mktemp("aimock")) as running:
        yield running


@pytest.fixture
def vendor(running_aimock: Aimock) -> Aimock:
    """aimock with nothing scripted."""
    running_aimock.forget()
    return running_aimock
