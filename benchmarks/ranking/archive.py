"""A file of headline tests as groups of arms, with the features of their headlines.

A group is what one test showed beside one image; equal headlines of a group are one arm
with the sum of their counts, since the audience was divided among them at random.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.cluster.hierarchy import DisjointSet

from ig_assets.adapters.local_models.embedder import LocalEmbedder
from ig_assets.adapters.local_models.files import fetch_model_file
from ig_assets.adapters.local_models.layer_encoder import LayerEncoder
from ig_assets.core.fine_tuning.similarity.near_duplicates import near_duplicate_pairs
from ig_assets.core.models.ranker.hand_features import hand_features
from ig_assets.core.models.ranker.outcomes import Floats, Ints, Outcomes, outcomes_of

TEST, IMAGE, HEADLINE = "clickability_test_id", "eyecatcher_id", "headline"
CLICKS, IMPRESSIONS, WEEK, BROKEN = "clicks", "impressions", "test_week", "srm_window"
COLUMNS = (TEST, IMAGE, HEADLINE, CLICKS, IMPRESSIONS, WEEK, BROKEN)
LEDE = "lede"
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Archive:
    """Groups in time order, with two different headlines or more each.

    `features`, `outcomes`, `clicks` and `impressions` have one row per arm, `cluster`
    one number per group: groups that share nearly equal headlines have the same.
    `headlines` has one per arm, `ledes` one per group: the text under the headline,
    without tags; "" where the group had several or the file has none.
    """

    features: dict[str, Floats]
    outcomes: Outcomes
    clicks: Floats
    impressions: Floats
    cluster: Ints
    headlines: Sequence[str] = ()
    ledes: Sequence[str] = ()

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return len(self.cluster)

    def rows(self, groups: Ints) -> Ints:
        """The rows of some groups' arms."""
        wanted = np.zeros(self.groups, dtype=np.bool_)
        wanted[groups] = True
        return np.flatnonzero(wanted[self.outcomes.group])


def read_archive(file: Path, cache: Path, vectors: Path | None) -> Archive:
    """Read a file of `COLUMNS`, plain or gzipped, without the broken weeks.

    `cache` is the folder of the model files; `vectors` keeps the encoded headlines
    between runs. Ends the program where a column is missing.
    """
    opener = gzip.open if file.suffix == ".gz" else open
    counts: dict[tuple[str, str, str], dict[str, list[float]]] = defaultdict(dict)
    ledes: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    with opener(file, "rt", encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        if missing := set(COLUMNS) - set(reader.fieldnames or ()):
            raise SystemExit(f"{file.name} lacks the columns {sorted(missing)}.")
        for row in reader:
            headline = row[HEADLINE].strip()
            if row[BROKEN] == "True" or not headline:
                continue
            arms = counts[row[WEEK], row[TEST], row[IMAGE]]
            arm = arms.setdefault(headline, [0.0, 0.0])
            arm[0] += float(row[CLICKS])
            arm[1] += float(row[IMPRESSIONS])
            lede = _TAG.sub("", row.get(LEDE) or "")
            ledes[row[WEEK], row[TEST], row[IMAGE]].add(" ".join(lede.split()))
    groups = [(key, counts[key]) for key in sorted(counts) if len(counts[key]) > 1]
    texts = sorted({text for _, arms in groups for text in arms})
    place = {text: n for n, text in enumerate(texts)}
    layer, last = _encoded(texts, cache, vectors)
    of_arm = np.array([place[text] for _, arms in groups for text in arms])
    clicks, impressions = np.array([c for _, arms in groups for c in arms.values()]).T
    group = np.repeat(np.arange(len(groups)), [len(arms) for _, arms in groups])
    return Archive(
        features={"enc": layer[of_arm], "hand": hand_features(texts)[of_arm]},
        outcomes=outcomes_of(group, clicks, impressions),
        clicks=clicks,
        impressions=impressions,
        cluster=_clusters(
            [(key[1], [place[text] for text in arms]) for key, arms in groups], last
        ),
        headlines=[text for _, arms in groups for text in arms],
        ledes=[
            next(iter(ledes[key])) if len(ledes[key]) == 1 else "" for key, _ in groups
        ],
    )


def _clusters(groups: list[tuple[str, list[int]]], last: Floats) -> Ints:
    """By near-duplicate headlines and by test; `last` are their unit vectors."""
    sets = DisjointSet(range(len(last)))
    for a, b in near_duplicate_pairs({str(n): row for n, row in enumerate(last)}):
        sets.merge(int(a), int(b))
    first_of: dict[str, int] = {}
    for test, texts in groups:
        for text in texts:
            sets.merge(first_of.setdefault(test, texts[0]), text)
    roots = [sets[texts[0]] for _, texts in groups]
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)


def _encoded(
    texts: list[str], cache: Path, vectors: Path | None
) -> tuple[Floats, Floats]:
    """Layer four and the retrieval vector of each text, from the file where it has."""
    known: dict[str, tuple[Floats, Floats]] = {}
    if vectors is not None and vectors.exists():
        with np.load(vectors) as kept:
            rows = zip(kept["texts"], kept["layer"], kept["last"], strict=True)
            known = {str(text): (layer, last) for text, layer, last in rows}
    if new := [text for text in texts if text not in known]:
        files = [
            fetch_model_file(name, cache)
            for name in ("minilm-int8", "minilm-tokenizer")
        ]
        encoder, embedder = LayerEncoder(*files), LocalEmbedder(*files)
        for start in range(0, len(new), embedder.max_batch):
            part = new[start : start + embedder.max_batch]
            last = embedder.embed(part).vectors
            known |= zip(
                part, zip(encoder.encode(part), last, strict=True), strict=True
            )
        if vectors is not None:
            layers, lasts = zip(*known.values(), strict=True)
            np.savez(vectors, texts=list(known), layer=layers, last=lasts)
    layer = np.array([known[text][0] for text in texts], dtype=np.float64)
    return layer, np.array([known[text][1] for text in texts], dtype=np.float64)
