"""The order, the split, the name and the kind of a file change nothing."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets_tests.core.corpus.corpus_factory import START, CorpusFactory
from ig_assets_tests.core.corpus.history_import.identity.test_file_posts import (
    count,
    load,
)
from ig_assets_tests.factories.cases import with_further

COLUMNS = ("test_id", "headline", "eyecatcher_id", "impressions", "clicks")
SEEDS = with_further(range(6), tried=2)
KEPT = ("scripts", "experiments", "posts", "engagement", "decisions", "evidence")


def rows_of(seed: int) -> list[dict[str, Any]]:
    """Tests of two to five arms, some with the same words and image."""
    draw = random.Random(seed)
    return [
        {
            "test_id": f"t{test}",
            "headline": f"Words {draw.choice('abc')}",
            "eyecatcher_id": draw.choice(("i1", "i2")),
            "impressions": draw.randrange(2000, 4000),
            "clicks": draw.randrange(30, 200),
        }
        for test in range(8)
        for _ in range(draw.randrange(2, 6))
    ]


def as_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def state(corpus: CorpusFactory) -> dict[str, Any]:
    update_results(corpus.warehouse, corpus.clock)
    kept = corpus.everything()
    return {table: kept[table] for table in KEPT}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_repeated_export_changes_nothing_whatever_its_order_name_and_kind(
    corpus: CorpusFactory, seed: int
) -> None:
    rows = rows_of(seed)
    load(corpus, as_csv(rows), "tests.csv")
    before = state(corpus)
    shuffled = random.Random(seed + 100).sample(rows, len(rows))
    half = len(rows) // 2
    parts = {
        "shuffled.csv": as_csv(shuffled),
        "first-part.csv": as_csv(shuffled[:half]),
        "second-part.csv": as_csv(shuffled[half:]),
        "lines.jsonl": as_jsonl(shuffled[::-1]),
    }
    assert len(parts) == 4
    for name, content in parts.items():
        corpus.clock.step(days=1)
        report = load(corpus, content, name)
        assert (report.source, report.rejected) == ("tests", 0), name
        assert state(corpus) == before, name


@pytest.mark.parametrize("seed", SEEDS)
def test_two_orders_of_one_file_give_the_same_rows_and_verdicts(
    corpus: CorpusFactory, tmp_path: Path, seed: int
) -> None:
    rows = rows_of(seed)
    (tmp_path / "shuffled").mkdir()
    other = CorpusFactory(tmp_path / "shuffled")
    load(corpus, as_csv(rows), "tests.csv")
    load(other, as_csv(random.Random(seed).sample(rows, len(rows))), "tests.csv")
    assert state(corpus) == state(other)
    assert count(corpus, "posts") == len(rows)


def alike(*counts: tuple[int, int]) -> str:
    rows = [
        {"test_id": "t", "headline": "Same", "impressions": n, "clicks": k}
        for n, k in counts
    ]
    return as_csv(rows)


def arms(corpus: CorpusFactory) -> list[tuple[str, float, float]]:
    found = corpus.rows("SELECT arm, trials, events FROM final_readings ORDER BY arm")
    return [(arm, trials, events) for arm, trials, events in found]


def test_arms_of_the_same_words_grow_each_by_itself(corpus: CorpusFactory) -> None:
    load(corpus, alike((1000, 30), (1000, 90)))
    (small, *_), (large, *_) = sorted(arms(corpus), key=lambda arm: arm[2])
    report = load(corpus, alike((2000, 180), (2000, 61)))
    assert report.rejected == 0
    assert sorted(arms(corpus)) == sorted([(small, 2000, 61), (large, 2000, 180)])


def test_arms_that_cannot_be_told_apart_are_said_and_nothing_flips(
    corpus: CorpusFactory,
) -> None:
    load(corpus, alike((1000, 30), (1000, 32)))
    before = arms(corpus)
    other = "u,Other,2000,60\nu,Another,2000,64\n"
    report = load(
        corpus, alike((2000, 60), (2000, 64)) + other.replace(",2000", ",,2000")
    )
    assert {r.reason for r in report.rejects_sample} == {"cannot be distinguished"}
    assert "--map arm=COLUMN" in report.rejects_sample[0].detail
    assert [arm for arm in arms(corpus) if arm in before] == before


def test_named_arms_of_the_same_words_are_told_apart(corpus: CorpusFactory) -> None:
    header = "test_id,arm,headline,impressions,clicks\n"
    load(corpus, header + "t,a,Same,1000,30\nt,b,Same,1000,32\n")
    load(corpus, header + "t,b,Same,2000,64\nt,a,Same,2000,60\n")
    assert arms(corpus) == [("a", 2000.0, 60.0), ("b", 2000.0, 64.0)]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        # The first may have stood still, or be the one that grew.
        ([(1000, 30), (1000, 90)], [(1000, 90), (2000, 180)]),
        ([(1000, 30)], [(1000, 30), (1200, 45)]),
        ([(1000, 30)], [(2000, 60), (1500, 50)]),
        ([(1000, 30), (1000, 90)], [(1100, 95)]),
        ([(1000, 30), (1000, 90)], [(900, 29), (2000, 180)]),
    ],
)
def test_an_equal_count_does_not_say_which_arm_it_is_where_another_may_have_grown(
    corpus: CorpusFactory, before: list[tuple[int, int]], now: list[tuple[int, int]]
) -> None:
    other = "u,Third,,{0},{1}\n"
    load(corpus, alike(*before) + other.format(900, 10))
    known = [arm for arm in arms(corpus) if arm[1] >= 1000]
    report = load(corpus, alike(*now) + other.format(950, 11))
    assert report.rejected == len(now)
    assert report.imported + report.rejected + sum(report.skipped.values()) == (
        report.rows_read
    )
    assert [arm for arm in arms(corpus) if arm[1] >= 1000] == known


def test_a_late_arm_of_the_same_words_is_new_where_the_known_one_can_only_have_grown(
    corpus: CorpusFactory,
) -> None:
    load(corpus, alike((1000, 30), (1000, 90)))
    small, large = sorted(arms(corpus), key=lambda arm: arm[2])
    report = load(corpus, alike((300, 9), (2000, 180), (2000, 61)))
    assert (report.rejected, count(corpus, "posts")) == (0, 3)
    assert {(small[0], 2000, 61), (large[0], 2000, 180)} < set(arms(corpus))


def test_an_older_export_of_alike_arms_is_kept_as_history_of_the_right_ones(
    corpus: CorpusFactory,
) -> None:
    for day, counts in ((5, (40, 90)), (25, (60, 200)), (15, (45, 100))):
        rows = alike((1000 + day, counts[1]), (1000 + day, counts[0]))
        load(corpus, rows, as_of=START.replace(month=2, day=day))
    found = corpus.rows(
        "SELECT post_id, list(value ORDER BY as_of) FROM current_readings "
        "WHERE metric = 'clicks' GROUP BY post_id"
    )
    assert sorted(clicks for _, clicks in found) == [[40, 45, 60], [90, 100, 200]]


def test_arms_without_any_difference_so_far_are_interchangeable(
    corpus: CorpusFactory,
) -> None:
    load(corpus, alike((1000, 30), (1000, 30)))
    report = load(corpus, alike((2000, 64), (2000, 60)))
    assert (report.rejected, [arm[2] for arm in arms(corpus)]) in (
        (0, [60, 64]),
        (0, [64, 60]),
    )
