"""Ports to a social platform that publishes posts and reports their metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class PublishRequest:
    """One reel to publish; `intent_key` names the intent row that precedes it."""

    intent_key: str
    text: str
    segment: str
    slot: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    media_url: str | None = None


@dataclass(frozen=True)
class Published:
    """A post as the platform reports it: its id there, and the time of publication."""

    platform_post_id: str
    published_at: datetime


@dataclass(frozen=True)
class Reading:
    """One cumulative counter of one post; value None is "not reported", never 0."""

    platform_post_id: str
    metric: str
    as_of: datetime
    value: float | None


class InsightsSource(Protocol):
    """Reports the cumulative engagement of posts on its platform."""

    platform: str
    can_read_the_past: bool

    @property
    def metrics(self) -> Sequence[str]:
        """The names of the counters that the platform reports."""
        ...

    @property
    def source_note(self) -> str | None:
        """A sentence about the file that is read: rows taken, rejected and skipped.

        None if no file is read.
        """
        ...

    def insights(
        self, platform_post_ids: Sequence[str], as_of: datetime
    ) -> list[Reading]:
        """Return cumulative counters as the platform reports them at `as_of`.

        `as_of` is naive UTC. The value of a counter that is not reported is None; a
        post that the platform does not know may be left out. A live platform reports
        the present, whatever `as_of` is. Raises TransientVendorError, RefusedError and
        AccessError.
        """
        ...


class SocialPlatform(InsightsSource, Protocol):
    """Publishes posts and reports their cumulative engagement."""

    def find(self, intent_key: str) -> Published | None:
        """Return the post that an earlier `publish` with this key made, or None.

        The process of the earlier call may have crashed.
        """
        ...

    def publish(self, request: PublishRequest) -> Published:
        """Publish a post once.

        Raises TransientVendorError (outcome unknown), RefusedError.
        """
        ...


@runtime_checkable
class RecordedPlatform(Protocol):
    """A recording: a platform with posts that this program did not publish."""

    platform: str

    def recorded(self, since: datetime, until: datetime) -> list[Published]:
        """Return the recorded posts published in [since, until), oldest first."""
        ...


@runtime_checkable
class AdvertisedPlatform(Protocol):
    """A platform whose posts also run as ads; the ads have separate metrics."""

    @property
    def ads(self) -> InsightsSource:
        """The source of the ads' metrics."""
        ...


class MediaLookup(Protocol):
    """Looks up posts that people published by hand."""

    platform: str

    def look_up(self, media: str) -> Published:
        """Return the post with this id or link. Raises InputError if there is none."""
        ...
