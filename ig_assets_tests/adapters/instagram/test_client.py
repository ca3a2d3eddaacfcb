"""The Graph API: errors by code, pages by cursor, usage headers, and no secrets."""

from __future__ import annotations

import logging
import re
import ssl

import httpx
import pytest

from ig_assets.adapters.instagram.client import GraphClient, home_of, without_secrets
from ig_assets.errors import (
    AccessError,
    MalformedAnswerError,
    RefusedError,
    TransientVendorError,
    VendorError,
)
from ig_assets_tests.adapters.instagram.graph_factory import GraphFactory
from ig_assets_tests.stand_ins.graph_server import (
    ACCOUNT,
    HANG_UP,
    SECRET,
    TOKEN,
    error,
)

LIMIT = f"{ACCOUNT}/content_publishing_limit"
PASSING = [1, 2, 4, 17, 32, 341, 613, *range(80000, 80010), 80014]
FINAL = [(190, AccessError), (102, AccessError), (10, AccessError), (100, RefusedError)]


@pytest.mark.parametrize("code", PASSING)
def test_what_may_pass_is_asked_again_whatever_the_status_says(
    world: GraphFactory, code: int
) -> None:
    world.server.fail(LIMIT, error(code), error(code))
    assert world.client().get(LIMIT)["data"]
    assert len(world.server.asked_of(LIMIT)) == 3
    assert world.time.slept == [2.0, 4.0]


def test_an_error_that_says_it_is_transient_is_asked_again(world: GraphFactory) -> None:
    world.server.fail(LIMIT, error(9999, transient=True), (503, "no json"), HANG_UP)
    assert world.client().get(LIMIT)["data"]
    world.server.fail(LIMIT, *[error(2)] * 9)
    with pytest.raises(TransientVendorError, match="2; it may work later"):
        world.client().get(LIMIT)
    assert len(world.server.asked_of(LIMIT)) == 4 + 4


@pytest.mark.parametrize(
    ("code", "kind"), [*FINAL, *((code, AccessError) for code in (200, 250, 299))]
)
def test_a_final_error_is_not_asked_again(
    world: GraphFactory, code: int, kind: type[VendorError]
) -> None:
    world.server.fail(LIMIT, error(code, 7))
    with pytest.raises(kind, match=f"{code}/7"):
        world.client().get(LIMIT)
    assert len(world.server.asked_of(LIMIT)) == 1


@pytest.mark.parametrize(("code", "unknown"), [(2, True), (4, False), (80002, False)])
def test_a_write_is_sent_once_and_says_whether_it_may_have_been_done(
    world: GraphFactory, code: int, unknown: bool
) -> None:
    world.server.fail(f"{ACCOUNT}/media", error(code))
    with pytest.raises(TransientVendorError) as caught:
        world.client().post(f"{ACCOUNT}/media", media_type="REELS")
    assert caught.value.outcome_unknown is unknown
    assert len(world.server.asked) == 1


def test_a_server_that_is_not_there_has_certainly_done_nothing(
    world: GraphFactory,
) -> None:
    client = GraphClient(lambda: TOKEN, SECRET, "http://127.0.0.1:1", world.time.sleep)
    with pytest.raises(TransientVendorError) as caught:
        client.post(f"{ACCOUNT}/media")
    assert not caught.value.outcome_unknown


def test_all_clients_read_the_certificates_once(world: GraphFactory) -> None:
    first, second = (
        world.client()._http()._transport._pool._ssl_context for _ in range(2)
    )
    assert first is second and first.get_ca_certs()
    assert (first.check_hostname, first.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_an_empty_page_is_not_the_last_and_the_link_with_the_token_is_not_followed(
    world: GraphFactory,
) -> None:
    for number in range(5):
        world.server.add(str(number))
    world.server.empty_pages = 2
    pages = list(world.client().pages(f"{ACCOUNT}/media", fields="id"))
    assert [len(page) for page in pages] == [0, 0, 2, 2, 1]
    assert world.server.tokens_in_urls == 0


def test_a_list_that_never_ends_is_given_up(world: GraphFactory) -> None:
    page = {"data": [], "paging": {"cursors": {"after": "x"}, "next": "http://x"}}
    world.server.fail(f"{ACCOUNT}/media", *[(200, page)] * 3)
    with pytest.raises(MalformedAnswerError, match="never ends"):
        list(world.client().pages(f"{ACCOUNT}/media"))


def test_a_batch_takes_fifty_and_asks_again_only_for_what_may_pass(
    world: GraphFactory,
) -> None:
    for number in range(60):
        world.server.add(str(number))
    world.server.media_faults["7"].extend([error(2), None])
    world.server.media_faults["8"].append(error(10))
    paths = [f"{n}/insights?metric=views" for n in range(60)]
    answers = world.client().batch(paths)
    assert [isinstance(a, dict) for a in answers].count(False) == 1
    assert len(world.server.asked_of("")) == 4
    assert world.server.items[60:] == ["7/insights?metric=views"] * 2


def test_every_entry_of_the_usage_header_counts(world: GraphFactory) -> None:
    quiet = {"call_count": 3, "total_cputime": 1, "total_time": 1}
    busy = {**quiet, "total_time": 97, "estimated_time_to_regain_access": 0}
    world.server.usage = {
        "X-Business-Use-Case-Usage": {"1": [quiet], "2": [quiet, busy, quiet]}
    }
    client = world.client()
    client.get(LIMIT)
    assert world.time.slept == []
    world.server.usage = {"X-App-Usage": quiet}
    client.get(LIMIT)
    assert world.time.slept == [300.0]
    client.get(LIMIT)
    assert world.time.slept == [300.0, 5.0], "one more gap, then at once again"
    client.get(LIMIT)
    assert len(world.time.slept) == 2


def test_a_long_ban_is_not_slept_through(world: GraphFactory) -> None:
    entry = {"call_count": 100, "estimated_time_to_regain_access": 45}
    world.server.usage = {"X-Business-Use-Case-Usage": {"1": [entry]}}
    client = world.client()
    client.get(LIMIT)
    with pytest.raises(TransientVendorError, match="in about 45 minutes") as caught:
        client.get(LIMIT)
    assert caught.value.retry_after_s == 45 * 60.0
    assert not caught.value.outcome_unknown and world.time.slept == []
    assert len(world.server.asked) == 1


def test_neither_token_nor_proof_is_in_an_error_or_a_log(
    world: GraphFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = world.client()
    world.server.fail(LIMIT, error(190), HANG_UP, HANG_UP, HANG_UP, HANG_UP)
    messages = []
    for _ in range(2):
        with pytest.raises(VendorError) as caught:
            client.get(LIMIT)
        cause: BaseException | None = caught.value
        while cause is not None:
            messages.append(repr(cause))
            cause = cause.__cause__ or cause.__context__
    client.get(LIMIT)
    assert any("HTTP Request" in message for message in caplog.messages)
    proof = world.server.asked[0][2]["appsecret_proof"]
    for text in [*messages, *caplog.messages]:
        assert TOKEN not in text and proof not in text


def test_the_log_filter_leaves_other_lines_alone() -> None:
    def logged(url: str) -> str:
        record = logging.makeLogRecord({"msg": "GET %s", "args": (httpx.URL(url),)})
        assert without_secrets(record)
        return record.getMessage()

    assert logged("https://example.org/?q=1") == "GET https://example.org/?q=1"
    assert re.fullmatch(r"GET https://g/\?…", logged("https://g/?a=1&access_token=x"))


def test_a_tokens_kind_says_which_host_takes_it() -> None:
    assert home_of("IGAAx") == "https://graph.instagram.com"
    assert home_of("EAAx") == "https://graph.facebook.com"
