"""Splits texts that exceed a model's input limit, and pools the vectors of the chunks.

Chunks end between sentences, between words if a sentence is too long, and between
characters if a word is too long. Together they contain every word of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ig_assets.core.identity import normalise_text

Fits = Callable[[str], bool]

# The matches of each pattern cover the whole text, including white space.
_SENTENCES = re.compile(r".+?(?:[.!?…]+[\"'”’»)\]]*\s+|[。！？]+\s*|\n+|\Z)", re.DOTALL)
_WORDS = re.compile(r"\s*\S+\s*|\s+")
_CHARACTERS = re.compile(r".", re.DOTALL)
_FINER = (_SENTENCES, _WORDS, _CHARACTERS)


def split_text(text: str, limit: int, count_tokens: Callable[[str], int]) -> list[str]:
    """Split a text into chunks of at most `limit` tokens, each as long as possible.

    The chunks are in the text's order and normalised. They depend only on text, limit
    and tokenizer. An edit changes no chunk that ends before it. A text that fits gives
    one chunk, the normalised text.
    """

    def fits(chunk: str) -> bool:
        return count_tokens(normalise_text(chunk)) <= limit

    if fits(text):
        return [normalise_text(text)]
    pieces = list(_pieces(text, fits, _FINER))
    chunks, start = [], 0
    while start < len(pieces):
        end = _furthest(pieces, start, fits)
        chunks.append(normalise_text("".join(pieces[start:end])))
        start = end
    return [chunk for chunk in chunks if chunk]


def sentence_runs(text: str) -> Iterator[str]:
    """Yield every run of consecutive sentences of a text, normalised.

    Whatever limit `split_text` is given, its chunks are among these runs. Exceptions
    are the chunks of a sentence that alone exceeds the limit.
    """
    pieces = _SENTENCES.findall(text)
    for start in range(len(pieces)):
        for end in range(start + 1, len(pieces) + 1):
            yield normalise_text("".join(pieces[start:end]))


def pool(
    vectors: Sequence[npt.NDArray[np.float32]], tokens: Sequence[int]
) -> npt.NDArray[np.float32]:
    """Return the unit vector of a text, shape (dimensions,), from its chunks' vectors.

    It is the L2-normalised mean of the chunks' unit vectors, weighted by their
    `tokens`. If the vectors cancel out, it is the first chunk's vector.
    """
    stacked = np.stack(vectors).astype(np.float64)
    mean = np.average(stacked, axis=0, weights=tokens)
    norm = float(np.linalg.norm(mean))
    if norm < 1e-6:
        return np.asarray(vectors[0], np.float32)
    pooled: npt.NDArray[np.float32] = (mean / norm).astype(np.float32)
    return pooled


def _pieces(text: str, fits: Fits, finer: Sequence[re.Pattern[str]]) -> Iterator[str]:
    """Split a text into pieces that fit, using the coarsest separators that suffice.

    `finer` holds the patterns of the pieces, coarsest first.
    """
    for piece in finer[0].findall(text):
        if len(finer) == 1 or fits(piece):
            yield piece
        else:
            yield from _pieces(piece, fits, finer[1:])


def _furthest(pieces: Sequence[str], start: int, fits: Fits) -> int:
    """Return the end of the longest run of pieces that fits and begins at `start`.

    The run has at least one piece. The search is binary, since counting tokens takes
    most of the time.
    """
    step = 1
    while start + step < len(pieces) and fits("".join(pieces[start : start + step])):
        step *= 2
    low, high = start + max(step // 2, 1), min(start + step, len(pieces))
    while low < high:
        middle = (low + high + 1) // 2
        if fits("".join(pieces[start:middle])):
            low = middle
        else:
            high = middle - 1
    return low
