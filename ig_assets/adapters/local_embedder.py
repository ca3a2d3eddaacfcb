"""Embeddings on the machine: MiniLM with int8 weights (ONNX), one text at a time.

A text goes through the model alone and unpadded, so its vector depends on nothing
but the text, whatever is embedded with it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ig_assets.core.ports import EmbeddingAnswer, Usage
from ig_assets.errors import InputError, MalformedAnswerError, ModelFileError

# `max_seq_length` in the publisher's sentence_bert_config.json, with both marks.
MAX_TOKENS = 256
_MARKS = 2  # [CLS] and [SEP]
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")

Array = npt.NDArray[Any]


class LocalEmbedder:
    """Fulfils the `Embedder` port with a model file; loads at first use.

    A text over 256 tokens is cut between sentences into chunks that fit (between
    words where a sentence is longer, between tokens where a word is), each goes
    through the model alone, and the mean is taken over the tokens of all chunks: a
    long text is pooled just as a short one, and nothing of it is left out.
    """

    provider = "local"
    model = "all-MiniLM-L6-v2-int8"
    dimensions = 384
    max_batch = 100

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

        Raises InputError for an empty text or more than `max_batch`, ModelFileError
        where the files do not load, MalformedAnswerError where the model's output
        has another shape or is not a number.
        """
        if len(texts) > self.max_batch:
            raise InputError(
                f"{len(texts)} texts are more than the {self.max_batch} that are "
                "embedded at once; lower IG_EMBED_BATCH."
            )
        for place, text in enumerate(texts):
            if not text.strip():
                raise InputError(f"Text {place + 1} of {len(texts)} is empty.")
        self._load()
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        tokens = 0
        for place, text in enumerate(texts):
            vectors[place], taken = self._embed_one(text)
            tokens += taken
        return EmbeddingAnswer(vectors, Usage(input_tokens=tokens))

    def _embed_one(self, text: str) -> tuple[Array, int]:
        total = np.zeros(self.dimensions, dtype=np.float64)
        tokens = 0
        for ids in self._chunks(text):
            states = self._run(ids)
            total += states.sum(axis=0, dtype=np.float64)
            tokens += len(states)
        mean = total / tokens
        norm = float(np.linalg.norm(mean))
        if not np.isfinite(norm) or norm == 0.0:
            raise MalformedAnswerError(
                f"{self.model} gave a vector that is zero or not a number.", tokens, 0
            )
        return (mean / norm).astype(np.float32), tokens

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

    def _chunks(self, text: str) -> list[list[int]]:
        """Token ids, with marks, of the pieces of a text that fit the model."""
        room = MAX_TOKENS - _MARKS
        whole = self._encode(text)
        bodies = [whole]
        if len(whole) > room:
            bodies = [[]]
            for piece in self._pieces(text, room):
                if len(bodies[-1]) + len(piece) > room:
                    bodies.append([])
                bodies[-1].extend(piece)
        start, end = (self._tokenizer.token_to_id(m) for m in ("[CLS]", "[SEP]"))
        return [[start, *body, end] for body in bodies if body] or [[start, end]]

    def _pieces(self, text: str, room: int) -> list[list[int]]:
        """Token ids of the sentences, of the words of a sentence that is too long."""
        pieces: list[list[int]] = []
        for sentence in _SENTENCE_END.split(text):
            ids = self._encode(sentence)
            if len(ids) <= room:
                pieces.append(ids)
                continue
            for word in map(self._encode, sentence.split()):
                pieces += [word[i : i + room] for i in range(0, len(word), room)]
        return pieces

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
