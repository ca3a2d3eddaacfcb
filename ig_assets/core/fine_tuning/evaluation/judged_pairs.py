"""Lets a model judge pairs of texts; only verdicts that agree in both orders count.

A model that judges prefers one position (Zheng et al. 2023, "Judging LLM-as-a-judge
with MT-bench and Chatbot Arena", NeurIPS 36), so each pair is shown in both orders. The
interval of the share of wins is that of Wilson (1927, "Probable inference, the law of
succession, and statistical inference", JASA 22).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

CANDIDATE, ACTIVE, UNDECIDED = 1, -1, 0
Z_95 = 1.959964

AskJudge = Callable[[str, str], int | None]
"""Returns the position (0 or 1) of the better text; None without a usable answer."""


@dataclass(frozen=True)
class Judged:
    """Numbers of pairs by the judge's verdict.

    A pair is won by the candidate (`wins`), won by the active model (`losses`), or
    undecided. The judge sees each pair twice, with the texts in either order; a pair is
    won only if the judge prefers the same text both times.
    """

    wins: int
    losses: int
    undecided: int

    @classmethod
    def of(cls, pairs: Sequence[int]) -> Judged:
        """Count the verdicts, one per pair: `CANDIDATE`, `ACTIVE` or `UNDECIDED`."""
        return cls(*(list(pairs).count(w) for w in (CANDIDATE, ACTIVE, UNDECIDED)))

    @property
    def consistent(self) -> int:
        """The number of pairs that were won by either model."""
        return self.wins + self.losses

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval (low, high) of the candidate's share of wins (0 to 1).

        The share is among the consistent pairs; (0, 1) if there are none.
        """
        return wilson_interval(self.wins, self.consistent)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"a judge preferred it in {self.wins} of the {self.consistent} pairs that "
            f"it judged alike in both orders (95 % interval {low:.0%} to {high:.0%}; "
            f"{self.undecided} not alike)"
        )


def wilson_interval(wins: int, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval (low, high) of the share wins/n; (0, 1) if n is 0.

    The module's docstring names the source.
    """
    if not n:
        return 0.0, 1.0
    share, square = wins / n, Z_95**2 / n
    middle = share + square / 2
    half = math.sqrt(share * (1 - share) * square + square**2 / 4)
    return (middle - half) / (1 + square), (middle + half) / (1 + square)


def in_both_orders(ask: AskJudge, candidate: str, active: str) -> int:
    """Return the model whose text is preferred in both orders: `CANDIDATE` or `ACTIVE`.

    Returns `UNDECIDED` if the orders do not agree or one of them has no usable answer.
    """
    first, second = ask(candidate, active), ask(active, candidate)
    if first is None or second is None or first == second:
        return UNDECIDED
    return CANDIDATE if first == 0 else ACTIVE
