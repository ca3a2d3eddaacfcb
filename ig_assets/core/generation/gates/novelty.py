"""Measures the novelty of a text: one minus its largest overlap with one script.

The overlap is the share of the text's word runs that the script contains. The longest
run of words that a text shares with a script is found too, and the words that a text
has from the worked example of a prompt, which small models copy.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ig_assets.core.generation import prompts
from ig_assets.core.generation.gates.content_words import (
    SHORTEST,
    STEM_LETTERS,
    content_words,
    words_of,
)
from ig_assets.core.generation.prompts.examples import examples_in

RUN_WORDS = 5
COPIED_WORDS = 8
_WORD = re.compile(r"\w+", re.UNICODE)
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")


# Words of examples that say nothing of their subjects.
_PLAIN = frozenset(
    # English
    "save find need next later time easy simple small steps step take right wrong "
    "people most keep longer last week weeks days night open close closed leave left "
    "play leaving clean cleaning cleans treat habits stop threw away droop want once "
    "because makes made three four against barely hand cloth damp wipe "
    # German
    "speichere später findest nächsten mal leicht klein kleine griffe haus richtig "
    "falsch leute nachts offen ganz ganze woche tage tagen zwei drei vier braucht "
    "brauchen lassen lass ließ halten hältst halte sollen länger bleiben reinigen "
    "reinigst reinigt saubere geschlossen fast schneiden stell hängen deckel "
    "habe lang waren gegen neben wegen schritte macht tuch feucht feuchtes abwischst "
    "abgewischt "
    # Spanish
    "guarda tenerlo mano manos necesites próximo próxima fácil pasos paso todo cuatro "
    "tres días semana noche abierta dejaba dejaban dejes deja dejar bien mal casi "
    "limpiar limpia muy quieres hacer duran duren mantener cuidas piden cerraba "
    "estaban están está toques secar toda junto contra apenas paño húmedo húmedas tapa "
    "mantienen pongas".split()
)


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


@lru_cache(maxsize=32)
def words_of_examples(instructions: str, language: str) -> frozenset[str]:
    """Return the words, in lower case, by which a copy of an example is recognised.

    They are the content words of its hooks, call to action and on-screen text, without
    plain ones such as `save`.
    """
    said = {
        word
        for answer in examples_in(instructions, language)
        for part in (
            *answer["hooks"],
            answer["call_to_action"],
            answer["on_screen_text"],
        )
        for word in content_words(part)
    }
    return frozenset(w for w in said - _PLAIN if not w[0].isdigit())


def copied_from_example(
    text: str,
    language: str,
    known: str,
    instructions: Sequence[str] = prompts.WITH_EXAMPLES,
) -> list[str]:
    """Return the words of a text that stand in an example of a prompt, each once.

    `instructions` are names of prompt files.
    Words of `known` (topic, brief) are the writer's own. Two words are the same if
    their first five letters are; those of `known` need the first four.
    """
    example = {
        word[:STEM_LETTERS]
        for name in instructions
        for word in words_of_examples(name, language)
    }
    given = {word[:SHORTEST] for word in content_words(known)}
    return [
        word
        for word in dict.fromkeys(words_of(text))
        if len(word) >= SHORTEST
        and word[:STEM_LETTERS] in example
        and word[:SHORTEST] not in given
    ]
