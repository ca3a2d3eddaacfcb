"""The token is renewed in time, at most once a day, and kept for our eyes only."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from ig_assets.adapters.instagram.access_token import (
    TokenProvider,
    renewal,
    stored_token,
)
from ig_assets.core.operations.redaction import redact
from ig_assets_tests.adapters.instagram.graph_factory import START, GraphFactory
from ig_assets_tests.stand_ins.graph_server import SECRET, TOKEN, error

REFRESH = "refresh_access_token"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "instagram_token.json"


def provider(world: GraphFactory, store: Path, given: str = TOKEN) -> TokenProvider:
    renew = renewal(world.server.url, SECRET, world.time, sleep=world.time.sleep)
    return TokenProvider(store, given, world.time, renew)


def test_a_renewed_token_is_used_from_then_on_by_every_process(
    world: GraphFactory, store: Path
) -> None:
    assert provider(world, store).current() == f"{TOKEN}-renewed"
    assert provider(world, store).current() == f"{TOKEN}-renewed"
    assert len(world.server.asked_of(REFRESH)) == 1
    kept = stored_token(store, TOKEN, world.time)
    assert kept.expires_at == START + timedelta(days=60) and kept.is_reported
    assert stat.S_IMODE(store.stat().st_mode) == 0o600


def test_a_renewed_token_is_cut_out_of_the_log_whatever_its_form(
    world: GraphFactory, store: Path
) -> None:
    fresh = "fresh.planted-for-tests"
    tokens = TokenProvider(store, TOKEN, world.time, lambda old: (fresh, None))
    assert tokens.current() == fresh
    assert redact(f"(#190) {fresh} has expired") == "(#190) [redacted] has expired"


def test_it_is_renewed_again_before_it_expires_and_not_sooner(
    world: GraphFactory, store: Path
) -> None:
    provider(world, store).current()
    world.time.present += timedelta(days=29)
    provider(world, store).current()
    assert len(world.server.asked_of(REFRESH)) == 1
    world.time.present += timedelta(days=2)
    provider(world, store).current()
    assert len(world.server.asked_of(REFRESH)) == 2
    kept = stored_token(store, TOKEN, world.time)
    assert kept.expires_at == world.time.present + timedelta(days=60)


def test_a_token_too_young_to_be_renewed_stays_in_use_and_is_tried_the_next_day(
    world: GraphFactory, store: Path
) -> None:
    world.server.fail(REFRESH, error(100))
    assert provider(world, store).current() == TOKEN
    assert provider(world, store).current() == TOKEN
    assert len(world.server.asked_of(REFRESH)) == 1
    world.time.present += timedelta(days=1)
    assert provider(world, store).current() == f"{TOKEN}-renewed"


def test_a_new_token_in_the_settings_replaces_the_kept_one(
    world: GraphFactory, store: Path
) -> None:
    provider(world, store).current()
    world.server.token = "IGAA-another"
    world.server.fail(REFRESH, error(100))
    assert provider(world, store, "IGAA-another").current() == "IGAA-another"


@pytest.mark.parametrize("seconds", [0, 1_800_000_000])
def test_a_token_of_facebook_login_is_only_asked_when_it_expires(
    world: GraphFactory, store: Path, seconds: int
) -> None:
    world.server.token = "EAA-page-token"
    world.server.fail("debug_token", (200, {"data": {"expires_at": seconds}}))
    assert provider(world, store, "EAA-page-token").current() == "EAA-page-token"
    kept = stored_token(store, "EAA-page-token", world.time)
    assert (kept.expires_at is None) is (seconds == 0)


def test_a_token_whose_end_nobody_told_is_taken_to_last_sixty_days(
    world: GraphFactory, store: Path
) -> None:
    world.server.fail(REFRESH, *[error(100)] * 9)
    provider(world, store).current()
    world.time.present += timedelta(days=20)
    provider(world, store).current()
    kept = stored_token(store, TOKEN, world.time)
    assert kept.expires_at == START + timedelta(days=60) and not kept.is_reported
