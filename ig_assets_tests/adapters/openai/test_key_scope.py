"""What an OpenAI key is and reaches, asked of the stand-in with the real SDK."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ig_assets.adapters.openai.client import Endpoint, LazyClient
from ig_assets.adapters.openai.embedder import OpenAIEmbedder
from ig_assets.adapters.openai.key_scope import (
    answer_findings,
    clock_finding,
    kind_finding,
)
from ig_assets.core.operations.diagnosis import Finding, State
from ig_assets.errors import AccessError
from ig_assets_tests.stand_ins.openai_server import (
    EMBEDDINGS,
    MODELS,
    Fault,
    OpenAIStandIn,
)

KEY, ADMIN = "sk-proj-never-to-be-seen", "sk-admin-never-to-be-seen"


@pytest.fixture
def server() -> Iterator[OpenAIStandIn]:
    with OpenAIStandIn() as stand_in:
        yield stand_in


def ask(
    server: OpenAIStandIn, admin_key: str | None = None, project: str = ""
) -> dict[str, Finding]:
    headers = {"openai-project": project} if project else {}
    server.fail(Fault(headers=headers), path=MODELS)
    client = LazyClient(Endpoint(server.base_url, KEY), 5.0, None, None)
    found = answer_findings(client, datetime.now(UTC).replace(tzinfo=None), admin_key)
    assert not any(KEY in str(f) or ADMIN in str(f) for f in found)
    return {finding.subject: finding for finding in found}


@pytest.mark.parametrize(
    ("key", "state"),
    [
        ("sk-proj-abc", State.GOOD),
        ("sk-svcacct-abc", State.GOOD),
        ("sk-abc", State.WARNING),
        ("sk-admin-abc", State.FAILED),
    ],
)
def test_the_form_of_a_key_says_whether_it_is_of_one_project(
    key: str, state: State
) -> None:
    found = kind_finding(key)
    assert found.state is state and bool(found.to_do) is (state is not State.GOOD)


def test_a_server_that_takes_the_key_is_good_and_its_clock_is_compared(
    server: OpenAIStandIn,
) -> None:
    found = ask(server)
    assert found["OpenAI server"].state is State.GOOD
    assert found["clock"].state is State.GOOD
    assert server.requests == {MODELS: 1}, "nothing that costs is sent"


@pytest.mark.parametrize(
    ("fault", "state", "seen"),
    [
        (Fault(401, "invalid_api_key"), State.FAILED, "key is not accepted"),
        (Fault(500), State.FAILED, "answered 500"),
        (Fault(404), State.NOT_KNOWN, "does not list its models"),
    ],
)
def test_what_a_server_refuses_is_named(
    server: OpenAIStandIn, fault: Fault, state: State, seen: str
) -> None:
    server.fail(fault, path=MODELS)
    found = ask(server)["OpenAI server"]
    assert found.state is state and seen in found.seen


@pytest.mark.parametrize(
    ("admin_key", "cents", "state", "seen"),
    [
        (None, 5000, State.NOT_KNOWN, "to admin keys alone"),
        (ADMIN, 5000, State.GOOD, "USD 50.00 a month"),
        (ADMIN, None, State.WARNING, "has none"),
    ],
)
def test_the_spend_limit_of_the_keys_project_is_read_with_an_admin_key(
    server: OpenAIStandIn,
    admin_key: str | None,
    cents: int | None,
    state: State,
    seen: str,
) -> None:
    if cents is not None:
        server.spend_limits["proj_1"] = cents
    found = ask(server, admin_key, project="proj_1")["OpenAI spend limit"]
    assert found.state is state and seen in found.seen
    assert (ADMIN in server.keys) is (admin_key is not None)


def test_a_clock_that_is_minutes_off_fails() -> None:
    date = "Sun, 29 Nov 2026 12:00:00 GMT"
    now = datetime(2026, 11, 29, 12)
    for seconds, state in ((-119, State.GOOD), (121, State.FAILED)):
        found = clock_finding(date, now + timedelta(seconds=seconds))
        assert found is not None and found.state is state
    assert clock_finding(None, now) is clock_finding("yesterday", now) is None


# ── the overlap of two keys ───────────────────────────────────────────────────


def test_a_revoked_key_is_followed_by_the_next_without_a_failed_call(
    server: OpenAIStandIn,
) -> None:
    embedder = OpenAIEmbedder(
        api_key="sk-old", next_key="sk-new", dimensions=8, base_url=server.base_url
    )
    embedder.embed(["one"])
    assert server.keys == {"sk-old"}, "the next key waits"
    server.revoked.add("sk-old")
    assert embedder.embed(["two"]).vectors.shape == (1, 8)
    assert server.requests[EMBEDDINGS] == 3, "one was refused, and repeated"
    server.keys.clear()
    embedder.embed(["three"])
    assert server.keys == {"sk-new"}, "a revoked key is not tried each time"
    server.revoked = {"sk-new"}
    embedder.embed(["four"])
    server.revoked = {"sk-old", "sk-new"}
    with pytest.raises(AccessError, match="key is not accepted"):
        embedder.embed(["five"])
