"""A long text is split between sentences, wholly, the same way every time."""

from __future__ import annotations

import numpy as np
import pytest

from ig_assets.core.corpus.embedding.chunking import pool, split_text

LONG = " ".join(f"Sentence {n} says that the pan is hot." for n in range(40))


def words(text: str) -> int:
    return len(text.split())


def test_a_text_that_fits_is_its_own_only_chunk() -> None:
    assert split_text("One. Two.\n\nThree.", 3, words) == ["One. Two.\n\nThree."]


def test_chunks_end_between_sentences_and_are_as_long_as_fit() -> None:
    chunks = split_text(LONG, 50, words)
    assert [words(chunk) for chunk in chunks] == [48] * 6 + [32]
    assert all(chunk.endswith("hot.") for chunk in chunks)
    assert " ".join(chunks) == LONG


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        "knead the dough and " * 100,
        "Kurz! Sehr lang ohne Punkt " + "und weiter " * 70 + "bis zum Ende. Aus.",
        'He said "stop." Then\n\nshe left… (Why?) Who knows!\n- a\n- list\n' * 9,
    ],
)
def test_no_word_is_left_out_and_no_chunk_is_too_long(text: str) -> None:
    chunks = split_text(text, 30, words)
    assert " ".join(chunks).split() == text.split()
    assert len(chunks) > 1 and max(map(words, chunks)) <= 30


def test_a_word_that_is_too_long_is_split_between_characters() -> None:
    text = "盐要早放。" * 30 + "汤" * 90
    chunks = split_text(text, 20, len)
    assert "".join(chunks) == text and max(map(len, chunks)) <= 20
    assert chunks[0] == "盐要早放。" * 4, "sentences end without a space too"


def test_words_before_a_change_keep_their_chunks() -> None:
    changed = LONG.replace("Sentence 30 says", "Sentence thirty whispers")
    before, after = split_text(LONG, 50, words), split_text(changed, 50, words)
    assert before[:4] == after[:4] and before[5] != after[5]


def test_the_pooled_vector_is_the_mean_weighted_by_tokens() -> None:
    one, other = np.eye(2, dtype=np.float32)
    pooled = pool([one, other], [3, 4])
    np.testing.assert_allclose(pooled, [0.6, 0.8], rtol=1e-6)
    assert pooled.dtype == np.float32


def test_chunks_that_cancel_each_other_out_still_give_a_unit_vector() -> None:
    one = np.array([1.0, 0.0], np.float32)
    assert np.array_equal(pool([one, -one], [5, 5]), one)
