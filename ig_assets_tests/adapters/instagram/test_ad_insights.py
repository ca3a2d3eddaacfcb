"""An ad's figures: what the ad adds, 50 a request, and what is missing is absent."""

from __future__ import annotations

import pytest

from ig_assets.core.ports import AdvertisedPlatform
from ig_assets.errors import AccessError, TransientVendorError
from ig_assets_tests.adapters.instagram.graph_factory import START, GraphFactory
from ig_assets_tests.stand_ins.graph_ads import AdObject
from ig_assets_tests.stand_ins.graph_server import error


def ads_of(world: GraphFactory, *ids: str) -> None:
    for ad in ids:
        world.server.ads.objects[ad] = AdObject(ad, "ad", {"name": ad})


def read(world: GraphFactory, *ids: str) -> dict[str, dict[str, float | None]]:
    found: dict[str, dict[str, float | None]] = {}
    for reading in world.instagram().ads.insights(ids, START):
        assert reading.as_of == START
        found.setdefault(reading.platform_post_id, {})[reading.metric] = reading.value
    return found


def test_actions_have_the_names_that_a_reels_figures_have(world: GraphFactory) -> None:
    ads_of(world, "1")
    world.server.ads.show(
        "1",
        1000,
        12.5,
        post_reaction=40,
        comment=3,
        post=5,
        onsite_conversion__post_save=7,
        video_view=600,
        link_click=9,
    )
    assert read(world, "1")["1"] == {
        "reach": 1000.0,
        "impressions": 1200.0,
        "spend": 12.5,
        "likes": 40.0,
        "comments": 3.0,
        "shares": 5.0,
        "saved": 7.0,
        "views": 600.0,
    }
    assert isinstance(world.instagram(), AdvertisedPlatform)
    assert set(read(world, "1")["1"]) == set(world.instagram().ads.metrics)


def test_fifty_ads_are_one_request(world: GraphFactory) -> None:
    ids = [str(n) for n in range(120)]
    ads_of(world, *ids)
    for ad in ids:
        world.server.ads.show(ad, 10, 0.1)
    assert set(read(world, *ids)) == set(ids)
    assert len(world.server.asked_of("")) == 3 and len(world.server.items) == 120


def test_what_was_not_shown_or_not_told_is_absent_and_not_zero(
    world: GraphFactory,
) -> None:
    ads_of(world, "1", "2")
    world.server.ads.show("2", 30, 0.2)
    assert read(world, "1", "2", "unknown") == {
        "2": {"reach": 30.0, "impressions": 36.0, "spend": 0.2}
    }
    del world.server.ads.figures["2"]["reach"]
    assert "reach" not in read(world, "2")["2"]


def test_one_ads_fault_is_its_own_and_the_accounts_is_everybodys(
    world: GraphFactory,
) -> None:
    ads_of(world, "1", "2")
    world.server.ads.show("2", 30, 0.2)
    world.server.media_faults["1"].append(error(100))
    assert set(read(world, "1", "2")) == {"2"}
    world.server.media_faults["1"].append(error(190))
    with pytest.raises(AccessError, match="token"):
        read(world, "1", "2")
    for ad in "12":
        world.server.media_faults[ad].append(error(200))
    with pytest.raises(AccessError, match="permission"):
        read(world, "1", "2")
    for ad in "12":
        world.server.media_faults[ad].extend([error(2)] * 9)
    with pytest.raises(TransientVendorError, match="run again later"):
        read(world, "1", "2")
