"""Embeddings on the machine: MiniLM with int8 weights (ONNX), one text at a time.

A text goes through the model alone and unpadded, so its vector depends on nothing
but the text, whatever is embedded with it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ig_assets.core.ports import EmbeddingAnswer, TokenUsage
from ig_assets.errors import InputError, MalformedAnswerError, ModelFileError

# `max_seq_length` in the publisher's sentence_bert_config.json, with both marks.
MAX_TOKENS = 256
_MARKS = 2  # [CLS] and [SEP]

Array = npt.NDArray[Any]


class LocalEmbedder:
    """Fulfils the `Embedder` port with a model file; loads at first use.

    The vector of a text is the normalised mean of its tokens' last hidden states.
    A text over 256 tokens is refused, not cut: callers split it.
    """

    provider = "local"
    model = "all-MiniLM-L6-v2-int8"
    dimensions = 384
    max_batch = 100
    max_request_tokens = max_batch * MAX_TOKENS
    max_input_tokens = MAX_TOKENS

    def __init__(
        self, model_path: Path, tokenizer_path: Path, threads: int = 1
    ) -> None:
        self._model_path = model_path
        self._tokenizer_path = tokenizer_path
        self._threads = threads
        self._session: Any = None
        self._tokenizer: Any = None
        self._loading = threading.Lock()

    def count_tokens(self, text: str) -> int:
        """Tokens of the text as this model counts, its two marks included."""
        self._load()
        return len(self._encode(text)) + _MARKS

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        """Vectors of shape (texts, 384), float32, L2-normalised.

        Raises InputError for an empty text, one over 256 tokens or more than
        `max_batch`, ModelFileError where the files do not load, MalformedAnswerError
        where the model's output has another shape or is not a number.
        """
        if len(texts) > self.max_batch:
            raise InputError(
                f"{len(texts)} texts are more than the {self.max_batch} that are "
                "embedded at once; lower IG_EMBED_BATCH."
            )
        for number, text in enumerate(texts, start=1):
            if not text.strip():
                raise InputError(f"Text {number} of {len(texts)} is empty.")
        self._load()
        rows = [self._ids(text, n) for n, text in enumerate(texts, start=1)]
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for row, ids in enumerate(rows):
            vectors[row] = self._embed_one(ids)
        return EmbeddingAnswer(vectors, TokenUsage(input_tokens=sum(map(len, rows))))

    def _ids(self, text: str, number: int) -> list[int]:
        """Token ids with both marks; `number` counts the texts of a request from 1."""
        start, end = (self._tokenizer.token_to_id(m) for m in ("[CLS]", "[SEP]"))
        ids = [start, *self._encode(text), end]
        if len(ids) > self.max_input_tokens:
            raise InputError(
                f"Text {number} has {len(ids)} tokens, more than the "
                f"{self.max_input_tokens} that {self.model} reads; split it."
            )
        return ids

    def _embed_one(self, ids: Sequence[int]) -> Array:
        mean = self._run(ids).mean(axis=0, dtype=np.float64)
        norm = float(np.linalg.norm(mean))
        if not np.isfinite(norm) or norm == 0.0:
            raise MalformedAnswerError(
                f"{self.model} gave a vector that is zero or not a number.",
                len(ids),
                0,
            )
        vector: Array = (mean / norm).astype(np.float32)
        return vector

    def _run(self, ids: Sequence[int]) -> Array:
        """Hidden states of shape (tokens, dimensions) of one chunk."""
        row = np.asarray([ids], dtype=np.int64)
        feed = {
            "input_ids": row,
            "attention_mask": np.ones_like(row),
            "token_type_ids": np.zeros_like(row),
        }
        wanted = {node.name for node in self._session.get_inputs()}
        answer = self._session.run(None, {k: v for k, v in feed.items() if k in wanted})
        states: Array = np.asarray(answer[0])
        if states.shape != (1, len(ids), self.dimensions):
            raise MalformedAnswerError(
                f"{self.model} gave an output of shape {states.shape} where "
                f"{(1, len(ids), self.dimensions)} was expected.",
                len(ids),
                0,
            )
        return states.reshape(len(ids), self.dimensions)

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
                session = onnxruntime.InferenceSession(
                    str(self._model_path), options, providers=["CPUExecutionProvider"]
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
