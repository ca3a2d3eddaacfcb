"""Whether a Pinecone key is kept to our indexes, asked with the real SDK."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ig_assets.adapters.pinecone.client import PineconeAccount, is_own_index
from ig_assets.adapters.pinecone.key_scope import key_findings
from ig_assets.core.operations.diagnosis import State
from ig_assets_tests.stand_ins.pinecone_server import Fault, PineconeServer

KEY = "pc-never-to-be-seen"


@pytest.fixture
def server() -> Iterator[PineconeServer]:
    with PineconeServer() as stand_in:
        yield stand_in


def make(server: PineconeServer, *names: str) -> None:
    for name in names:
        account = PineconeAccount(KEY, index_name=name, control_host=server.url)
        account.writing(8)


@pytest.mark.parametrize(
    ("names", "state", "seen"),
    [
        ([], State.GOOD, "sees 0 indexes"),
        (
            ["ig-scripts", "ig-scripts-16", "ig-assets-8"],
            State.GOOD,
            "all of them ours",
        ),
        (["ig-scripts", "payroll"], State.WARNING, "not ours: payroll."),
    ],
)
def test_a_key_that_reaches_other_indexes_is_warned_of(
    server: PineconeServer, names: list[str], state: State, seen: str
) -> None:
    make(server, *names)
    account = PineconeAccount(KEY, control_host=server.url)
    [found] = key_findings(account, "ig-scripts")
    assert found.state is state and seen in found.seen
    assert ("DataPlaneEditor" in found.to_do) is (state is State.WARNING)
    assert KEY not in str(found)


def test_a_key_that_lists_others_and_may_not_read_them_is_good(
    server: PineconeServer,
) -> None:
    make(server, "payroll")
    server.fail("/describe_index_stats", Fault(status=403))
    account = PineconeAccount(KEY, control_host=server.url)
    [found] = key_findings(account, "ig-scripts")
    assert found.state is State.GOOD and "may read none" in found.seen


@pytest.mark.parametrize(
    ("status", "state"),
    [(401, State.FAILED), (403, State.GOOD), (404, State.GOOD)],
)
def test_a_key_that_may_not_list_is_kept_and_one_that_is_refused_is_named(
    server: PineconeServer, status: int, state: State
) -> None:
    server.fail("/indexes", Fault(status=status))
    account = PineconeAccount(KEY, control_host=server.url)
    [found] = key_findings(account, "ig-scripts")
    assert found.state is state and KEY not in str(found)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("ig-scripts", True),
        ("ig-scripts-384", True),
        ("ig-assets-384", True),
        ("ig-assets", False),
        ("ig-scripts-backup", False),
        ("my-ig-scripts", False),
    ],
)
def test_our_indexes_are_known_by_their_names(name: str, ours: bool) -> None:
    assert is_own_index(name, "ig-scripts") is ours
    assert not is_own_index("ig-assets-384", "reels")
