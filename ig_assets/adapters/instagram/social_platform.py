"""Instagram as a `SocialPlatform`: one account, one token, present figures only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ig_assets.adapters.instagram.ad_insights import AdInsights
from ig_assets.adapters.instagram.client import GraphClient, Sleep
from ig_assets.adapters.instagram.insights import REEL_METRICS, InsightsReader
from ig_assets.adapters.instagram.media import AccountMedia
from ig_assets.adapters.instagram.publish import ReelPublisher
from ig_assets.core.costs.cancellation import wait_to_send
from ig_assets.core.experiments.posts.containers import ContainerStore
from ig_assets.core.ports import Clock, Published, PublishRequest, Reading


class Instagram:
    """A `SocialPlatform` for one account; thread-safe.

    `ads` reads the figures of posts that also run as ads.
    """

    platform = "instagram"
    can_read_the_past = False
    source_note = None
    metrics: Sequence[str] = REEL_METRICS

    def __init__(
        self,
        client: GraphClient,
        account: str,
        containers: ContainerStore,
        clock: Clock,
        sleep: Sleep = wait_to_send,
    ) -> None:
        self._publisher = ReelPublisher(client, account, containers, clock, sleep)
        self._insights = InsightsReader(client)
        self._media = AccountMedia(client, account)
        self.ads = AdInsights(client)

    def find(self, intent_key: str) -> Published | None:
        """Return the post that an earlier `publish` with this key made, or None."""
        return self._publisher.find(intent_key)

    def publish(self, request: PublishRequest) -> Published:
        """Publish a reel once; see `ReelPublisher`."""
        return self._publisher.publish(request)

    def insights(
        self, platform_post_ids: Sequence[str], as_of: datetime
    ) -> list[Reading]:
        """Return the present organic counters, stamped `as_of`."""
        return self._insights.read(platform_post_ids, as_of)

    def look_up(self, media: str) -> Published:
        """Return the post with this media id or permalink."""
        return self._media.look_up(media)
