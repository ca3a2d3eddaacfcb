"""The SDK's client as built here: one TLS context a process, the SDK's own limits."""

from __future__ import annotations

import ssl
from typing import Any

import httpx2
import pytest

from ig_assets.adapters.openai.client import Endpoint, LazyClient

KEY = "sk-test-never-sent"


def http_client(base_url: str | None = None, loopback: bool = False) -> Any:
    endpoint = Endpoint(base_url, KEY)
    return LazyClient(endpoint, 9.0, None, None, loopback).get()._client


def test_all_clients_read_the_certificates_once() -> None:
    first, second = (http_client()._transport._pool._ssl_context for _ in range(2))
    assert first is second and first.get_ca_certs()
    assert (first.check_hostname, first.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_the_client_is_otherwise_the_sdk_s_own() -> None:
    import openai

    sdk = openai.OpenAI(api_key=KEY)._client
    ours = http_client()
    assert ours.follow_redirects is sdk.follow_redirects is True
    assert ours._transport._pool._max_connections == (
        sdk._transport._pool._max_connections
    )


@pytest.mark.parametrize(("loopback", "proxied"), [(False, True), (True, False)])
def test_a_server_on_this_machine_is_not_reached_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, loopback: bool, proxied: bool
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    client = http_client("http://10.0.0.7:8080/v1", loopback)
    url = httpx2.URL("http://10.0.0.7:8080/v1")
    direct = client._transport_for_url(url) is client._transport
    assert direct is not proxied
