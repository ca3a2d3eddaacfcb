from __future__ import annotations

import random

from ig_assets.core.fine_tuning.similarity.near_copies import (
    NEAR_COPY,
    jaccard,
    near_copies,
    word_runs,
)


def planted(count: int, seed: int) -> list[str]:
    """Texts, every other one an earlier text with 0 to 3 words changed."""
    draw = random.Random(seed)
    words = [f"w{n}" for n in range(300)]
    texts: list[list[str]] = []
    for number in range(count):
        text = draw.choices(words, k=draw.randint(40, 60))
        if number % 2:
            text = list(draw.choice(texts))
            for _ in range(draw.randint(0, 3)):
                text[draw.randrange(len(text))] = draw.choice(words)
        texts.append(text)
    return [" ".join(text) for text in texts]


def test_near_copies_are_those_of_a_comparison_of_every_two_texts() -> None:
    texts = planted(120, seed=3)
    runs = [word_runs(text) for text in texts]
    expected = [
        (a, b, jaccard(runs[a], runs[b]))
        for a in range(len(texts))
        for b in range(a + 1, len(texts))
        if jaccard(runs[a], runs[b]) >= NEAR_COPY
    ]
    assert len(expected) > 20
    assert near_copies(texts) == expected


def test_case_and_punctuation_make_no_other_text_and_two_words_are_like_none() -> None:
    assert near_copies(["Stop salting your pasta!", "stop, salting YOUR pasta"]) == [
        (0, 1, 1.0)
    ]
    assert near_copies(["two words", "two words", ""]) == []
