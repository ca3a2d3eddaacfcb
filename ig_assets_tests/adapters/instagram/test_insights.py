"""Insights: 50 a request, by kind of media, and what is missing is absent, never 0."""

from __future__ import annotations

import pytest

from ig_assets.adapters.instagram.insights import REEL_METRICS
from ig_assets.errors import AccessError, TransientVendorError
from ig_assets_tests.adapters.instagram.graph_factory import START, GraphFactory
from ig_assets_tests.stand_ins.graph_server import error

FIGURES = {name: 10.0 * n for n, name in enumerate(REEL_METRICS)}


def read(world: GraphFactory, *ids: str) -> dict[str, dict[str, float | None]]:
    found: dict[str, dict[str, float | None]] = {}
    for reading in world.instagram().insights(ids, START):
        assert reading.as_of == START
        found.setdefault(reading.platform_post_id, {})[reading.metric] = reading.value
    return found


def test_a_reels_figures_come_in_one_request_for_fifty(world: GraphFactory) -> None:
    ids = [str(n) for n in range(120)]
    for media_id in ids:
        world.server.add(media_id, values={**FIGURES, "plays": 5.0})
    found = read(world, *ids)
    assert found == {media_id: FIGURES for media_id in ids}
    assert len(world.server.asked_of("")) == 3 and len(world.server.items) == 120


def test_what_is_not_reported_is_absent_and_a_reported_zero_is_zero(
    world: GraphFactory,
) -> None:
    world.server.add("1", values=FIGURES, empty=True)
    world.server.add("2", values={"views": 0.0, "reach": 3.0})
    assert read(world, "1", "2", "unknown") == {"2": {"views": 0.0, "reach": 3.0}}


def test_one_unknown_metric_costs_a_detour_once_and_nothing_else(
    world: GraphFactory,
) -> None:
    for media_id in "12":
        world.server.add(media_id, values=FIGURES)
    world.server.unknown_metrics = {"saved"}
    platform = world.instagram()
    kept = {n: v for n, v in FIGURES.items() if n != "saved"}
    for first in (True, False):
        world.server.items.clear()
        found = {r.metric: r.value for r in platform.insights(["1"], START)}
        assert found == kept
        assert (len(world.server.items) > 1) is first
    for items in (2, 1):
        world.server.items.clear()
        assert {r.metric for r in platform.insights(["2"], START)} == set(kept)
        assert len(world.server.items) == items, "asked apart once, then known of it"


def test_what_one_post_lacks_is_read_of_all_others_in_the_same_reading(
    world: GraphFactory,
) -> None:
    ids = [str(n) for n in range(1000)]
    for media_id in ids:
        lacks = frozenset(["likes"] if media_id == "7" else [])
        figures = {"views": 4.0, "likes": 2.0} if not lacks else {"views": 4.0}
        world.server.add(media_id, kind="FEED", values=figures, lacks=lacks)
    platform = world.instagram()
    for _ in range(2):
        world.server.items.clear()
        readings = platform.insights(ids, START)
        liked = {r.platform_post_id for r in readings if r.metric == "likes"}
        assert liked == set(ids) - {"7"}
        viewed = {r.platform_post_id for r in readings if r.metric == "views"}
        assert viewed == set(ids)
    assert len(world.server.items) == 1000, "and the next reading takes no detour"


def test_a_metric_that_no_post_had_yet_is_still_asked_of_each_post(
    world: GraphFactory,
) -> None:
    world.server.add("1", values=FIGURES, lacks=frozenset(["likes"]))
    world.server.add("2", values=FIGURES)
    platform = world.instagram()
    [first] = {r.platform_post_id for r in platform.insights(["1"], START)}
    found = {r.metric for r in platform.insights(["2"], START)}
    assert (first, found) == ("1", set(FIGURES))
    world.server.items.clear()
    platform.insights(["2"], START)
    assert len(world.server.items) == 1, "somebody has it, so it is asked for with all"


def test_a_post_of_the_feed_is_asked_for_what_it_has(world: GraphFactory) -> None:
    world.server.add("1", kind="FEED", values={"views": 4.0, "likes": 2.0})
    world.server.add("2", values=FIGURES)
    platform = world.instagram()
    readings = platform.insights(["1", "2"], START)
    assert len(readings) == 2 + len(FIGURES)
    assert len(world.server.items) == 2 + 1 + 1
    platform.insights(["1", "2"], START)
    assert len(world.server.items) == 4 + 2


def test_a_media_that_fails_in_every_metric_blames_no_metric(
    world: GraphFactory,
) -> None:
    for media_id in "12":
        world.server.add(media_id, values=FIGURES)
    world.server.media_faults["1"].extend([error(100)] * 20)
    platform = world.instagram()
    assert {r.platform_post_id for r in platform.insights(["1", "2"], START)} == {"2"}
    world.server.items.clear()
    assert len(platform.insights(["2"], START)) == len(FIGURES)


def test_media_from_before_the_business_account_are_skipped(
    world: GraphFactory,
) -> None:
    world.server.add("1", values=FIGURES)
    world.server.add("2", values=FIGURES)
    world.server.media_faults["1"].append(error(100, 2108006))
    platform = world.instagram()
    for _ in range(2):
        platform.insights(["1", "2"], START)
    assert [item[0] for item in world.server.items] == ["1", "2", "2"]


def test_what_passes_is_asked_again_and_one_stubborn_media_stops_nothing(
    world: GraphFactory,
) -> None:
    for media_id in "12":
        world.server.add(media_id, values=FIGURES)
    world.server.media_faults["1"].extend([error(2), None, error(1)])
    assert set(read(world, "1", "2")) == {"1", "2"}
    world.server.media_faults["1"].extend([error(2)] * 9)
    assert set(read(world, "1", "2")) == {"2"}


@pytest.mark.parametrize(
    ("code", "kind"),
    [(190, AccessError), (10, AccessError), (2, TransientVendorError)],
)
def test_what_concerns_the_whole_account_is_raised(
    world: GraphFactory, code: int, kind: type[Exception]
) -> None:
    for media_id in "12":
        world.server.add(media_id)
        world.server.media_faults[media_id].extend([error(code)] * 9)
    with pytest.raises(kind):
        read(world, "1", "2")


def test_too_many_requests_stop_the_read_rather_than_look_like_missing_figures(
    world: GraphFactory,
) -> None:
    for media_id in "12":
        world.server.add(media_id, values=FIGURES)
    world.server.media_faults["1"].extend([error(80002)] * 9)
    with pytest.raises(TransientVendorError, match="80002"):
        read(world, "1", "2")


def test_one_media_without_permission_does_not_hide_the_others(
    world: GraphFactory,
) -> None:
    for media_id in "12":
        world.server.add(media_id, values=FIGURES)
    world.server.media_faults["1"].append(error(10))
    assert set(read(world, "1", "2")) == {"2"}
