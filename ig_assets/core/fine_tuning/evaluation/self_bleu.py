"""Self-BLEU: how many phrases a model's texts for different topics share.

Each text is scored by BLEU (Papineni et al. 2002, "BLEU: a method for automatic
evaluation of machine translation", ACL) with all other texts as references, and the
mean is taken (Zhu et al. 2018, "Texygen", SIGIR). It is 1 if all texts are alike, and
near 0 if they share no phrase. A longer text shares more by chance, so all are cut to
the same number of words, and no brevity penalty is needed. A precision of 0 counts as
half a match (Chen and Cherry 2014, "A systematic comparison of smoothing techniques for
sentence-level BLEU", WMT).

It is implemented here because sacrebleu scores corpora against fixed references, has no
self-BLEU, and would add three packages.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

LONGEST_RUN = 4
_WORD = re.compile(r"[^\W_]+")


def self_bleu(texts: Sequence[str], words: int) -> float | None:
    """Return the self-BLEU (0 to 1) of texts, each cut to its first `words` words.

    Shorter texts are left out. Returns None if fewer than two texts are left, or if
    `words` is below four, the length of the longest word runs compared.
    """
    cut = [_WORD.findall(text.casefold())[:words] for text in texts]
    counted = [_run_counts(each) for each in cut if len(each) == words]
    if len(counted) < 2 or words < LONGEST_RUN:
        return None
    scores = [
        _bleu(mine, counted[:place] + counted[place + 1 :])
        for place, mine in enumerate(counted)
    ]
    return sum(scores) / len(scores)


def shared_length(*of_models: Sequence[str]) -> int:
    """Return the smallest of the models' median text lengths, in words.

    If texts are cut to this length, at least half of each model's texts can be
    compared.
    """
    medians = []
    for texts in of_models:
        lengths = sorted(len(_WORD.findall(text)) for text in texts)
        medians.append(lengths[(len(lengths) - 1) // 2] if lengths else 0)
    return min(medians, default=0)


Runs = list[Counter[tuple[str, ...]]]


def _run_counts(words: Sequence[str]) -> Runs:
    """Return the counts of word runs, one counter per length from 1 to 4."""
    return [
        Counter(
            tuple(words[start : start + length])
            for start in range(len(words) - length + 1)
        )
        for length in range(1, LONGEST_RUN + 1)
    ]


def _bleu(mine: Runs, others: Sequence[Runs]) -> float:
    total = 0.0
    for length, runs in enumerate(mine):
        shared = sum(
            min(count, max(other[length][run] for other in others))
            for run, count in runs.items()
        )
        total += math.log((shared or 0.5) / runs.total())
    return math.exp(total / LONGEST_RUN)
