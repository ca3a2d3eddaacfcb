"""How many related examples straddle train and validation, ours beside two peers.

Planted are siblings (arms of one experiment), topics in other spellings, exact copies
and paraphrases (vectors at a cosine above 0.92) under another topic. A leak is a
planted relation whose two sides are in different splits. The peers are a row shuffle
and scikit-learn's GroupKFold by topic, in an environment that has it:

    python benchmarks/splits.py --size 5000 --peers-python /path/to/python
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ig_assets.core.fine_tuning.similarity.near_duplicates import VectorTable
from ig_assets.core.fine_tuning.training_set.train_validation_split import (
    GroupingItem,
    GroupingText,
    assign_splits,
    group_examples,
)

DIMENSIONS = 384
FOLDS = 7
SEED = 7

_GROUP_K_FOLD = """
import json, sys
from sklearn.model_selection import GroupKFold
groups = json.load(sys.stdin)
folds = GroupKFold(n_splits=int(sys.argv[1])).split(groups, groups=groups)
_, held_out = next(iter(folds))
print(json.dumps([int(i) for i in held_out]))
"""


@dataclass(frozen=True)
class Planted:
    """Examples with vectors, and the relations between them by kind."""

    items: list[GroupingItem]
    vectors: VectorTable
    relations: dict[str, list[tuple[int, int]]]


def plant(size: int, seed: int) -> Planted:
    """`size` examples, two an experiment, a fifth of them related to another one."""
    draw, generator = random.Random(seed), np.random.default_rng(seed)
    items: list[GroupingItem] = []
    matrix = np.empty((size, DIMENSIONS), dtype=np.float32)
    rows: dict[str, int] = {}
    relations: dict[str, list[tuple[int, int]]] = {
        kind: [] for kind in ("sibling", "spelling", "copy", "paraphrase")
    }
    for number in range(size):
        experiment = number // 2
        topic, text = f"topic {experiment}", f"r{number}"
        vector = generator.standard_normal(DIMENSIONS, dtype=np.float32)
        other = draw.randrange(number) if number else None
        kind = draw.choices(("none", "spelling", "copy", "paraphrase"), (80, 8, 6, 6))[
            0
        ]
        if number % 2:
            relations["sibling"].append((number - 1, number))
            topic = items[-1].topic
        elif other is not None and kind == "spelling":
            topic = items[other].topic.upper() + "!"
            relations[kind].append((other, number))
        elif other is not None and kind == "copy":
            text = items[other].texts[0].revision_hash
            relations[kind].append((other, number))
        elif other is not None and kind == "paraphrase":
            vector *= 0.3
            vector += matrix[rows[items[other].texts[0].revision_hash]]
            relations[kind].append((other, number))
        if text not in rows:
            matrix[len(rows)] = vector
            rows[text] = len(rows)
        items.append(
            GroupingItem(
                f"x{number}",
                topic,
                f"e{experiment}",
                (GroupingText(text, f"hook {text}"),),
            )
        )
    return Planted(items, VectorTable(list(rows), matrix[: len(rows)]), relations)


def ours(planted: Planted) -> set[int]:
    """The validation examples of the product."""
    groups = group_examples(planted.items, planted.vectors)
    splits = assign_splits(groups.values(), SEED)
    return {
        n
        for n, item in enumerate(planted.items)
        if splits[groups[item.example_id]] == "validation"
    }


def row_shuffle(planted: Planted) -> set[int]:
    """A seventh of the rows, at random."""
    rows = list(range(len(planted.items)))
    random.Random(SEED).shuffle(rows)
    return set(rows[: len(rows) // FOLDS])


def group_k_fold(planted: Planted, python: str) -> set[int]:
    """The first fold of GroupKFold by topic."""
    done = subprocess.run(
        [python, "-c", _GROUP_K_FOLD, str(FOLDS)],
        input=json.dumps([item.topic for item in planted.items]),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


def leaks(planted: Planted, held_out: set[int]) -> dict[str, int]:
    """Relations of each kind that straddle the splits."""
    return {
        kind: sum((a in held_out) != (b in held_out) for a, b in pairs)
        for kind, pairs in planted.relations.items()
    }


def main(arguments: Sequence[str]) -> int:
    """Print a line for each way to split; 1 where ours leaks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=5_000)
    parser.add_argument("--peers-python", help="an interpreter with scikit-learn")
    given = parser.parse_args(arguments)
    planted = plant(given.size, SEED)
    counted = {kind: len(pairs) for kind, pairs in planted.relations.items()}
    print(f"{given.size:,} examples, planted: {counted}")
    ways = {"row shuffle": row_shuffle, "ours": ours}
    if given.peers_python:
        ways["GroupKFold by topic"] = lambda p: group_k_fold(p, given.peers_python)
    leaking = 0
    for name, way in ways.items():
        started = time.perf_counter()
        held_out = way(planted)
        seconds = time.perf_counter() - started
        found = leaks(planted, held_out)
        share = len(held_out) / given.size
        print(
            f"{name:20} {sum(found.values()):6,} leaks {found}, {share:.0%} held out, "
            f"{seconds:.2f} s"
        )
        leaking += sum(found.values()) if name == "ours" else 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:,.0f} MB")
    return int(leaking > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
