"""A reel goes out once: after any failure the vendor is asked, never sent it twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ig_assets.adapters.instagram.media import short_code
from ig_assets.core.ports import Published, PublishRequest
from ig_assets.errors import InputError, RefusedError, TransientVendorError, VendorError
from ig_assets_tests.adapters.instagram.graph_factory import START, GraphFactory
from ig_assets_tests.stand_ins.graph_server import ACCOUNT, HANG_UP, error

MAKE, PUBLISH = f"{ACCOUNT}/media", f"{ACCOUNT}/media_publish"


def reel(key: str = "post-1", text: str = "Save it.", **more: str) -> PublishRequest:
    more.setdefault("media_url", "https://cdn.example.org/a.mp4")
    return PublishRequest(key, text, "all", START, **more)  # type: ignore[arg-type]


def made(world: GraphFactory) -> int:
    return sum(
        method == "POST" for method, path, _ in world.server.asked if path == MAKE
    )


def test_a_reel_is_made_polled_and_published(world: GraphFactory) -> None:
    world.server.polls = 3
    out = world.instagram().publish(reel())
    [media] = world.server.media.values()
    assert out == Published(media.media_id, media.posted_at)
    assert media.caption == "Save it."
    [given] = [g for m, p, g in world.server.asked if (m, p) == ("POST", MAKE)]
    assert given["video_url"] == "https://cdn.example.org/a.mp4"
    assert world.time.slept == [15.0] * 3
    assert world.instagram().find("post-1") == out
    assert world.instagram().publish(reel()) == out and world.server.published == 1


def test_a_publish_without_an_answer_is_looked_up_at_once(world: GraphFactory) -> None:
    world.server.fail(PUBLISH, HANG_UP)
    out = world.instagram().publish(reel())
    assert out.platform_post_id in world.server.media
    assert world.server.published == len(world.server.asked_of(PUBLISH)) == 1


def test_what_is_published_but_not_listed_yet_stays_open_until_it_is(
    world: GraphFactory,
) -> None:
    world.server.fail(PUBLISH, HANG_UP)
    world.server.hides_new_media = True
    with pytest.raises(TransientVendorError) as caught:
        world.instagram().publish(reel())
    assert caught.value.outcome_unknown
    world.time.present += timedelta(days=1)
    for repeat in (
        lambda: world.instagram().find("post-1"),
        lambda: world.instagram().publish(reel()),
    ):
        with pytest.raises(TransientVendorError, match="posts attach") as caught:
            repeat()
        assert caught.value.outcome_unknown
    world.server.hides_new_media = False
    out = world.instagram().find("post-1")
    assert out is not None and out.platform_post_id in world.server.media
    assert len(world.server.asked_of(PUBLISH)) == 1


class Died(BaseException):
    """Stands for kill -9."""


def test_a_process_that_dies_after_the_call_leaves_a_trace_to_ask_by(
    world: GraphFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = world.instagram()
    client = dying._publisher._client
    send = client.post

    def post(path: str, **given: str) -> object:
        answer = send(path, **given)
        if path == PUBLISH:
            raise Died
        return answer

    monkeypatch.setattr(client, "post", post)
    with pytest.raises(Died):
        dying.publish(reel())
    assert world.server.published == 1
    found = world.instagram().find("post-1")
    assert found is not None and found.platform_post_id in world.server.media
    assert len(world.server.asked_of(PUBLISH)) == 1


def test_a_call_that_never_arrived_is_made_again_only_after_a_while(
    world: GraphFactory,
) -> None:
    world.server.fail(PUBLISH, error(2))
    platform = world.instagram()
    with pytest.raises(TransientVendorError) as caught:
        platform.publish(reel())
    assert caught.value.outcome_unknown
    with pytest.raises(TransientVendorError, match="looked up again"):
        platform.find("post-1")
    world.time.present += timedelta(minutes=11)
    assert platform.find("post-1") is None
    platform.publish(reel())
    assert world.server.published == 1 and made(world) == 1, "the same container"


def test_a_container_is_gone_on_with_and_not_made_again(world: GraphFactory) -> None:
    world.server.polls = 30
    with pytest.raises(TransientVendorError, match="still reading") as caught:
        world.instagram().publish(reel())
    assert not caught.value.outcome_unknown
    assert world.instagram().find("post-1") is None
    world.instagram().publish(reel())
    assert made(world) == 1 and world.server.published == 1


def test_an_edit_after_the_container_was_made_is_what_goes_out(
    world: GraphFactory,
) -> None:
    world.server.polls = 30
    with pytest.raises(TransientVendorError):
        world.instagram().publish(reel())
    world.server.polls = 0
    world.instagram().publish(reel(text="Better words."))
    [media] = world.server.media.values()
    assert media.caption == "Better words." and made(world) == 2


def test_an_expired_container_that_was_never_published_is_replaced(
    world: GraphFactory,
) -> None:
    world.server.polls = 30
    with pytest.raises(TransientVendorError):
        world.instagram().publish(reel())
    [container] = world.server.containers.values()
    container.status = "EXPIRED"
    world.server.polls = 0
    world.instagram().publish(reel())
    assert made(world) == 2 and world.server.published == 1


def test_a_used_up_quota_waits_hours_and_makes_nothing(world: GraphFactory) -> None:
    world.server.quota_total = 0
    with pytest.raises(TransientVendorError, match="another day") as caught:
        world.instagram().publish(reel())
    assert caught.value.retry_after_s == 6 * 3600 and not caught.value.outcome_unknown
    assert made(world) == 0 and world.server.asked_of(PUBLISH) == []
    assert world.instagram().find("post-1") is None


def test_a_quota_that_runs_out_in_between_has_published_nothing(
    world: GraphFactory,
) -> None:
    world.server.fail(PUBLISH, error(9, 2207042))
    platform = world.instagram()
    with pytest.raises(TransientVendorError, match="9/2207042") as caught:
        platform.publish(reel())
    assert caught.value.retry_after_s and not caught.value.outcome_unknown
    assert platform.find("post-1") is None
    platform.publish(reel())
    assert made(world) == 1 and world.server.published == 1


def test_trouble_before_anything_could_be_public_is_no_open_question(
    world: GraphFactory,
) -> None:
    world.server.fail(MAKE, HANG_UP)
    with pytest.raises(TransientVendorError) as caught:
        world.instagram().publish(reel())
    assert not caught.value.outcome_unknown
    world.instagram().publish(reel())
    assert world.server.published == 1


def test_two_posts_with_the_same_words_are_told_apart(world: GraphFactory) -> None:
    first = world.instagram().publish(reel("a"))
    world.server.fail(PUBLISH, HANG_UP)
    second = world.instagram().publish(reel("b"))
    assert first.platform_post_id != second.platform_post_id
    assert world.server.published == 2


def test_where_several_posts_could_be_it_a_person_decides(world: GraphFactory) -> None:
    world.server.fail(PUBLISH, HANG_UP)
    world.server.add("900", "Save it.")
    with pytest.raises(VendorError):
        world.instagram().publish(reel())
    with pytest.raises(TransientVendorError, match="2 new posts"):
        world.instagram().find("post-1")


def test_an_older_post_with_the_same_words_is_not_taken_for_it(
    world: GraphFactory,
) -> None:
    world.server.add("900", "Save it.", posted_at=START - timedelta(hours=1))
    world.server.fail(PUBLISH, HANG_UP)
    assert world.instagram().publish(reel()).platform_post_id != "900"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (reel(media_url=""), "needs a video"),
        (reel(text="x" * 2201), "2,201 characters"),
    ],
)
def test_what_cannot_be_a_reel_is_refused_before_anything_is_sent(
    world: GraphFactory, request_: PublishRequest, message: str
) -> None:
    with pytest.raises(RefusedError, match=message):
        world.instagram().publish(request_)
    assert world.server.asked == []


def test_a_video_that_cannot_be_used_is_refused_and_another_one_goes_out(
    world: GraphFactory,
) -> None:
    world.server.refuses_video = True
    with pytest.raises(RefusedError, match="give another"):
        world.instagram().publish(reel())
    world.server.refuses_video = False
    world.instagram().publish(reel(media_url="https://cdn.example.org/b.mp4"))
    assert world.server.published == 1


@pytest.mark.parametrize(
    "media",
    [
        "https://www.instagram.com/reel/C901/?igsh=x",
        "901",
        "instagram.com/ana.b/p/C901",
    ],
)
def test_a_post_is_found_by_its_id_or_link(world: GraphFactory, media: str) -> None:
    world.server.empty_pages = 1
    for number in range(899, 905):
        world.server.add(str(number), posted_at=START - timedelta(days=number))
    out = world.instagram().look_up(media)
    assert out == Published("901", START - timedelta(days=901))


@pytest.mark.parametrize(
    "media", ["https://example.org/x", "instagram.com/reel/Cx", "5"]
)
def test_a_post_that_is_not_there_is_said_to_be(
    world: GraphFactory, media: str
) -> None:
    with pytest.raises(InputError):
        world.instagram().look_up(media)


@pytest.mark.parametrize(
    ("link", "kind"),
    [
        ("https://www.instagram.com/share/reel/BAxyz12_", "a share link"),
        ("https://www.instagram.com/share/BAxyz12_", "a share link"),
        ("https://www.instagram.com/share/p/BAxyz/?igsh=1", "a share link"),
        ("https://www.instagram.com/reels/audio/2873469112345/", "of an audio"),
        ("https://www.instagram.com/reel/audio/2873469112345", "of an audio"),
        ("https://www.instagram.com/stories/mara/3141592653589/", "of a story"),
        ("https://www.instagram.com/mara/", "but to no post"),
        ("my first reel", "neither a media id nor"),
    ],
)
def test_a_link_that_names_no_post_is_told_without_listing_the_account(
    world: GraphFactory, link: str, kind: str
) -> None:
    world.server.add("1")
    with pytest.raises(InputError, match=kind) as told:
        world.instagram().look_up(link)
    assert "copy the address of the post's page" in str(told.value)
    assert world.server.asked == []


def test_a_post_whose_code_begins_like_a_word_is_found(world: GraphFactory) -> None:
    world.server.add("1")
    code = world.server.media["1"].permalink
    assert world.instagram().look_up(code).platform_post_id == "1"
    assert short_code("https://www.instagram.com/reel/audioXyz1/") == "audioXyz1"
    assert short_code("https://instagr.am/p/shareIt9/") == "shareIt9"
