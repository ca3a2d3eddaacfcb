"""One ONNX network with its tokenizer: the hidden states of texts, alone or a few.

What a text is padded with has no weight in any sum, so that its states are bit by bit
those of the text alone (seen with onnxruntime 1.32, whose products of matrices sum each
row in one order; `test_embedder` holds it).

The states of a layer inside the network are an output that the file does not name. A
serialised protobuf message followed by another of its type is the two merged, lists
appended (protobuf's encoding guide, *Last One Wins*), so the file's bytes followed by a
model that holds nothing but one more output are the same network with that output.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ig_assets.errors import InputError, MalformedAnswerError, ModelFileError

# `max_seq_length` in the publisher's sentence_bert_config.json, with both marks.
MAX_TOKENS = 256
MARKS = 2  # [CLS] and [SEP]

# Field numbers in onnx.proto: ModelProto.graph, GraphProto.output, ValueInfoProto.name.
_GRAPH, _OUTPUT, _NAME = 7, 12, 1

Array = npt.NDArray[Any]


class Network:
    """MiniLM's file and tokenizer; loads at first use, by several threads at once.

    `output` names a value inside the graph to read instead of the last hidden states.
    """

    def __init__(
        self,
        model: str,
        dimensions: int,
        model_path: Path,
        tokenizer_path: Path,
        *,
        threads: int = 1,
        output: str | None = None,
    ) -> None:
        self.model = model
        self.dimensions = dimensions
        self._model_path = model_path
        self._tokenizer_path = tokenizer_path
        self._threads = threads
        self._output = output
        self._session: Any = None
        self._tokenizer: Any = None
        self._loading = threading.Lock()

    def count_tokens(self, text: str) -> int:
        """Tokens of the text as this model counts, its two marks included."""
        self._load()
        return len(self._encode(text)) + MARKS

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text with both marks.

        Raises InputError for an empty text or one over 256 tokens; ModelFileError
        where the files do not load.
        """
        for number, text in enumerate(texts, start=1):
            if not text.strip():
                raise InputError(f"Text {number} of {len(texts)} is empty.")
        self._load()
        return [self._ids(text, number) for number, text in enumerate(texts, start=1)]

    def states(self, ids: Sequence[int]) -> Array:
        """Hidden states of shape (tokens, dimensions).

        Raises MalformedAnswerError where the output has another shape.
        """
        return self.states_of([ids])[0]

    def states_of(self, rows: Sequence[Sequence[int]]) -> list[Array]:
        """Hidden states of each text, of shape (tokens, dimensions), in one pass.

        The texts are padded to the longest, so they should be about as long. Raises
        MalformedAnswerError where the output has another shape.
        """
        longest = max(map(len, rows))
        input_ids = np.zeros((len(rows), longest), dtype=np.int64)
        mask = np.zeros_like(input_ids)
        for place, ids in enumerate(rows):
            input_ids[place, : len(ids)] = ids
            mask[place, : len(ids)] = 1
        feed = {
            "input_ids": input_ids,
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(input_ids),
        }
        wanted = {node.name for node in self._session.get_inputs()}
        outputs = None if self._output is None else [self._output]
        answer = self._session.run(
            outputs, {k: v for k, v in feed.items() if k in wanted}
        )
        states: Array = np.asarray(answer[0])
        if states.shape != (*input_ids.shape, self.dimensions):
            raise MalformedAnswerError(
                f"{self.model} gave an output of shape {states.shape} where "
                f"{(*input_ids.shape, self.dimensions)} was expected.",
                sum(map(len, rows)),
                0,
            )
        return [states[place, : len(ids)] for place, ids in enumerate(rows)]

    def _ids(self, text: str, number: int) -> list[int]:
        """`number` counts the texts of a request from 1."""
        start, end = (self._tokenizer.token_to_id(m) for m in ("[CLS]", "[SEP]"))
        ids = [start, *self._encode(text), end]
        if len(ids) > MAX_TOKENS:
            raise InputError(
                f"Text {number} has {len(ids)} tokens, more than the "
                f"{MAX_TOKENS} that {self.model} reads; split it."
            )
        return ids

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _load(self) -> None:
        with self._loading:
            if self._session is not None:
                return
            import onnxruntime
            from tokenizers import Tokenizer

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self._threads
            options.inter_op_num_threads = 1
            try:
                tokenizer = Tokenizer.from_file(str(self._tokenizer_path))
                source: str | bytes = str(self._model_path)
                if self._output is not None:
                    source = with_output(self._model_path.read_bytes(), self._output)
                session = onnxruntime.InferenceSession(
                    source, options, providers=["CPUExecutionProvider"]
                )
            except Exception as error:  # both libraries raise bare exceptions
                raise ModelFileError(
                    f"{self._model_path.name} or {self._tokenizer_path.name} in "
                    f"{self._model_path.parent} cannot be loaded "
                    f"({type(error).__name__}); delete both to fetch them again."
                ) from error
            tokenizer.no_truncation()  # the file itself asks to cut at 128 tokens
            tokenizer.no_padding()
            self._tokenizer, self._session = tokenizer, session


def with_output(model: bytes, name: str) -> bytes:
    """The serialised ONNX model with the graph's value `name` as a further output."""
    value = _field(_NAME, name.encode())
    return model + _field(_GRAPH, _field(_OUTPUT, value))


def _field(number: int, content: bytes) -> bytes:
    """A protobuf field of wire type 2 (a length, then the bytes)."""
    if number > 15 or len(content) > 127:
        raise ValueError("Tag and length must fit into one byte each.")
    return bytes([number << 3 | 2, len(content)]) + content
