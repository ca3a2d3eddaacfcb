"""The permissions of a token beside those that are used."""

from __future__ import annotations

import pytest

from ig_assets.adapters.instagram.client import GraphClient
from ig_assets.adapters.instagram.permissions import READING, permission_findings
from ig_assets.core.operations.diagnosis import State
from ig_assets_tests.adapters.instagram.graph_factory import GraphFactory
from ig_assets_tests.stand_ins.graph_server import SECRET, TOKEN, error


@pytest.mark.parametrize(
    ("scopes", "publishes", "state", "seen"),
    [
        (READING | {"public_profile"}, False, State.GOOD, "4 permissions"),
        (READING, True, State.FAILED, "lacks instagram_content_publish"),
        (READING | {"ads_management"}, False, State.WARNING, "more than is used"),
    ],
)
def test_what_a_token_lacks_fails_and_what_is_not_used_is_warned_of(
    world: GraphFactory,
    scopes: frozenset[str],
    publishes: bool,
    state: State,
    seen: str,
) -> None:
    world.server.fail("debug_token", (200, {"data": {"scopes": sorted(scopes)}}))
    client = GraphClient(lambda: TOKEN, SECRET, world.server.url)
    [found] = permission_findings(client, "EAAB-a-facebook-token", publishes, False)
    assert found.state is state and seen in found.seen
    assert "EAAB" not in str(found)


def test_a_token_that_is_refused_fails_and_one_of_instagram_login_is_not_asked(
    world: GraphFactory,
) -> None:
    client = GraphClient(lambda: TOKEN, SECRET, world.server.url)
    [found] = permission_findings(client, TOKEN, False, False)
    assert found.state is State.NOT_KNOWN
    assert world.server.asked_of("debug_token") == []
    world.server.fail("debug_token", error(190))
    [found] = permission_findings(client, "EAAB", False, False)
    assert found.state is State.FAILED and TOKEN not in str(found)
    assert found.to_do == "Set IG_INSTAGRAM_TOKEN to a valid token."


def test_an_address_where_nobody_answers_is_no_fault_of_the_token() -> None:
    client = GraphClient(
        lambda: TOKEN, SECRET, "http://127.0.0.1:9", sleep=lambda seconds: None
    )
    [found] = permission_findings(client, "EAAB", False, False)
    assert found.state is State.FAILED and "token" not in found.to_do.lower()
    assert "Check the network, IG_INSTAGRAM_URL" in found.to_do
