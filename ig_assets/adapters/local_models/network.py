"""Runs one ONNX network with its tokenizer, to get the hidden states of texts.

Padding has no weight in any sum, so that a padded text has bit by bit the same states
as the text alone (observed with onnxruntime 1.32, whose matrix products sum each row in
one order; `test_embedder` checks it).

The states of an inner layer are not an output of the model file. In protobuf, two
serialised messages of one type that follow each other are read as one message, in which
lists are appended (encoding guide, *Last One Wins*). So a model that has one more
output and nothing else is appended to the file's bytes: this is the same network with
that output.
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
    """Runs MiniLM and its tokenizer; both are loaded at first use. Thread-safe.

    `output` names a value in the graph to read instead of the last hidden states.
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
        """Return the number of tokens of a text, with the two special tokens."""
        self._load()
        return len(self._encode(text)) + MARKS

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, with both special tokens.

        Raises InputError for an empty text or one over 256 tokens; ModelFileError if
        the files do not load.
        """
        for number, text in enumerate(texts, start=1):
            if not text.strip():
                raise InputError(f"Text {number} of {len(texts)} is empty.")
        self._load()
        return [self._ids(text, number) for number, text in enumerate(texts, start=1)]

    def states(self, ids: Sequence[int]) -> Array:
        """Return the hidden states of one text, shape (tokens, dimensions).

        Raises MalformedAnswerError if the output has another shape.
        """
        return self.states_of([ids])[0]

    def states_of(self, rows: Sequence[Sequence[int]]) -> list[Array]:
        """Return the hidden states of each text, shape (tokens, dimensions).

        The texts are run together, padded to the longest one, so they should be of
        similar length. Raises MalformedAnswerError if the output has another shape.
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
        """Return the token ids of a text.

        `number` is its place in the request, from 1.
        """
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
    """Return the serialised ONNX model with an inner tensor as an additional output.

    `name` is the name of the inner tensor. Raises ValueError if it is longer than 123
    bytes.
    """
    value = _field(_NAME, name.encode())
    return model + _field(_GRAPH, _field(_OUTPUT, value))


def _field(number: int, content: bytes) -> bytes:
    """Encode a protobuf field of wire type 2: tag, length, bytes."""
    if number > 15 or len(content) > 127:
        raise ValueError("Tag and length must fit into one byte each.")
    return bytes([number << 3 | 2, len(content)]) + content
