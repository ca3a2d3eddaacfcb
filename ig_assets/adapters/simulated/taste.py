"""The PLANTED preferences of a simulated audience, which are no model of people.

They are a function of the words and a seed, so that a method that learns them does
better and any other does not. They are listed in `docs/simulated-audience.md`. All
effects are on the log scale of a rate. Words are read as English; in other languages
only question marks, digits and lengths count.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from ig_assets.core.identity import seeded_unit

STYLES = ("question", "number", "mistake", "how_to", "story", "bold_claim")
STYLE_EFFECTS = (0.30, 0.18, 0.06, -0.06, -0.18, -0.30)
"""The effects of the six styles; the seed draws which style has which effect."""
YOU = 0.08
"""The effect of a hook that speaks to the viewer."""
HOOK_WORDS, HOOK_LENGTH = 9, 0.10
"""The best number of words of a hook, and the loss at half or twice that number."""
SCRIPT_WORDS, SCRIPT_LENGTH = 70, 0.08
"""The best number of words of a script, and the loss at half or twice that number."""
MOST_OFF = 2.0
"""The distance from the best length, in doublings, at which the loss is greatest."""
BRIEF = 0.15
"""The gain from covering all content words of topic and brief instead of none."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_STEM = 5
_SHORTEST = 4
_YOU = frozenset("you your yours yourself you're you'll you've you'd".split())
_I = frozenset("i my me mine we our us i'm i've i'd".split())
_NUMBERS = frozenset(
    "one two three four five six seven eight nine ten dozen half twice".split()
)
_MISTAKES = frozenset(
    "mistake mistakes wrong never stop don't won't can't ruins ruin spoils too".split()
)
_ORDERS = list(permutations(range(len(STYLES))))


def classified(hook: str) -> str:
    """Return the style of a hook by its words, whatever its label."""
    words = _words(hook)
    if hook.rstrip("\"'”’ ").endswith("?"):
        return "question"
    if words[:2] == ["how", "to"]:
        return "how_to"
    if any(mark.isdigit() for mark in hook) or _NUMBERS & set(words[:4]):
        return "number"
    if _I & set(words):
        return "story"
    if _MISTAKES & set(words):
        return "mistake"
    return "bold_claim"


@dataclass(frozen=True)
class Taste:
    """The preferences of one seed.

    With `drift_months` they change into others and back within that time, so that what
    was learnt long ago becomes wrong.
    """

    seed: int
    drift_months: float | None = None

    def of_styles(self, months: float = 0.0) -> dict[str, float]:
        """Return the effect of each style after `months`; the mean is 0."""
        liked = self._drawn("liked")
        if self.drift_months is None:
            return dict(zip(STYLES, liked, strict=True))
        angle = 2 * math.pi * months / self.drift_months
        other = self._drawn("liked later")
        return {
            style: math.cos(angle) * a + math.sin(angle) * b
            for style, a, b in zip(STYLES, liked, other, strict=True)
        }

    def of_hook(self, hook: str, months: float = 0.0) -> float:
        """Return the effect of a hook's words."""
        words = _words(hook)
        found = self.of_styles(months)[classified(hook)]
        if _YOU & set(words):
            found += YOU
        return found - HOOK_LENGTH * _off(len(words), HOOK_WORDS)

    def of_text(self, text: str, about: str = "", months: float = 0.0) -> float:
        """Return the effect of a script by its hook, length, and coverage of its brief.

        The hook is the first paragraph; `about` has the topic and the brief.
        """
        found = self.of_hook(text.split("\n\n", 1)[0], months)
        found -= SCRIPT_LENGTH * _off(len(_words(text)), SCRIPT_WORDS)
        return found + BRIEF * (covered(text, about) - 0.5)

    def _drawn(self, purpose: str) -> tuple[float, ...]:
        unit = seeded_unit(self.seed, purpose)
        order = _ORDERS[int(unit * len(_ORDERS))]
        return tuple(STYLE_EFFECTS[n] for n in order)


def covered(text: str, about: str) -> float:
    """Return the share of `about`'s content words that the text has; 0.5 without any.

    Content words have at least four letters; two are equal if their first five letters
    are.
    """
    asked = {word[:_STEM] for word in _words(about) if len(word) >= _SHORTEST}
    if not asked:
        return 0.5
    said = {word[:_STEM] for word in _words(text)}
    return len(asked & said) / len(asked)


def _words(text: str) -> Sequence[str]:
    return [word.replace("’", "'") for word in _WORD.findall(text.lower())]


def _off(words: int, best: int) -> float:
    """Return the distance from the best number of words in doublings.

    It is at most `MOST_OFF`.
    """
    return min(abs(math.log2(max(words, 1) / best)), MOST_OFF)
