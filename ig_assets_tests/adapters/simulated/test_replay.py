from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from ig_assets.adapters.simulated.replay import ReplayedHistory
from ig_assets.core.experiments.engagement.collect import collect_engagement
from ig_assets.core.ports import PublishRequest, Reading, SocialPlatform
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    MovedClock,
    new_warehouse,
    rows_of,
)

DAY = timedelta(days=1)
YOUTUBE = (
    Path(__file__).resolve().parents[4]
    / "shared/data/youtube/engagement_snapshots.csv.gz"
)
SLOT = datetime(2026, 3, 5, 9)

# a goes backwards and misses a day, b starts late and misses a counter, c is short.
RECORDED = """post_id,published_at,observed_on,views,likes
a,2026-01-01T09:00:00,2026-01-01,100,10
a,2026-01-01T09:00:00,2026-01-02,300,20
a,2026-01-01T09:00:00,2026-01-03,290,21
a,2026-01-01T09:00:00,2026-01-05,400,22
b,2026-01-02T10:00:00,2026-01-03,50,
b,2026-01-02T10:00:00,2026-01-04,60,6
b,2026-01-02T10:00:00,2026-01-05,70,7
c,2025-06-01T10:00:00,2026-01-05,9,1
"""


def request(key: str) -> PublishRequest:
    return PublishRequest(key, "the words of a script", "all", SLOT)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "recorded.csv"
    path.write_text(RECORDED, encoding="utf-8")
    return path


@pytest.fixture
def replay(tmp_path: Path, file: Path) -> ReplayedHistory:
    return ReplayedHistory(file, tmp_path / "store.sqlite", seed=7)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return new_warehouse(tmp_path, MovedClock(datetime(2026, 11, 1)))


def values(readings: Sequence[Reading], metric: str) -> dict[str, float | None]:
    return {r.platform_post_id: r.value for r in readings if r.metric == metric}


def test_it_fulfils_the_port_with_the_counters_that_were_recorded(
    replay: ReplayedHistory,
) -> None:
    platform: SocialPlatform = replay
    assert platform.platform == "replay" and platform.can_read_the_past
    assert platform.metrics == ("views", "likes")


def test_a_recorded_post_shows_each_day_what_was_recorded_on_it(
    replay: ReplayedHistory,
) -> None:
    views = [
        values(replay.insights(["a"], datetime(2026, 1, 1 + day)), "views")["a"]
        for day in range(6)
    ]
    assert views == [None, 100.0, 300.0, 290.0, None, 400.0]
    late = replay.insights(["b", "unknown"], datetime(2026, 1, 4))
    assert (values(late, "views"), values(late, "likes")) == ({"b": 50.0}, {"b": None})


def test_the_loops_post_is_given_a_recorded_one_at_equal_age(
    replay: ReplayedHistory,
) -> None:
    post = replay.publish(request("k"))
    assert post.published_at == SLOT and post.platform_post_id.startswith("replay_")
    seen = [
        values(replay.insights([post.platform_post_id], SLOT + day * DAY), "likes")
        for day in range(6)
    ]
    likes = [found[post.platform_post_id] for found in seen]
    assert likes in (
        [None, 10.0, 20.0, 21.0, None, 22.0],
        [None, None, None, 6.0, 7.0, None],
    )


def test_which_one_it_is_is_drawn_by_seed_and_key_and_never_a_short_one(
    tmp_path: Path, file: Path, replay: ReplayedHistory
) -> None:
    def drawn(platform: ReplayedHistory, order: Sequence[int]) -> dict[str, str]:
        posts = {
            f"k{n}": platform.publish(request(f"k{n}")).platform_post_id for n in order
        }
        moment = SLOT + 3 * DAY
        counts = values(platform.insights(list(posts.values()), moment), "likes")
        return {key: str(counts[post]) for key, post in posts.items()}

    here = drawn(replay, range(30))
    elsewhere = ReplayedHistory(file, tmp_path / "elsewhere.sqlite", seed=7)
    assert drawn(elsewhere, range(29, -1, -1)) == here
    assert set(here.values()) == {"21.0", "6.0"}
    other_seed = ReplayedHistory(file, tmp_path / "third.sqlite", seed=8)
    assert drawn(other_seed, range(30)) != here


def test_what_was_published_is_found_by_another_process_and_stays_one_post(
    replay: ReplayedHistory, file: Path
) -> None:
    assert replay.find("k") is None
    published = replay.publish(request("k"))
    other = ReplayedHistory(file, replay.store, seed=7)
    assert other.find("k") == published == other.publish(request("k"))
    stored = b"".join(p.read_bytes() for p in replay.store.parent.glob("store.sqlite*"))
    assert b"words of a script" not in stored


def test_a_recording_is_ingested_day_by_day_as_posts_of_its_own(
    replay: ReplayedHistory, warehouse: Warehouse
) -> None:
    clock = MovedClock(datetime(2026, 11, 1))
    days = [date(2026, 1, 1 + n) for n in range(5)]
    read = [collect_engagement(warehouse, clock, replay, day) for day in days]
    assert [summary.posts for summary in read] == [1, 2, 2, 2, 2]
    posts = rows_of(
        warehouse,
        "SELECT platform, platform_post_id, status, experiment_id, published_at "
        "FROM posts ORDER BY platform_post_id",
    )
    assert [p["platform_post_id"] for p in posts] == ["a", "b"]  # c is too old
    assert {(p["platform"], p["status"]) for p in posts} == {("replay", "published")}
    assert {p["experiment_id"] for p in posts} == {None}
    views = rows_of(
        warehouse,
        "SELECT value FROM engagement AS g JOIN posts AS p ON p.post_id = g.post_id "
        "WHERE p.platform_post_id = 'a' AND metric = 'views' ORDER BY as_of",
    )
    assert [row["value"] for row in views] == [100.0, 300.0, 290.0, None, 400.0]
    rerun = [collect_engagement(warehouse, clock, replay, day) for day in days]
    assert sum(summary.readings for summary in rerun) == 0


def test_a_recording_that_is_put_right_restates_what_was_read(
    replay: ReplayedHistory, warehouse: Warehouse, file: Path
) -> None:
    clock = MovedClock(datetime(2026, 11, 1))
    collect_engagement(warehouse, clock, replay, date(2026, 1, 3))
    file.write_text(RECORDED.replace("2026-01-03,290,", "2026-01-03,310,"))
    right = ReplayedHistory(file, replay.store, seed=7)
    found = collect_engagement(warehouse, clock, right, date(2026, 1, 3))
    assert (found.readings, found.restated) == (1, 1)
    rows = rows_of(
        warehouse,
        "SELECT value FROM engagement AS g JOIN posts AS p ON p.post_id = g.post_id "
        "WHERE p.platform_post_id = 'a' AND metric = 'views' ORDER BY observed_at",
    )
    assert [row["value"] for row in rows] == [290.0, 310.0]


@pytest.mark.skipif(not YOUTUBE.is_file(), reason="the shared YouTube data is not here")
def test_two_weeks_of_real_counters_are_read_as_they_were_recorded(
    tmp_path: Path, warehouse: Warehouse
) -> None:
    clock = MovedClock(datetime(2026, 11, 1))
    replay = ReplayedHistory(YOUTUBE, tmp_path / "store.sqlite", seed=7)
    assert len(replay.recording.post_ids) == 2_994 and not replay.recording.rejects
    for day in range(14):
        collect_engagement(warehouse, clock, replay, date(2017, 11, 14) + day * DAY)
    [found] = rows_of(
        warehouse,
        """
        SELECT count(DISTINCT as_of) AS days,
               count(*) FILTER (WHERE value < earlier) AS backwards,
               count(*) FILTER (WHERE value > earlier) AS forwards,
               count(*) FILTER (WHERE value = 0 AND metric = 'views') AS zeroes
        FROM (
            SELECT *, lag(value) OVER (
                PARTITION BY post_id, metric ORDER BY as_of
            ) AS earlier
            FROM engagement
            WHERE value IS NOT NULL
        ) AS known
        """,
    )
    assert (found["days"], found["zeroes"]) == (14, 0)
    assert 0 < found["backwards"] < 0.1 * found["forwards"]
