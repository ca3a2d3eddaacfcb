"""Tokenises training rows with the base model's tokenizer, as the local server does.

Prompt and answer are tokenised separately, since the server reads the prompt alone
before it writes. The answer ends with the token at which the server stops.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ig_assets.adapters.lora.fit.recipe import Recipe
from ig_assets.adapters.lora.rows import TrainingRow, relative_weights

TOO_LONG, CONTROL_TOKEN = "too long", "control token"


@dataclass(frozen=True)
class Tokens:
    """The token ids of a prompt with its answer; `answer` is the answer's length."""

    ids: tuple[int, ...]
    answer: int


@dataclass(frozen=True)
class TokenRow:
    """A tokenised row; `weight` is 1 on average, `rejected` is None if supervised."""

    weight: float
    chosen: Tokens
    rejected: Tokens | None

    @property
    def tokens(self) -> int:
        """The number of tokens that a step over this row reads."""
        lost = len(self.rejected.ids) if self.rejected else 0
        return len(self.chosen.ids) + lost


@dataclass(frozen=True)
class ChatTokenizer:
    """The base model's own tokenizer.

    `prompt_ids(instructions, prompt)` returns the ids up to the beginning of the
    answer, `text_ids(text)` those of a text. `special` are ids that may not occur in a
    text.
    """

    prompt_ids: Callable[[str, str], Sequence[int]]
    text_ids: Callable[[str], Sequence[int]]
    special: frozenset[int]
    end: int


@dataclass(frozen=True)
class Step:
    """One update of the weights: stage, indices of its rows, and learning rate.

    `stage` is "sft" or "dpo". After a step that `ends_epoch`, the held-out rows are
    measured.
    """

    stage: str
    rows: tuple[int, ...]
    learning_rate: float
    ends_epoch: bool


def token_rows(
    rows: Sequence[TrainingRow], tokenizer: ChatTokenizer, most_tokens: int
) -> tuple[list[TokenRow], dict[str, int]]:
    """Return the tokenised rows, and the number of excluded rows by reason.

    Rows over `most_tokens` (prompt and answer) are excluded, since a truncated answer
    teaches the model to stop too late. Rows with a control token in a text are
    excluded, since the model reads it as the beginning of another turn. Weights are
    relative to the rows kept.
    """
    kept: list[TrainingRow] = []
    pairs: list[tuple[Tokens, Tokens | None]] = []
    excluded: dict[str, int] = {}
    empty = len(_special(tokenizer, tokenizer.prompt_ids("", "")))
    for row in rows:
        asked = tokenizer.prompt_ids(row.instructions, row.prompt)
        answers = [row.answer] if row.rejected is None else [row.answer, row.rejected]
        found = [_tokens(tokenizer, asked, answer) for answer in answers]
        reason = None
        if any(len(one.ids) > most_tokens for one in found):
            reason = TOO_LONG
        if any(len(_special(tokenizer, one.ids)) != empty + 1 for one in found):
            reason = CONTROL_TOKEN
        if reason is not None:
            excluded[reason] = excluded.get(reason, 0) + 1
            continue
        kept.append(row)
        pairs.append((found[0], found[1] if len(found) > 1 else None))
    weights = relative_weights(kept)
    made = [TokenRow(w, a, b) for w, (a, b) in zip(weights, pairs, strict=True)]
    return made, excluded


def plan_steps(supervised: int, pairs: int, recipe: Recipe, seed: int) -> list[Step]:
    """Return all steps of a training; equal numbers and seeds give equal steps."""
    return [
        *_stage("sft", supervised, recipe.epochs, recipe.learning_rate, recipe, seed),
        *_stage(
            "dpo", pairs, recipe.pair_epochs, recipe.pair_learning_rate, recipe, seed
        ),
    ]


def _stage(
    stage: str, rows: int, epochs: int, rate: float, recipe: Recipe, seed: int
) -> list[Step]:
    groups: list[tuple[tuple[int, ...], bool]] = []
    for epoch in range(epochs if rows else 0):
        order = list(range(rows))
        random.Random(f"{seed} {stage} {epoch}").shuffle(order)
        cut = range(0, rows, recipe.rows_per_step)
        parts = [tuple(order[at : at + recipe.rows_per_step]) for at in cut]
        groups += [(part, part is parts[-1]) for part in parts]
    return [
        Step(stage, part, rate * (1 - number / len(groups)), last)
        for number, (part, last) in enumerate(groups)
    ]


def _tokens(tokenizer: ChatTokenizer, asked: Sequence[int], answer: str) -> Tokens:
    ids = [*tokenizer.text_ids(answer), tokenizer.end]
    return Tokens((*asked, *ids), len(ids))


def _special(tokenizer: ChatTokenizer, ids: Iterable[int]) -> list[int]:
    return [i for i in ids if i in tokenizer.special]
