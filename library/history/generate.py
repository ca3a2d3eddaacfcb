"""Writes `simulated_history.csv`: 150 SIMULATED randomised tests of hooks.

Run `python library/history/generate.py`; the file comes out identical every time.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from ig_assets.adapters.simulated.audience import EffectModel
from ig_assets.adapters.simulated.taste import Taste
from ig_assets.core.generation.writing.schema import script_text
from ig_assets.core.identity import seeded_unit

FOLDER = Path(__file__).resolve().parent
TOPICS = FOLDER / "past_topics.yaml"
OUTPUT = FOLDER / "simulated_history.csv"
SEED = 2025
TASTE = 7  # IG_SEED's default: the past audience of the loop likes what it will like
ARMS = ("A", "B")
FIRST_DAY = date(2025, 7, 1)
DAYS = 184  # July to December
IMPRESSIONS = (600, 1_200)  # an arm: about a quarter of the tests are clear
REACTIONS = {
    "likes": "likes",
    "comments": "comments",
    "shares": "shares",
    "saves": "saved",
}
COLUMNS = (
    "experiment_id,arm,posted_on,topic,hook_style,hook,body,call_to_action,language,"
    "impressions,likes,comments,shares,saves,simulated"
).split(",")


def history_rows(topics: list[dict[str, Any]], seed: int) -> Iterator[dict[str, Any]]:
    """Each topic's hooks in pairs, each pair one test with randomised impressions.

    A test divides one audience by chance, so an arm differs by its true effect and
    by counting noise alone; there is no post-to-post part.
    """
    model = EffectModel(seed, Taste(TASTE))
    for topic in topics:
        name = topic["topic"]
        styles = sorted(
            topic["hooks"], key=lambda style: seeded_unit(seed, "pair", name, style)
        )
        for number in range(len(styles) // 2):
            key = f"past-{_slug(name)}-{number + 1}"
            day = FIRST_DAY + timedelta(int(DAYS * seeded_unit(seed, "day", key)))
            low, high = IMPRESSIONS
            both = 2 * (low + int((high - low) * seeded_unit(seed, "size", key)))
            in_a = int(model.draw("split", key).binomial(both, 0.5))
            pair = styles[2 * number : 2 * number + 2]
            for arm, style, shown in zip(ARMS, pair, (in_a, both - in_a), strict=True):
                hook, action = topic["hooks"][style], topic["call_to_action"]
                text = script_text(hook, topic["body"], action)
                effect = model.effect(text, name)
                yield {
                    "experiment_id": key,
                    "arm": arm,
                    "posted_on": day.isoformat(),
                    "topic": name,
                    "hook_style": style,
                    "hook": topic["hooks"][style].strip(),
                    "body": topic["body"].strip(),
                    "call_to_action": topic["call_to_action"].strip(),
                    "language": topic.get("language", "en"),
                    "impressions": shown,
                    **{
                        column: int(
                            model.draw(column, key, arm).binomial(
                                shown, model.rate(metric, effect)
                            )
                        )
                        for column, metric in REACTIONS.items()
                    },
                    "simulated": "true",
                }


def write_history(topics_file: Path, output: Path, seed: int = SEED) -> int:
    """Write the CSV (UTF-8, Unix line ends); return its rows."""
    with topics_file.open(encoding="utf-8") as source:
        topics = yaml.safe_load(source)["topics"]
    rows = list(history_rows(topics, seed))
    with output.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def _slug(name: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in name.lower()).split()
    return "-".join(words)


if __name__ == "__main__":
    sys.stdout.write(f"{write_history(TOPICS, OUTPUT)} rows in {OUTPUT.name}\n")
