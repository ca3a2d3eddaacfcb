"""No request is larger than was asked for, nor than the model takes."""

from __future__ import annotations

from ig_assets.core.corpus.embedding.requests import Input, batches
from ig_assets_tests.core.corpus.corpus_factory import HashedWordsEmbedder


def sizes(tokens: list[int], size: int, **limits: int) -> list[list[int]]:
    embedder = HashedWordsEmbedder()
    for name, limit in limits.items():
        setattr(embedder, name, limit)
    inputs = [Input(f"h{n}", f"t{n}", taken) for n, taken in enumerate(tokens)]
    made = list(batches(inputs, embedder, size))
    assert [item for batch in made for item in batch] == inputs
    return [[item.tokens for item in batch] for batch in made]


def test_a_batch_holds_what_was_asked_for_or_what_the_model_takes() -> None:
    assert list(map(len, sizes([1] * 7, 3))) == [3, 3, 1]
    assert list(map(len, sizes([1] * 7, 100, max_batch=5))) == [5, 2]
    assert sizes([], 3) == []


def test_a_batch_never_takes_more_tokens_than_a_request_may() -> None:
    made = sizes([6, 4, 1, 10, 5, 5, 9], 100, max_request_tokens=10)
    assert made == [[6, 4], [1], [10], [5, 5], [9]]
