from __future__ import annotations

import csv
import importlib.util
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ig_assets.adapters.simulated import audience as simulated_audience
from ig_assets.adapters.simulated.audience import (
    EffectModel,
    SimulatedAudience,
)
from ig_assets.core.ports import Published, PublishRequest, SocialPlatform

SLOT = datetime(2026, 1, 5, 9)
HISTORY = Path(__file__).resolve().parents[3] / "library" / "history"


def request(key: str, style: str = "question", topic: str = "eggs") -> PublishRequest:
    labels = {"hook_style": style, "topic": topic}
    return PublishRequest(key, "the words of a script", "all", SLOT, labels)


@pytest.fixture
def audience(tmp_path: Path) -> SimulatedAudience:
    return SimulatedAudience(tmp_path / "store.sqlite", seed=7)


def curve(
    audience: SimulatedAudience, key: str, metric: str, hours: int = 24, days: int = 60
) -> list[float | None]:
    [found] = curves(audience, [key], metric, hours, days)
    return found


def curves(
    audience: SimulatedAudience,
    keys: Sequence[str],
    metric: str,
    hours: int = 24,
    days: int = 60,
) -> list[list[float | None]]:
    """The curve of each post; all posts are read at once."""
    ids = [audience.publish(request(key)).platform_post_id for key in keys]
    found: dict[str, list[float | None]] = {post_id: [] for post_id in ids}
    for step in range(days * 24 // hours):
        moment = SLOT + timedelta(hours=(step + 1) * hours)
        for reading in audience.insights(ids, moment):
            if reading.metric == metric:
                found[reading.platform_post_id].append(reading.value)
    return list(found.values())


def keys(count: int) -> list[str]:
    return [f"k{number}" for number in range(count)]


def test_it_fulfils_the_port(audience: SimulatedAudience) -> None:
    platform: SocialPlatform = audience
    assert platform.platform == "simulated_audience"
    assert set(platform.metrics) == {
        "views",
        "reach",
        "likes",
        "comments",
        "shares",
        "saved",
    }


def test_what_was_published_is_found_by_another_process_and_stays_one_post(
    audience: SimulatedAudience,
) -> None:
    assert audience.find("k") is None
    published = audience.publish(request("k"))
    assert published.published_at == SLOT
    other = SimulatedAudience(audience.store, seed=7)
    assert other.find("k") == published
    assert other.publish(request("k")) == published


def test_the_vendors_store_holds_no_text(audience: SimulatedAudience) -> None:
    audience.publish(request("k"))
    stored = b"".join(
        path.read_bytes() for path in audience.store.parent.glob("store.sqlite*")
    )
    assert b"words of a script" not in stored


def test_any_past_moment_reads_the_same_again_on_any_machine(
    audience: SimulatedAudience, tmp_path: Path
) -> None:
    first = curve(audience, "k", "likes")
    elsewhere = SimulatedAudience(tmp_path / "elsewhere" / "store.sqlite", seed=7)
    assert curve(elsewhere, "k", "likes") == first
    other_seed = SimulatedAudience(tmp_path / "third.sqlite", seed=8)
    assert curve(other_seed, "k", "likes") != first


def test_counts_are_whole_and_reach_arrives_with_a_half_life_of_two_days(
    audience: SimulatedAudience,
) -> None:
    ratios = []
    for reach in curves(audience, keys(20), "reach", hours=48):
        known = [value for value in reach if value is not None]
        assert all(value == int(value) for value in known)
        assert 2_000 * 0.97 <= known[-1] <= 10_000 * 1.03
        if reach[0] is not None:
            ratios.append(reach[0] / known[-1])
    assert np.median(ratios) == pytest.approx(0.5, abs=0.02)


def test_early_readings_are_empty_and_later_ones_now_and_then_go_backwards(
    audience: SimulatedAudience,
) -> None:
    found = curves(audience, keys(10), "likes", hours=6, days=30)
    firsts = [next(i for i, v in enumerate(c) if v is not None) for c in found]
    assert max(firsts) > 4 and max(firsts) <= 8  # hours 0 to 48 in steps of 6
    assert any(None in c[first:] for c, first in zip(found, firsts, strict=True))
    falls = sum(
        later < earlier
        for c in found
        for earlier, later in zip(c, c[1:], strict=False)
        if earlier is not None and later is not None
    )
    assert 0 < falls < 0.1 * sum(map(len, found))
    assert all(value != 0 for c in found for value in c[8:])


def test_insights_lag_by_up_to_48_hours_and_all_of_a_posts_counters_at_once(
    audience: SimulatedAudience,
) -> None:
    posts = {audience.publish(request(key)).platform_post_id for key in keys(120)}
    lags = []
    for hour in range(1, 60):
        known: dict[str, set[bool]] = {post_id: set() for post_id in posts}
        moment = SLOT + timedelta(hours=hour)
        for reading in audience.insights(sorted(posts), moment):
            known[reading.platform_post_id].add(reading.value is not None)
        whole = "a delay holds for the post, not for a metric"
        assert all(len(found) == 1 for found in known.values()), whole
        reported = {post_id for post_id, found in known.items() if found == {True}}
        lags += [hour] * len(reported)
        posts -= reported
    assert len(lags) == 120 and max(lags) <= 50  # an empty answer may follow the lag
    assert np.median(lags) == pytest.approx(24, abs=6)


def test_now_and_then_an_answer_is_empty(audience: SimulatedAudience) -> None:
    reported = [
        value
        for found in curves(audience, keys(20), "views", hours=12, days=30)
        for value in found[5:]
    ]
    assert reported.count(None) / len(reported) == pytest.approx(0.02, abs=0.012)


def test_a_later_request_gets_late_missing_and_wrong_counts_corrected(
    audience: SimulatedAudience, tmp_path: Path
) -> None:
    present = [SLOT]
    vendor = SimulatedAudience(tmp_path / "s.sqlite", 7, lambda: present[0])
    filled = corrected = 0
    for number in range(6):
        post_id = vendor.publish(request(f"k{number}")).platform_post_id
        audience.publish(request(f"k{number}"))
        moments = [SLOT + timedelta(days=day) for day in range(1, 30)]
        finals = []
        for moment in moments:
            present[0] = moment + timedelta(hours=48)
            reported = vendor.insights([post_id], moment)
            assert reported == audience.insights([post_id], moment)
            present[0] = moment + timedelta(hours=49)
            right = vendor.insights([post_id], moment)
            filled += reported[0].value is None
            corrected += None is not reported[0].value != right[0].value
            assert all(reading.value is not None for reading in right)
            finals.append(right[0].value or 0.0)
        assert finals == sorted(finals), "the truth never goes backwards"
    assert filled >= 6 and corrected > 0


def test_the_truth_is_where_nothing_of_the_loop_can_see_it(
    audience: SimulatedAudience,
) -> None:
    package = Path(simulated_audience.__file__).parents[2]
    readers = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "EffectModel" in path.read_text("utf-8")
    }
    assert readers == {"adapters/simulated/audience.py"}
    audience.publish(request("k"))
    with closing(sqlite3.connect(audience.store)) as con:
        columns = {row[1] for row in con.execute("PRAGMA table_info(published)")}
    assert columns == {
        "intent_key",
        "platform_post_id",
        "hook_style",
        "topic",
        "published_at",
        "effect",
    }
    assert {f.name for f in fields(Published)} == {"platform_post_id", "published_at"}


def test_before_it_is_out_and_for_unknown_posts_there_is_no_figure(
    audience: SimulatedAudience,
) -> None:
    post = audience.publish(request("k"))
    ids = [post.platform_post_id, "unknown"]
    early = audience.insights(ids, SLOT - timedelta(days=1))
    assert {r.platform_post_id for r in early} == {post.platform_post_id}
    assert {r.value for r in early} == {None}


def test_rates_decay_with_age(audience: SimulatedAudience) -> None:
    early, late = [], []
    all_likes = curves(audience, keys(30), "likes", hours=72)
    all_reach = curves(audience, keys(30), "reach", hours=72)
    for likes, reach in zip(all_likes, all_reach, strict=True):
        if likes[0] and reach[0] and likes[-1] and reach[-1]:
            early.append(likes[0] / reach[0])
            late.append(likes[-1] / reach[-1])
    assert np.mean(early) > 1.01 * np.mean(late)


def past_hooks() -> list[tuple[str, str]]:
    """The hooks of the simulated past, each with its topic."""
    with (HISTORY / "simulated_history.csv").open(encoding="utf-8") as source:
        return [(row["hook"], row["topic"]) for row in csv.DictReader(source)]


def test_effects_and_luck_have_the_spread_that_was_measured() -> None:
    effects = [
        EffectModel(seed).effect(hook, topic)
        for seed in range(8)
        for hook, topic in past_hooks()
    ]
    assert np.std(effects) == pytest.approx(0.27, abs=0.02)
    model = EffectModel(3)
    assert np.std([model.luck(f"k{n}") for n in range(2000)]) == pytest.approx(
        0.2, abs=0.012
    )
    assert model.effect("one text", "x") != model.effect("another text", "x")


def test_a_better_script_gets_more_likes(audience: SimulatedAudience) -> None:
    model = EffectModel(7)
    effects, rates = [], []
    for hook, topic in past_hooks()[:60]:
        request = PublishRequest(hook, hook, "all", SLOT, {"topic": topic})
        post = audience.publish(request)
        figures = {
            r.metric: r.value
            for r in audience.insights(
                [post.platform_post_id], SLOT + timedelta(days=30)
            )
        }
        if figures["likes"] and figures["reach"]:
            effects.append(model.effect(hook, topic))
            rates.append(np.log(figures["likes"] / figures["reach"]))
    assert np.corrcoef(effects, rates)[0, 1] > 0.5


def test_a_store_of_an_earlier_release_keeps_what_its_posts_are_worth(
    tmp_path: Path,
) -> None:
    store = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(store)) as con, con:
        con.execute(
            "CREATE TABLE published (intent_key TEXT PRIMARY KEY, platform_post_id "
            "TEXT NOT NULL UNIQUE, hook_style TEXT NOT NULL, topic TEXT NOT NULL, "
            "published_at TEXT NOT NULL)"
        )
        for n in range(40):
            row = (f"k{n}", f"sim_{n}", "story", f"topic {n}", SLOT.isoformat())
            con.execute("INSERT INTO published VALUES (?, ?, ?, ?, ?)", row)
    audience = SimulatedAudience(store, 7)
    later = SLOT + timedelta(days=30)
    found = {
        (r.platform_post_id, r.metric): r.value
        for r in audience.insights([f"sim_{n}" for n in range(40)], later)
    }
    known = [n for n in range(40) if found[f"sim_{n}", "likes"]]
    rates = [
        np.log(found[f"sim_{n}", "likes"] / found[f"sim_{n}", "reach"]) for n in known
    ]
    worth = [EffectModel(7).effect_of_label("story", f"topic {n}") for n in known]
    assert len(known) > 30 and np.corrcoef(worth, rates)[0, 1] > 0.5
    assert audience.find("k3") is not None


@pytest.fixture
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", HISTORY / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_simulated_history_comes_out_identical(
    generator: ModuleType, tmp_path: Path
) -> None:
    output = tmp_path / "again.csv"
    generator.write_history(generator.TOPICS, output)
    assert output.read_bytes() == generator.OUTPUT.read_bytes()


def test_the_simulated_history_pairs_each_topics_six_hooks_and_says_simulated(
    generator: ModuleType,
) -> None:
    with generator.OUTPUT.open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    assert len({row["experiment_id"] for row in rows}) == 150
    assert len({(row["topic"], row["hook_style"]) for row in rows}) == len(rows) == 300
    assert {row["simulated"] for row in rows} == {"true"}
    assert min(row["posted_on"] for row in rows) >= "2025-07-01"
    assert max(row["posted_on"] for row in rows) <= "2025-12-31"
