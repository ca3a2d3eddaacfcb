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
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.core.corpus.history_import.test_file_posts import count, load

COLUMNS = ("test_id", "headline", "eyecatcher_id", "impressions", "clicks")
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


@pytest.mark.parametrize("seed", range(6))
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


@pytest.mark.parametrize("seed", range(6))
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
