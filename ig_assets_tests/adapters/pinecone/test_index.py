"""Pinecone's SDK against a server that misbehaves: limits, faults, lag, no secret."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pinecone._internal import http_client
from pinecone._internal.bulk import get_registry

from ig_assets.adapters.pinecone.client import PineconeAccount
from ig_assets.adapters.pinecone.index import PineconeIndex
from ig_assets.core.ports import IndexEntry
from ig_assets.errors import (
    AccessError,
    IgAssetsError,
    InputError,
    KeyRefusedError,
    MalformedAnswerError,
    RefusedError,
    SettingsError,
    TransientVendorError,
    VendorError,
)
from ig_assets.settings import load_settings
from ig_assets_tests.stand_ins.pinecone_server import Fault, PineconeServer

SPACE = "model-8"
SECRET = "pc-secret"
UPSERT, QUERY, LIST = "/vectors/upsert", "/query", "/vectors/list"
UPDATE, DELETE, STATS = "/vectors/update", "/vectors/delete", "/describe_index_stats"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PineconeServer]:
    """The SDK waits between its retries and remembers hosts in trouble: not here."""
    monkeypatch.setattr(http_client, "_retry_sleep", lambda seconds: None)
    http_client.get_budget_registry()._reset()
    get_registry()._reset()
    with PineconeServer() as server:
        yield server


class Time:
    """Passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def index(server: PineconeServer, time: Time) -> PineconeIndex:
    return PineconeIndex(
        account_at(server), "scripts", sleep=time.sleep, monotonic=lambda: time.now
    )


def account_at(server: PineconeServer, timeout_s: float = 0.5) -> PineconeAccount:
    return PineconeAccount(SECRET, host=server.url, timeout_s=timeout_s)


def entries(count: int, dimensions: int = 8) -> list[IndexEntry]:
    rows = np.random.default_rng(3).normal(size=(count, dimensions))
    return [IndexEntry(f"s/{n}", rows[n].tolist(), {"n": n}) for n in range(count)]


def stored(server: PineconeServer) -> set[str]:
    return set(server.namespaces[SPACE])


def test_a_batch_stays_within_the_records_and_bytes_of_one_request(
    server: PineconeServer, index: PineconeIndex
) -> None:
    assert index.upsert(SPACE, entries(2500)) == []
    sizes = [len(body["vectors"]) for body in server.bodies(UPSERT)]
    assert max(sizes) == 1000 and sum(sizes) == 2500
    server.asked.clear()
    wide = [
        IndexEntry(e.entry_id, e.vector, {"topic": "ä" * 15_000}) for e in entries(200)
    ]
    assert index.upsert(SPACE, wide) == []
    bodies = server.bodies(UPSERT)
    assert sum(len(body["vectors"]) for body in bodies) == 200
    sent = [len(json.dumps(b, ensure_ascii=False).encode()) for b in bodies]
    assert max(sent) <= 2_000_000 and len(bodies) == 4


def test_wide_vectors_are_sent_short_and_still_unit_vectors(
    server: PineconeServer,
) -> None:
    server.dimensions = 1536
    index = PineconeIndex(PineconeAccount(SECRET, host=server.url), "scripts")
    given = entries(300, 1536)
    assert index.upsert("m-1536", given) == []
    bodies = server.bodies(UPSERT)
    assert max(len(json.dumps(b, separators=(",", ":"))) for b in bodies) <= 2_000_000
    assert len(bodies) == 3
    row = np.array(server.namespaces["m-1536"]["s/7"]["values"])
    true = np.array(given[7].vector) / np.linalg.norm(given[7].vector)
    assert float(row @ true) == pytest.approx(1.0, abs=1e-6)


def test_ids_and_metadata_beyond_the_limits_are_named_and_not_sent(
    server: PineconeServer, index: PineconeIndex
) -> None:
    vector = [1.0] * 8
    long_id, fitting_id = "x" * 513, "y" * 512
    wrong = [
        IndexEntry(long_id, vector, {}),
        IndexEntry("é" * 86, vector, {}),  # six characters each in ASCII
        IndexEntry("heavy", vector, {"topic": "t" * 40_001}),
        IndexEntry("", vector, {}),
    ]
    right = [IndexEntry(fitting_id, vector, {}), IndexEntry("é~/ü", vector, {})]
    assert index.upsert(SPACE, [*wrong, *right]) == [e.entry_id for e in wrong]
    assert all(i.isascii() and len(i) <= 512 for i in stored(server))
    assert sorted(index.list_ids(SPACE)) == sorted([fitting_id, "é~/ü"])


def test_a_poisoned_row_costs_no_other_row(
    server: PineconeServer, index: PineconeIndex, caplog: pytest.LogCaptureFixture
) -> None:
    server.poison = {"s/17", "s/1500"}
    assert index.upsert(SPACE, entries(2000)) == ["s/17", "s/1500"]
    assert len(stored(server)) == 1998
    assert len(server.bodies(UPSERT)) < 60
    assert "did not take 2 entries" in caplog.text and "s/17" not in caplog.text


def test_a_store_that_refuses_every_row_is_not_asked_row_by_row(
    server: PineconeServer, index: PineconeIndex
) -> None:
    server.poison = {f"s/{n}" for n in range(1000)}
    assert len(index.upsert(SPACE, entries(1000))) == 1000
    assert len(server.bodies(UPSERT)) < 140


def test_a_batch_that_meets_trouble_is_named_and_the_others_count(
    server: PineconeServer, index: PineconeIndex
) -> None:
    server.troubled = {"s/1234"}
    assert index.upsert(SPACE, entries(3000)) == [f"s/{n}" for n in range(1000, 2000)]
    assert len(stored(server)) == 2000
    with pytest.raises(TransientVendorError, match="503"):
        index.upsert(SPACE, entries(1235)[1200:])
    server.troubled = set()
    assert index.upsert(SPACE, entries(3000)) == []


def test_the_sdk_repeats_three_times_by_itself(
    server: PineconeServer, index: PineconeIndex
) -> None:
    server.fail(UPSERT, Fault(429, headers={"retry-after": "0"}), times=3)
    server.fail(LIST, Fault(500), times=3)
    assert index.upsert(SPACE, entries(3)) == []
    assert len(list(index.list_ids(SPACE))) == 3


FOR_EVER = 20
FAULTS = {
    "no key": (Fault(401), KeyRefusedError, "PINECONE_API_KEY"),
    "no money": (Fault(402), AccessError, "billing"),
    "no role": (Fault(403), AccessError, "role"),
    "no index": (Fault(404), AccessError, "PINECONE_HOST"),
    "wrong": (Fault(400), RefusedError, r"400 \(FAULT\)"),
    "too large": (Fault(413), RefusedError, "larger"),
    "too many": (
        Fault(429, headers={"retry-after": "7"}),
        TransientVendorError,
        "answered 429",
    ),
    "broken": (Fault(500), TransientVendorError, "answered 500"),
    "away": (Fault(503), TransientVendorError, "answered 503"),
    "silent": (Fault(delay_s=2.0), TransientVendorError, "in time"),
    "cut": (Fault(cut=True), TransientVendorError, "broke the connection"),
    "no json": (Fault(body="{oops"), MalformedAnswerError, "cannot be read"),
    "other json": (Fault(body="[1]"), MalformedAnswerError, "cannot be read"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", [UPSERT, QUERY, LIST, UPDATE])
def test_every_fault_is_one_sentence_of_our_own_without_the_key(
    server: PineconeServer,
    index: PineconeIndex,
    path: str,
    fault: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="ig_assets")
    index.upsert(SPACE, entries(2))
    what, kind, sentence = FAULTS[fault]
    server.fail(path, what, times=FOR_EVER)
    if fault == "silent":  # every request fails here, so none can come too late
        index = PineconeIndex(account_at(server, timeout_s=0.05), "scripts")
    if path in (UPSERT, UPDATE) and kind is RefusedError:
        ids = index.upsert(SPACE, entries(1)) if path == UPSERT else None
        ids = index.update_metadata(SPACE, {"s/0": {}}) if ids is None else ids
        assert ids == ["s/0"]
        return
    if path == UPDATE and fault == "no index":
        assert index.update_metadata(SPACE, {"s/0": {}}) == ["s/0"]
        return
    with pytest.raises(VendorError, match=sentence) as caught:
        {
            UPSERT: lambda: index.upsert(SPACE, entries(1)),
            QUERY: lambda: index.query(SPACE, [1.0] * 8, 3),
            LIST: lambda: list(index.list_ids(SPACE)),
            UPDATE: lambda: index.update_metadata(SPACE, {"s/0": {"n": 1}}),
        }[path]()
    assert type(caught.value) is kind
    assert_plain(caught.value)
    assert SECRET not in caplog.text
    if fault == "too many":
        assert isinstance(caught.value, TransientVendorError)
        assert caught.value.retry_after_s == 7


def assert_plain(error: IgAssetsError) -> None:
    whole = "".join(traceback.format_exception(error))
    assert SECRET not in whole and "pinecone.errors" not in whole
    assert error.__cause__ is None


def test_nothing_listens_at_the_host(server: PineconeServer) -> None:
    gone = PineconeServer()
    with gone:
        pass
    index = PineconeIndex(PineconeAccount(SECRET, host=gone.url), "scripts")
    with pytest.raises(TransientVendorError, match="cannot be reached") as caught:
        index.upsert(SPACE, entries(1))
    assert not caught.value.outcome_unknown
    assert_plain(caught.value)


def test_updates_go_at_most_a_hundred_a_second(
    server: PineconeServer, index: PineconeIndex, time: Time
) -> None:
    index.upsert(SPACE, entries(250))
    changes = {f"s/{n}": {"rate": 0.5} for n in range(250)}
    assert index.update_metadata(SPACE, changes) == []
    assert len(server.bodies(UPDATE)) == 250 and time.slept
    assert not server.bodies(UPSERT)[1:], "no vector is sent"
    kept = server.namespaces[SPACE]["s/7"]["metadata"]
    assert kept == {"n": 7, "rate": 0.5}
    assert time.now >= 250 / 100 - 0.1


def test_a_refused_update_costs_no_other_and_trouble_ends_the_asking(
    server: PineconeServer, index: PineconeIndex
) -> None:
    index.upsert(SPACE, entries(500))
    changes = {f"s/{n}": {"rate": 0.5} for n in range(500)}
    server.poison = {"s/3"}
    assert index.update_metadata(SPACE, changes) == ["s/3"]
    server.poison = set()
    server.asked.clear()
    server.fail(UPDATE, Fault(503), times=1000)
    with pytest.raises(TransientVendorError, match="503"):
        index.update_metadata(SPACE, changes)
    assert len(server.faults[UPDATE]) > 900, "it was left in peace"


def test_a_write_is_waited_for_until_the_log_is_worked_off(
    server: PineconeServer, index: PineconeIndex, time: Time
) -> None:
    index.upsert(SPACE, entries(3))
    server.lag = 4
    index.wait_until_readable(SPACE)
    assert len(server.bodies(QUERY)) == 5 and len(time.slept) == 4
    index.wait_until_readable(SPACE)
    assert len(server.bodies(QUERY)) == 5, "there is nothing left to wait for"


def test_a_store_that_never_catches_up_is_told_in_one_sentence(
    server: PineconeServer, index: PineconeIndex, time: Time
) -> None:
    index.upsert(SPACE, entries(3))
    server.lag = 10**6
    with pytest.raises(TransientVendorError, match="does not show them after 60 s"):
        index.wait_until_readable(SPACE)
    assert 60 <= time.now < 65


def test_deletes_are_waited_for_by_looking_them_up(
    server: PineconeServer, index: PineconeIndex, time: Time
) -> None:
    index.upsert(SPACE, entries(3))
    kept = dict(server.namespaces[SPACE])
    index.delete(SPACE, ["s/0", "s/1"])
    server.namespaces[SPACE] = kept  # an old replica answers

    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        if len(time.slept) == 3:
            del server.namespaces[SPACE]["s/0"], server.namespaces[SPACE]["s/1"]

    index._writes._sleep = sleep
    index.wait_until_readable(SPACE)
    assert len(time.slept) == 3


def test_an_index_by_name_is_made_at_the_first_write_one_a_dimension(
    server: PineconeServer,
) -> None:
    account = PineconeAccount(
        SECRET, index_name="reels", region="eu-west-1", control_host=server.url
    )
    index = PineconeIndex(account, "scripts")
    assert list(index.list_ids(SPACE)) == index.query(SPACE, [1.0] * 8, 3) == []
    index.delete(SPACE, ["x"])
    assert server.indexes == {}, "reading makes nothing"
    assert index.upsert(SPACE, entries(2)) == []
    assert index.upsert("other-16", entries(2, 16)) == []
    assert sorted(server.indexes) == ["reels", "reels-16"]
    made = server.indexes["reels-16"]
    assert made["deployment"] == {
        "deployment_type": "managed",
        "cloud": "aws",
        "region": "eu-west-1",
    }
    [vectors] = made["schema"]["fields"].values()
    assert (vectors["dimension"], vectors["metric"]) == (16, "cosine")
    again = PineconeIndex(account, "scripts")
    assert len(list(again.list_ids(SPACE))) == 2


def test_a_host_of_other_dimensions_is_told_in_one_sentence(
    server: PineconeServer, index: PineconeIndex
) -> None:
    with pytest.raises(InputError, match="is an index of 8 dimensions .* makes 384"):
        index.upsert("minilm-384", entries(1, 384))
    assert list(index.list_ids("minilm-384")) == [], "nothing of it can be there"
    index.delete("minilm-384", ["x"])
    assert server.bodies(UPSERT) == server.bodies(DELETE) == []


@pytest.mark.parametrize("key", ["two\nlines", " spaces ", "ключ"])
def test_a_key_that_cannot_be_sent_is_a_setting_to_correct(key: str) -> None:
    index = PineconeIndex(PineconeAccount(key, host="https://x.pinecone.io"), "s")
    with pytest.raises(SettingsError, match="PINECONE_API_KEY") as caught:
        index.query(SPACE, [1.0] * 8, 1)
    assert key not in "".join(traceback.format_exception(caught.value))


def test_the_key_goes_to_the_store_and_into_no_text(
    server: PineconeServer, index: PineconeIndex
) -> None:
    index.upsert(SPACE, entries(1))
    assert server.keys == {SECRET}
    assert SECRET not in repr(index) + repr(index._account)


def by_name(server: PineconeServer, **options: Any) -> PineconeIndex:
    account = PineconeAccount(SECRET, control_host=server.url, **options)
    return PineconeIndex(account, "scripts")


def test_the_index_is_called_ig_scripts_unless_it_is_named_otherwise(
    server: PineconeServer,
) -> None:
    assert by_name(server).upsert(SPACE, entries(1)) == []
    assert sorted(server.indexes) == ["ig-scripts"]
    assert load_settings().pinecone_index == "ig-scripts"


@pytest.mark.parametrize(
    ("made", "options"),
    [
        ("ig-assets-8", {}),  # by a version before this one
        ("ig-scripts-8", {}),
        ("reels-8", {"index_name": "reels"}),
    ],
)
def test_an_index_that_is_there_under_another_name_is_used_further(
    server: PineconeServer, made: str, options: dict[str, Any]
) -> None:
    by_name(server, index_name=made).upsert(SPACE, entries(2))
    assert sorted(server.indexes) == [made]
    index = by_name(server, **options)
    assert len(list(index.list_ids(SPACE))) == 2
    assert index.upsert(SPACE, entries(3)) == []
    assert sorted(server.indexes) == [made]


def test_a_key_of_one_index_may_be_refused_the_other_names(
    server: PineconeServer,
) -> None:
    for name in ("ig-scripts-8", "ig-assets-8"):
        server.fail(f"/indexes/{name}", Fault(status=403))
    assert by_name(server).upsert(SPACE, entries(1)) == []
    assert sorted(server.indexes) == ["ig-scripts"]


def test_a_key_that_was_revoked_during_the_overlap_is_followed_by_the_next(
    server: PineconeServer,
) -> None:
    by_name(server).upsert(SPACE, entries(1))
    server.keys.clear()
    server.fail("/indexes/ig-scripts", Fault(status=401))
    index = by_name(server, next_key="pc-next")
    assert len(list(index.list_ids(SPACE))) == 1
    assert server.keys == {SECRET, "pc-next"}
    server.fail("/indexes/ig-scripts", Fault(status=401), times=2)
    with pytest.raises(AccessError, match="API key is not accepted"):
        list(by_name(server, next_key="pc-next").list_ids(SPACE))
