"""The embedder's middle layer, with the real model (marked) and with a tiny graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ig_assets.adapters.local_models.embedder import LocalEmbedder
from ig_assets.adapters.local_models.files import fetch_model_file
from ig_assets.adapters.local_models.layer_encoder import LayerEncoder
from ig_assets.adapters.local_models.network import with_output
from ig_assets.errors import InputError, MalformedAnswerError

CACHE = Path.home() / ".cache" / "ig_assets" / "models"
HOOKS = ["Salt your pasta water.", "You salt your pasta water wrong!"]


def text(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def value(number: int, name: str) -> bytes:
    """A ValueInfoProto: two numbers of 32 bits, under a field of the graph."""
    two = text(2, text(1, bytes([1 << 3 | 0, 2])))
    kind = text(1, bytes([1 << 3 | 0, 1]) + two)
    return text(number, text(1, name.encode()) + text(2, kind))


def node(operator: str, taken: str, given: str) -> bytes:
    inner = text(1, taken.encode()) + text(2, given.encode())
    return text(1, inner + text(4, operator.encode()))


TINY = (
    bytes([1 << 3 | 0, 8])  # the format's version
    + text(8, bytes([2 << 3 | 0, 13]))  # the operators' version
    + text(
        7,
        node("Neg", "x", "inside")
        + node("Abs", "inside", "end")
        + text(2, b"tiny")
        + value(11, "x")
        + value(12, "end"),
    )
)
"""A hand-written ONNX file: end = |inside|, inside = -x."""


def test_a_value_inside_a_graph_becomes_a_further_output_and_the_rest_stays() -> None:
    import onnxruntime

    def outputs(model: bytes) -> dict[str, list[float]]:
        session = onnxruntime.InferenceSession(
            model, providers=["CPUExecutionProvider"]
        )
        names = [o.name for o in session.get_outputs()]
        x = np.array([1.0, -2.0], dtype=np.float32)
        found = session.run(names, {"x": x})
        return {n: v.tolist() for n, v in zip(names, found, strict=True)}

    assert outputs(TINY) == {"end": [1.0, 2.0]}
    assert outputs(with_output(TINY, "inside")) == {
        "end": [1.0, 2.0],
        "inside": [-1.0, 2.0],
    }


def test_a_name_too_long_for_its_length_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="one byte"):
        with_output(TINY, "n" * 130)


class Words:
    def encode(self, text: str, add_special_tokens: bool) -> Any:
        return type("Encoding", (), {"ids": [len(word) for word in text.split()]})

    def token_to_id(self, mark: str) -> int:
        return 0


class Layer:
    """Gives each token its own number, and remembers which output it was asked for."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self.asked: list[Any] = []

    def get_inputs(self) -> list[Any]:
        return [type("Node", (), {"name": "input_ids"})]

    def run(self, names: list[str] | None, feed: dict[str, Any]) -> list[Any]:
        self.asked.append(names)
        ids = feed["input_ids"][..., None] * self.scale
        return [np.broadcast_to(ids, (*ids.shape[:2], 384)).astype(np.float32)]


def encoder_of(layer: Layer) -> LayerEncoder:
    encoder = LayerEncoder(Path("model.onnx"), Path("tokenizer.json"))
    encoder._network._session, encoder._network._tokenizer = layer, Words()
    return encoder


def test_a_hook_is_the_plain_mean_of_its_tokens_in_layer_four() -> None:
    layer = Layer()
    found = encoder_of(layer).encode(["four five5 seven77", "ab"])
    np.testing.assert_allclose(found[:, 0], [(0 + 4 + 5 + 7 + 0) / 5, 2 / 3])
    assert found.shape == (2, 384) and layer.asked == [["layer_norm_8"]] * 2


def test_what_is_no_number_or_no_text_is_refused() -> None:
    with pytest.raises(MalformedAnswerError, match="not a number"):
        encoder_of(Layer(float("nan"))).encode(["one"])
    with pytest.raises(InputError, match="Text 1 of 1 is empty"):
        encoder_of(Layer()).encode([" "])


@pytest.mark.model
def test_the_layer_is_another_view_and_leaves_the_retrieval_vector_as_it_was() -> None:
    model = fetch_model_file("minilm-int8", CACHE)
    tokenizer = fetch_model_file("minilm-tokenizer", CACHE)
    embedder = LocalEmbedder(model, tokenizer)
    encoder = LayerEncoder(model, tokenizer)
    before = embedder.embed(HOOKS).vectors
    inside = encoder.encode(HOOKS)
    assert inside.shape == (2, 384) and inside.dtype == np.float32
    assert np.array_equal(embedder.embed(HOOKS).vectors, before)
    norms = np.linalg.norm(inside, axis=1, keepdims=True)
    assert (norms > 1.5).all()  # not normalised
    assert np.abs(np.sum(inside / norms * before, axis=1)).max() < 0.5
