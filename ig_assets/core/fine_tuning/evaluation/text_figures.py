"""Computes the figures by which two models' texts are compared, without their words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ig_assets.core.generation.gates.novelty import CorpusRuns

_WORD = re.compile(r"[^\W_]+")
RUN_WORDS = 3
SKETCH_SIZE = 64


@dataclass(frozen=True)
class TextFigures:
    """Figures of one text: usable or not, its repetition and novelty, and a sketch.

    `repeated` is the share of its three-word runs that are repetitions; `novelty` is
    one minus the largest share of its five-word runs that one training text contains
    (both 0 to 1). `sketch` has the least hashes of its three-word runs (MinHash) and is
    empty for a text without one.
    """

    usable: bool
    repeated: float = 0.0
    novelty: float = 1.0
    sketch: tuple[int, ...] = ()


def figures_of(text: str | None, trained_on: CorpusRuns) -> TextFigures:
    """Return the figures of a text; `trained_on` holds the training set's texts."""
    if text is None:
        return TextFigures(usable=False)
    runs = _runs(_WORD.findall(text.casefold()))
    repeated = 1.0 - len(set(runs)) / len(runs) if runs else 0.0
    return TextFigures(True, repeated, trained_on.novelty(text), _sketch(runs))


def mean_similarity(texts: Sequence[TextFigures]) -> float:
    """Return the mean Jaccard similarity of all pairs of texts; 0 without a pair.

    It is estimated from the texts' sketches.
    """
    sketches = [np.array(t.sketch) for t in texts if t.sketch]
    found = [
        float(np.mean(a == b))
        for place, a in enumerate(sketches)
        for b in sketches[place + 1 :]
    ]
    return float(np.mean(found)) if found else 0.0


def _runs(words: Sequence[str]) -> list[str]:
    return [
        " ".join(words[start : start + RUN_WORDS])
        for start in range(len(words) - RUN_WORDS + 1)
    ]


def _sketch(runs: Sequence[str]) -> tuple[int, ...]:
    """Return the MinHash sketch of the runs: the minima of 64 hashes of 32 bits."""
    if not runs:
        return ()
    least = np.full(SKETCH_SIZE, 2**32 - 1, dtype=np.uint32)
    for run in set(runs):
        digest = hashlib.shake_128(run.encode()).digest(4 * SKETCH_SIZE)
        least = np.minimum(least, np.frombuffer(digest, "<u4"))
    return tuple(int(value) for value in least)
