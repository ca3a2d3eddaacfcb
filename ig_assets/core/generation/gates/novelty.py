"""Measures the novelty of a text: one minus its largest overlap with one script.

The overlap is the share of the text's word runs that the script contains. The longest
run of words that a text shares with a script is found too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

import numpy as np
import numpy.typing as npt

RUN_WORDS = 5
COPIED_WORDS = 8
_WORD = re.compile(r"\w+", re.UNICODE)
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")


def word_runs(text: str, length: int = RUN_WORDS) -> set[tuple[str, ...]]:
    """Return every run of `length` words in lower case; a shorter text is one run."""
    return set(_runs(_words(text), length))


def sibling_similarity(text: str, siblings: Sequence[str]) -> float:
    """Return the largest Jaccard similarity (0 to 1) of word pairs with any sibling."""
    pairs = word_runs(text, 2)
    best = 0.0
    for sibling in siblings:
        other = word_runs(sibling, 2)
        union = pairs | other
        best = max(best, len(pairs & other) / len(union) if union else 0.0)
    return best


class CorpusRuns:
    """The five-word runs of many texts, for comparison with other texts.

    A run is stored as a 64-bit hash and the number of its text: 12 bytes, so that
    100,000 scripts take about 150 MB, where sets of words would take gigabytes.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = list(texts)
        hashes: list[npt.NDArray[np.int64]] = []
        lengths = []
        for text in self._texts:
            runs = np.array([hash(run) for run in word_runs(text)], dtype=np.int64)
            hashes.append(runs)
            lengths.append(len(runs))
        every = np.concatenate(hashes) if hashes else np.array([], dtype=np.int64)
        owners = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        order = np.argsort(every, kind="stable")
        self._hashes, self._owners = every[order], owners[order]

    def novelty(self, text: str) -> float:
        """Return one minus the largest share of the text's runs in one corpus text.

        The result is 0 to 1; a text without words has novelty 0.
        """
        runs = word_runs(text)
        if not runs:
            return 0.0
        shared = Counter(n for run in runs for n in self._having(run))
        return 1.0 - max(shared.values(), default=0) / len(runs)

    def longest_shared_run(self, text: str) -> int:
        """Return the length in words of the longest run that a corpus text shares.

        Returns 0 if the run has fewer than five words.
        """
        return len(self.shared_words(text))

    def shared_words(self, text: str) -> list[str]:
        """Return the longest run of words that a corpus text shares, in lower case.

        The list is empty if the run has fewer than five words.
        """
        words = _words(text)
        shared = Counter(n for run in _runs(words) for n in self._having(run))
        best: list[str] = []
        for number, runs in shared.most_common():
            # n words in a row hold n - 4 runs, so no later text can have a longer one.
            if len(best) >= runs + RUN_WORDS - 1:
                break
            found = _common_run(words, _words(self._texts[number]))
            best = found if len(found) > len(best) else best
        return best if len(best) >= RUN_WORDS else []

    def without_copied_sentences(self, text: str) -> str:
        """Return the text without sentences that were copied from the corpus.

        A sentence counts as copied if one corpus text shares COPIED_WORDS (8) of its
        words in a row, or all of them. Sentences of fewer than RUN_WORDS (5) words
        stay. The division into paragraphs stays; the result may be empty.
        """
        paragraphs = (
            " ".join(s for s in _SENTENCE_END.split(part) if not self._is_copied(s))
            for part in text.split("\n\n")
        )
        return "\n\n".join(part for part in paragraphs if part)

    def _is_copied(self, sentence: str) -> bool:
        words = len(_words(sentence))
        return words >= RUN_WORDS and self.longest_shared_run(sentence) >= min(
            words, COPIED_WORDS
        )

    def _having(self, run: tuple[str, ...]) -> list[int]:
        """Return the numbers of the texts that have the run."""
        value = np.int64(hash(run))
        first = np.searchsorted(self._hashes, value, side="left")
        last = np.searchsorted(self._hashes, value, side="right")
        return list(map(int, self._owners[first:last]))


def longest_common_run(words: Sequence[str], others: Sequence[str]) -> int:
    """Return the length in words of the longest run that both sequences have."""
    return len(_common_run(words, others))


def _common_run(words: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return the longest run of words that both sequences have."""
    matcher = SequenceMatcher(None, words, others, autojunk=False)
    match = matcher.find_longest_match()
    return list(words[match.a : match.a + match.size])


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs(words: Sequence[str], length: int = RUN_WORDS) -> list[tuple[str, ...]]:
    if len(words) < length:
        return [tuple(words)] if words else []
    return [tuple(words[i : i + length]) for i in range(len(words) - length + 1)]
