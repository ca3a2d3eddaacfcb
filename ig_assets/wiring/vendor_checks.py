"""Check the vendors that the settings use: do they answer, is the key limited?"""

from __future__ import annotations

import os
from importlib.util import find_spec

from ig_assets.core.operations.diagnosis import Finding, failed, good, not_known
from ig_assets.core.ports import Clock
from ig_assets.errors import IgAssetsError
from ig_assets.settings import Settings

_TIMEOUT_S = 20.0
_TRAINERS_SDKS = ("together", "fireworks")
"""Trainers whose SDK is the extra with the trainer's name."""


def configured_keys(settings: Settings) -> dict[str, str]:
    """Return {variable: secret} of all secrets that are set and have to be rotated."""
    secrets = {
        "OPENAI_API_KEY": settings.openai_api_key,
        "OPENAI_API_KEY_NEXT": settings.openai_api_key_next,
        "PINECONE_API_KEY": settings.pinecone_api_key,
        "PINECONE_API_KEY_NEXT": settings.pinecone_api_key_next,
        "TOGETHER_API_KEY": settings.together_api_key,
        "FIREWORKS_API_KEY": settings.fireworks_api_key,
        "IG_META_APP_SECRET": settings.meta_app_secret,
    }
    return {
        name: secret.get_secret_value()
        for name, secret in secrets.items()
        if secret is not None
    }


def vendor_findings(settings: Settings, money_clock: Clock) -> list[Finding]:
    """Return the findings about each vendor in use; only free requests are sent."""
    found: list[Finding] = []
    if "openai" in (settings.writer, settings.embedder, *settings.trainers):
        found += _openai(settings, money_clock)
    if settings.index == "pinecone":
        found += _pinecone(settings)
    if settings.social == "instagram":
        found += _instagram(settings)
    if "lora" in settings.trainers:
        found.append(_training_here())
    found += [_sdk(name) for name in settings.trainers if name in _TRAINERS_SDKS]
    if not found:
        found.append(good("vendors", "None is used: everything is on this machine."))
    return found


def _openai(settings: Settings, money_clock: Clock) -> list[Finding]:
    from ig_assets.adapters.openai.client import Endpoint, LazyClient
    from ig_assets.adapters.openai.key_scope import answer_findings, kind_finding

    assert settings.openai_api_key is not None, "load_settings() has checked it"
    key, base_url = settings.openai_api_key.get_secret_value(), settings.openai_base_url
    client = LazyClient(Endpoint(base_url, key), _TIMEOUT_S, None, None)
    # Another vendor's keys have other forms.
    found = [kind_finding(key)] if base_url is None else []
    admin_key = os.environ.get("OPENAI_ADMIN_KEY")
    return found + answer_findings(client, money_clock.now(), admin_key)


def _pinecone(settings: Settings) -> list[Finding]:
    from ig_assets.adapters.pinecone.key_scope import key_findings
    from ig_assets.wiring.stores import make_pinecone_account

    try:
        account = make_pinecone_account(settings)
        return key_findings(account, settings.pinecone_index)
    except IgAssetsError as error:
        return [failed("Pinecone key", str(error), "Set PINECONE_API_KEY.")]


def _instagram(settings: Settings) -> list[Finding]:
    from ig_assets.adapters.instagram.permissions import permission_findings
    from ig_assets.wiring.social import make_graph_client

    try:
        client = make_graph_client(settings)
        token = client.token()
    except IgAssetsError as error:
        return [failed("Meta token", str(error), "Set IG_INSTAGRAM_TOKEN.")]
    advertises = settings.split_max_budget > 0
    return permission_findings(client, token, settings.publish, advertises)


def _training_here() -> Finding:
    """Return a finding: can adapters be trained in this environment?"""
    from ig_assets.adapters.lora.limits import missing_packages

    subject = "trainer lora"
    if missing := missing_packages():
        return failed(
            subject,
            f"Its extra is not installed (missing: {', '.join(missing)}), so a month's "
            "fine-tune would fail.",
            'Install the extra: `pip install "ig-assets[train]"`.',
        )
    return good(subject, "The extra train is installed; jobs run on this machine.")


def _sdk(name: str) -> Finding:
    """Return a finding: is a trainer's SDK installed? Its key is not tried."""
    subject = f"trainer {name}"
    if find_spec(name) is None:
        return failed(
            subject,
            "Its SDK is not installed, so a month's fine-tune would fail.",
            f'Install the extra: `pip install "ig-assets[{name}]"`.',
        )
    return not_known(
        subject,
        f"Its SDK is installed; whether {name} takes the key is not asked.",
        f"Look at {name}'s console that the key works and has a spend limit.",
    )
