"""Choose the social platform, and build what a split test on it needs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ig_assets.core.ports import AdStudies, SocialPlatform
from ig_assets.errors import SettingsError
from ig_assets.files import from_home
from ig_assets.settings import Settings, variable_name
from ig_assets.wiring.stores import make_clock, make_money_clock, make_warehouse

if TYPE_CHECKING:
    from ig_assets.adapters.instagram.client import GraphClient
    from ig_assets.adapters.instagram.social_platform import Instagram


def make_social(settings: Settings) -> SocialPlatform:
    """Return the social platform of the settings."""
    if settings.social == "replay":
        from ig_assets.adapters.simulated.replay import ReplayedHistory
        from ig_assets.core.experiments.engagement.columns import parse_columns

        assert settings.replay_file is not None, "load_settings() has checked it"
        return ReplayedHistory(
            from_home(settings.replay_file),
            settings.data_dir / "replayed_history.sqlite",
            settings.seed,
            parse_columns(settings.replay_columns),
            make_money_clock().now(),
        )
    if settings.social == "instagram":
        return make_instagram(settings)
    from ig_assets.adapters.simulated.audience import SimulatedAudience

    store = settings.data_dir / "simulated_audience.sqlite"
    return SimulatedAudience(store, settings.seed, make_clock(settings).now)


def make_instagram(settings: Settings) -> Instagram:
    """Return the Instagram account of the settings.

    Raises SettingsError if none is set.
    """
    from ig_assets.adapters.instagram.social_platform import Instagram
    from ig_assets.core.experiments.posts.containers import ContainerStore

    client, account = make_graph_client(settings), settings.instagram_account
    assert account, "load_settings() has checked it"
    clock = make_clock(settings)
    book = ContainerStore(make_warehouse(settings, clock))
    return Instagram(client, account, book, clock)


def make_ad_studies(settings: Settings) -> AdStudies:
    """Return Meta's ad studies. Raises SettingsError that names what is missing."""
    from ig_assets.adapters.instagram.ad_studies import Advertiser, InstagramAdStudies
    from ig_assets.adapters.instagram.client import INSTAGRAM_URL

    client = make_graph_client(settings)
    for name in ("ad_account", "business", "facebook_page"):
        if getattr(settings, name) is None:
            raise SettingsError(
                f"a split test needs {variable_name(name)}; set it in the environment "
                "or .env."
            )
    if client.url == INSTAGRAM_URL:
        raise SettingsError(
            "a split test needs a token of Facebook Login in IG_INSTAGRAM_TOKEN, since "
            "one of Instagram Login may not advertise."
        )
    return InstagramAdStudies(
        client,
        Advertiser(
            ad_account=str(settings.ad_account),
            business=str(settings.business),
            page=str(settings.facebook_page),
            instagram_account=str(settings.instagram_account),
        ),
    )


def make_graph_client(settings: Settings) -> GraphClient:
    """Return a client of the Graph API with the current token. Raises SettingsError."""
    if settings.social != "instagram":
        raise SettingsError(
            "this needs IG_SOCIAL=instagram; the simulated audience has no account."
        )
    from ig_assets.adapters.instagram.access_token import TokenProvider, renewal
    from ig_assets.adapters.instagram.client import GraphClient, home_of

    token, secret = settings.instagram_token, settings.meta_app_secret
    assert token and secret, "load_settings() has checked it"
    given, app_secret = token.get_secret_value(), secret.get_secret_value()
    clock = make_clock(settings)
    renew = renewal(settings.instagram_url, app_secret, clock)
    keeper = TokenProvider(token_store(settings), given, clock, renew)
    url = settings.instagram_url or home_of(given)
    return GraphClient(keeper.current, app_secret, url)


def token_store(settings: Settings) -> Path:
    """Return the file that holds the token once it was renewed."""
    return settings.data_dir / "instagram_token.json"


def token_expires_at(settings: Settings) -> datetime | None:
    """Return when Instagram's token expires; None for never, unknown or no token."""
    if settings.instagram_token is None:
        return None
    from ig_assets.adapters.instagram.access_token import stored_token

    given = settings.instagram_token.get_secret_value()
    return stored_token(token_store(settings), given, make_clock(settings)).expires_at
