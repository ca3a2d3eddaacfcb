"""The embedder on the machine, with the real model (marked) and with a tiny one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ig_assets.adapters.local_models.embedder import TOGETHER, LocalEmbedder
from ig_assets.adapters.local_models.files import fetch_model_file
from ig_assets.adapters.local_models.network import MAX_TOKENS
from ig_assets.core.corpus.embedding.chunking import pool, split_text
from ig_assets.errors import InputError, MalformedAnswerError, ModelFileError

CACHE = Path.home() / ".cache" / "ig_assets" / "models"
SALT = "Salt your pasta water until it tastes like the sea."
SALT_TOO = "How much salt belongs in the water for pasta?"
KNIFE = "Sharpen a kitchen knife on the bottom of a ceramic mug."
LONG = " ".join(
    f"Sentence {n} says that the pan is hot, then hotter, and the oil shimmers."
    for n in range(60)
)


@pytest.fixture(scope="module")
def embedder() -> LocalEmbedder:
    return LocalEmbedder(
        fetch_model_file("minilm-int8", CACHE),
        fetch_model_file("minilm-tokenizer", CACHE),
    )


@pytest.mark.model
def test_similar_sentences_are_closer_than_different_ones(
    embedder: LocalEmbedder,
) -> None:
    salt, too, knife = embedder.embed([SALT, SALT_TOO, KNIFE]).vectors
    assert salt @ too > 0.6 > 0.4 > max(salt @ knife, too @ knife)


@pytest.mark.model
def test_vectors_are_unit_float32_and_usage_counts_every_token(
    embedder: LocalEmbedder,
) -> None:
    answer = embedder.embed([SALT, KNIFE])
    assert answer.vectors.shape == (2, 384) and answer.vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(answer.vectors, axis=1), 1, atol=1e-6)
    counted = embedder.count_tokens(SALT) + embedder.count_tokens(KNIFE)
    assert answer.usage.input_tokens == counted


@pytest.mark.model
def test_a_vector_does_not_depend_on_what_is_embedded_with_it(
    embedder: LocalEmbedder,
) -> None:
    texts = [SALT, KNIFE, SALT_TOO, *(LONG[: 40 * n] for n in range(1, 20))]
    together = embedder.embed(texts).vectors
    alone = [embedder.embed([text]).vectors[0] for text in texts]
    assert np.array_equal(together, np.stack(alone))


@pytest.mark.model
def test_a_text_over_the_window_is_refused_and_its_chunks_lose_no_token(
    embedder: LocalEmbedder,
) -> None:
    limit, count = embedder.max_input_tokens, embedder.count_tokens
    with pytest.raises(InputError, match="split it"):
        embedder.embed([SALT, LONG])
    chunks = split_text(LONG, limit, count)
    assert len(chunks) > 3 and max(map(count, chunks)) <= limit == MAX_TOKENS
    assert all(chunk.endswith("shimmers.") for chunk in chunks)
    marks = 2
    inner = sum(count(chunk) - marks for chunk in chunks)
    assert inner == count(LONG) - marks
    assert embedder.embed(chunks).vectors.shape == (len(chunks), 384)


@pytest.mark.model
def test_a_pooled_text_is_nearly_what_a_wider_window_would_give(
    embedder: LocalEmbedder,
) -> None:
    chunks = split_text(LONG, embedder.max_input_tokens, embedder.count_tokens)
    pooled = pool(
        list(embedder.embed(chunks).vectors), [embedder.count_tokens(c) for c in chunks]
    )
    ids = embedder._network.token_ids(chunks)
    states = np.concatenate([embedder._network.states(chunk) for chunk in ids])
    mean = states.mean(axis=0, dtype=np.float64)
    assert pooled @ (mean / np.linalg.norm(mean)) > 0.999


@pytest.mark.model
def test_a_text_of_signs_the_model_does_not_know_still_has_a_vector(
    embedder: LocalEmbedder,
) -> None:
    assert embedder.embed(["\u200b\u200b", "🧂🍝"]).vectors.shape == (2, 384)


class Words:
    """A tokenizer that gives every word one number."""

    def encode(self, text: str, add_special_tokens: bool) -> Any:
        return type("Encoding", (), {"ids": [len(word) for word in text.split()]})

    def token_to_id(self, mark: str) -> int:
        return 0


class Model:
    """A model that answers with what the test says."""

    def __init__(self, value: float, dimensions: int = 384) -> None:
        self._value, self._dimensions = value, dimensions

    def get_inputs(self) -> list[Any]:
        return [type("Node", (), {"name": "input_ids"})]

    def run(self, names: None, feed: dict[str, Any]) -> list[Any]:
        shape = (*feed["input_ids"].shape, self._dimensions)
        return [np.full(shape, self._value, dtype=np.float32)]


def with_model(model: Any, free_cores: Callable[[], int] = lambda: 1) -> LocalEmbedder:
    embedder = LocalEmbedder(
        Path("model.onnx"), Path("tokenizer.json"), free_cores=free_cores
    )
    embedder._network._session, embedder._network._tokenizer = model, Words()
    return embedder


@pytest.mark.parametrize(
    "model", [Model(float("nan")), Model(float("inf")), Model(0.0), Model(1.0, 383)]
)
def test_what_is_no_vector_is_malformed(model: Model) -> None:
    with pytest.raises(MalformedAnswerError):
        with_model(model).embed(["one"])


class MaskedSum:
    """A model whose states are the token's number plus its text's sum; it can wait."""

    def __init__(self, at_once: int = 1) -> None:
        self._both = threading.Barrier(at_once, timeout=60)
        self.shapes: list[tuple[int, ...]] = []

    def get_inputs(self) -> list[Any]:
        names = ("input_ids", "attention_mask")
        return [type("Node", (), {"name": name}) for name in names]

    def run(self, names: None, feed: dict[str, Any]) -> list[Any]:
        ids, mask = feed["input_ids"], feed["attention_mask"]
        self.shapes.append(ids.shape)
        self._both.wait()
        sums = (ids * mask).sum(axis=1)[:, None] + ids
        return [np.stack([sums, *[ids] * 383], axis=-1).astype(np.float32)]


def test_texts_of_about_one_length_go_together_and_keep_their_order_and_vectors() -> (
    None
):
    texts = [
        " ".join("abcdefg"[: 1 + n * k % 7] for k in range(n)) for n in range(1, 21)
    ]
    model = MaskedSum()
    together = with_model(model).embed(texts).vectors
    assert sorted(rows for rows, _ in model.shapes) == [4, TOGETHER, TOGETHER]
    alone = [with_model(MaskedSum()).embed([text]).vectors[0] for text in texts]
    assert np.array_equal(together, np.stack(alone))


def test_free_cores_take_a_part_of_the_texts_each() -> None:
    embedder = with_model(MaskedSum(at_once=2), free_cores=lambda: 2)
    texts = [f"{'a' * (n % 5 + 1)} b" for n in range(2 * TOGETHER)]
    assert embedder.embed(texts).vectors.shape == (2 * TOGETHER, 384)


def test_empty_texts_and_too_many_are_not_embedded() -> None:
    embedder = with_model(Model(1.0))
    with pytest.raises(InputError, match="Text 2 of 2 is empty"):
        embedder.embed(["one", " \n"])
    with pytest.raises(InputError, match="IG_EMBED_BATCH"):
        embedder.embed(["one"] * 101)
    assert embedder.embed([]).vectors.shape == (0, 384)


def test_files_that_are_no_model_are_told_in_a_sentence(tmp_path: Path) -> None:
    for name in ("model.onnx", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    broken = LocalEmbedder(tmp_path / "model.onnx", tmp_path / "tokenizer.json")
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        broken.embed(["one"])
