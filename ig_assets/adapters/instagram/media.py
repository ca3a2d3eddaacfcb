"""Lists the account's media, and finds the one with an id or a link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from ig_assets.adapters.instagram.client import Answer, GraphClient
from ig_assets.core.ports import Published
from ig_assets.errors import InputError, MalformedAnswerError, RefusedError

FIELDS = "id,caption,timestamp,permalink"
_SHORT_CODE = re.compile(
    r"(?:instagram\.com|instagr\.am)/(?!share/|stories/|explore/)"
    r"(?:[\w.]+/)?(?:reels?|p|tv)/(?!audio(?:/|\?|$)|share/)([\w-]+)"
)
_ADDRESS = re.compile(r"(?:instagram\.com|instagr\.am|ig\.me)/([\w.-]*)/?([\w.-]*)")


class AccountMedia:
    """The media of an account, newest first."""

    def __init__(self, client: GraphClient, account: str) -> None:
        self._client = client
        self._account = account

    def listed(self) -> Iterator[Answer]:
        """Yield every media, newest first; pages are read as the caller iterates."""
        pages = self._client.pages(f"{self._account}/media", fields=FIELDS, limit="50")
        for page in pages:
            yield from page

    def published(self, media_id: str) -> Published:
        """Return a media with the time at which it was posted."""
        answer = self._client.get(media_id, fields=FIELDS)
        return Published(str(answer.get("id", media_id)), posted_at(answer))

    def look_up(self, media: str) -> Published:
        """Return the media with this id or permalink.

        Raises InputError if the account has none.
        """
        if media.isdecimal():
            try:
                return self.published(media)
            except RefusedError:
                pass
            raise InputError(f"The account has no media {media}; look at its insights.")
        code = short_code(media)
        if code is None:
            raise InputError(_why_no_post(media))
        for found in self.listed():
            if short_code(str(found.get("permalink", ""))) == code:
                return Published(str(found["id"]), posted_at(found))
        raise InputError(f"The account has no post {media}; is it another account's?")


def _why_no_post(link: str) -> str:
    """Return why a link does not name a post, and how to get one that does."""
    how = "copy the address of the post's page, https://www.instagram.com/reel/…"
    found = _ADDRESS.search(link)
    first, second = ("", "") if found is None else found.groups()
    if first == "share":
        return (
            f"{link} is a share link, which does not say which post it leads to; open "
            f"it in a browser and {how}."
        )
    if second == "audio" or first == "audio":
        return f"{link} is the link of an audio, which many posts use; {how}."
    if first in ("stories", "s"):
        return f"{link} is the link of a story, which is no reel; {how}."
    if found is not None:
        return f"{link} is a link to Instagram, but to no post; {how}."
    return f"{link} is neither a media id nor a post's link; {how}."


def short_code(permalink: str) -> str | None:
    """Return the code of a post in its link, whatever the link's form, or None."""
    found = _SHORT_CODE.search(permalink)
    return None if found is None else found[1]


def posted_at(media: Answer) -> datetime:
    """Return the time at which a media was posted, naive UTC."""
    try:
        moment = datetime.strptime(str(media["timestamp"]), "%Y-%m-%dT%H:%M:%S%z")
    except (KeyError, ValueError):
        moment = None
    if moment is None:
        raise MalformedAnswerError("instagram does not say when a media was posted.")
    return moment.astimezone(UTC).replace(tzinfo=None)
