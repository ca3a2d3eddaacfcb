"""Publishes reels in two steps, each of which takes effect at most once.

A container is created from a public video, polled until Instagram has processed it, and
then published. There is no idempotency key and no undo. If an answer is lost, the
container and then the account's media are looked up, so nothing is published twice.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ig_assets.adapters.instagram.client import GraphClient, Sleep
from ig_assets.adapters.instagram.errors import quota_reached
from ig_assets.adapters.instagram.media import AccountMedia, posted_at
from ig_assets.core.experiments.posts.containers import Container, ContainerStore
from ig_assets.core.identity import fields_hash, text_hash
from ig_assets.core.ports import Clock, Published, PublishRequest
from ig_assets.errors import (
    MalformedAnswerError,
    RefusedError,
    TransientVendorError,
    VendorError,
)

CAPTION_CHARACTERS = 2200
POLLS, POLL_S = 20, 15.0
LOOKS, LOOK_S = 3, 10.0
# Until this long after a call, a post that is not listed may still appear.
SETTLED_AFTER = timedelta(minutes=10)
CLOCKS_DIFFER = timedelta(minutes=5)


class ReelPublisher:
    """Publishes reels of one account."""

    def __init__(
        self,
        client: GraphClient,
        account: str,
        containers: ContainerStore,
        clock: Clock,
        sleep: Sleep,
    ) -> None:
        self._client = client
        self._account = account
        self._containers = containers
        self._clock = clock
        self._sleep = sleep
        self._media = AccountMedia(client, account)

    def find(self, intent_key: str) -> Published | None:
        """Return the post that the last container of this key became, or None.

        Raises TransientVendorError while that is unknown.
        """
        container = self._containers.last(intent_key)
        if container is None:
            return None
        return container.published or self._outcome(container, self._status(container))

    def publish(self, request: PublishRequest) -> Published:
        """Publish the reel, at most once.

        An error's `outcome_unknown` is true only if the reel may have been published.
        Raises RefusedError for a request without a video or with too long a caption,
        and for a video that Instagram cannot use.
        """
        _check(request)
        try:
            container = self._container(request)
            if isinstance(container, Published):
                return container
            self._check_quota()
            self._wait_until_read(container)
        except TransientVendorError as error:
            if error.outcome_unknown and not self._was_asked(request.intent_key):
                error.outcome_unknown = False  # a container alone is no post
            raise
        return self._make_public(container)

    def _container(self, request: PublishRequest) -> Container | Published:
        """Return the request's post if it is published, else a container to publish.

        A container that was created earlier for the same content is reused if it is
        usable.
        """
        content = fields_hash({"text": request.text, "video": request.media_url})
        known = self._containers.last(request.intent_key)
        if known is not None:
            if known.published is not None:
                return known.published
            status = self._status(known)
            if out := self._outcome(known, status):
                return out
            usable = status in ("IN_PROGRESS", "FINISHED")
            if usable and known.content_hash == content:
                return known
        self._check_quota()
        answer = self._client.post(
            f"{self._account}/media",
            media_type="REELS",
            video_url=request.media_url or "",
            caption=request.text,
        )
        container = Container(
            container_id=_id_in(answer),
            intent_key=request.intent_key,
            content_hash=content,
            caption_hash=text_hash(request.text),
            created_at=self._clock.now(),
        )
        self._containers.write(container)
        return container

    def _wait_until_read(self, container: Container) -> None:
        for poll in range(POLLS):
            status = self._status(container)
            if status == "FINISHED":
                return
            if status != "IN_PROGRESS":
                raise RefusedError(
                    f"instagram cannot use the video (its container is {status}); "
                    "give another with `ig-assets posts approve POST --video URL`."
                )
            if poll < POLLS - 1:
                self._sleep(POLL_S)
        raise TransientVendorError(
            "instagram is still reading the video; the next run goes on with it.",
            outcome_unknown=False,
        )

    def _check_quota(self) -> None:
        answer = self._client.get(
            f"{self._account}/content_publishing_limit", fields="quota_usage,config"
        )
        for row in answer.get("data") or ():
            total = (row.get("config") or {}).get("quota_total")
            if total is not None and row.get("quota_usage", 0) >= total:
                raise quota_reached()

    def _make_public(self, container: Container) -> Published:
        asked = replace(container, publish_asked_at=self._clock.now())
        self._containers.write(asked)
        failure: VendorError
        try:
            answer = self._client.post(
                f"{self._account}/media_publish", creation_id=container.container_id
            )
            media_id = _id_in(answer)
        except (TransientVendorError, MalformedAnswerError) as error:
            if isinstance(error, TransientVendorError) and not error.outcome_unknown:
                self._containers.write(container)  # the vendor refused
                raise
            failure = error
        except RefusedError:
            if container.publish_asked_at is None:
                self._containers.write(container)
                raise
            failure = TransientVendorError(
                "instagram refuses a container that it may have published before; it "
                "is looked up again."
            )
        else:
            return self._note(asked, self._moment_of(media_id))
        if out := self._look_again(asked):
            return out
        raise failure

    def _look_again(self, container: Container) -> Published | None:
        """Look up, a few times, the outcome of a call that got no answer."""
        for _ in range(LOOKS):
            self._sleep(LOOK_S)
            try:
                return self._outcome(container, self._status(container))
            except VendorError:
                continue
        return None

    def _outcome(self, container: Container, status: str) -> Published | None:
        """Return the post that a container became; None if it certainly became none.

        Raises TransientVendorError if that is unknown.
        """
        if container.publish_asked_at is None and status != "PUBLISHED":
            return None
        if found := self._post_of(container):
            return self._note(container, found)
        if status in ("PUBLISHED", "GONE"):
            raise TransientVendorError(
                "instagram may have published the reel, but which post it is is "
                "unknown yet; if that persists, name it with `ig-assets posts attach`."
            )
        asked = container.publish_asked_at
        if asked is not None and self._clock.now() - asked < SETTLED_AFTER:
            raise TransientVendorError(
                "instagram may be publishing the reel; it is looked up again."
            )
        return None

    def _post_of(self, container: Container) -> Published | None:
        """Return the new post with the container's caption, or None.

        Raises TransientVendorError if there are several.
        """
        since = container.created_at - CLOCKS_DIFFER
        taken = self._containers.taken_posts()
        alike = []
        for media in self._media.listed():
            moment = posted_at(media)
            if moment < since:
                break
            has_caption = text_hash(media.get("caption") or "")
            if has_caption == container.caption_hash and media["id"] not in taken:
                alike.append(Published(str(media["id"]), moment))
        if len(alike) > 1:
            raise TransientVendorError(
                f"instagram has {len(alike)} new posts with this caption; say which "
                "one it is with `ig-assets posts attach`."
            )
        return alike[0] if alike else None

    def _moment_of(self, media_id: str) -> Published:
        try:
            return self._media.published(media_id)
        except VendorError:
            return Published(media_id, self._clock.now())

    def _note(self, container: Container, out: Published) -> Published:
        self._containers.write(
            replace(
                container,
                platform_post_id=out.platform_post_id,
                published_at=out.published_at,
            )
        )
        return out

    def _status(self, container: Container) -> str:
        """Return Instagram's status of a container; "GONE" if it does not exist.

        Other statuses are IN_PROGRESS, FINISHED, PUBLISHED, EXPIRED and ERROR.
        """
        try:
            answer = self._client.get(container.container_id, fields="status_code")
        except RefusedError:
            return "GONE"
        status = answer.get("status_code")
        if not isinstance(status, str):
            raise TransientVendorError(
                "instagram does not report a container's status."
            )
        return status

    def _was_asked(self, intent_key: str) -> bool:
        container = self._containers.last(intent_key)
        return container is not None and container.publish_asked_at is not None


def _check(request: PublishRequest) -> None:
    if not request.media_url:
        raise RefusedError(
            "A reel needs a video; give it with `ig-assets posts approve POST --video "
            "URL`."
        )
    if len(request.text) > CAPTION_CHARACTERS:
        raise RefusedError(
            f"The caption has {len(request.text):,} characters and Instagram takes "
            f"{CAPTION_CHARACTERS:,}; shorten it with `ig-assets posts edit`."
        )


def _id_in(answer: dict[str, object]) -> str:
    if not answer.get("id"):
        raise MalformedAnswerError("instagram did not say what it made.")
    return str(answer["id"])
