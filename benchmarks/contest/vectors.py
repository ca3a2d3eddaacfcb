"""The vector of a text: drawn from its hash, the same in every process."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt


def words_of(text: str) -> str:
    """The text with single spaces; some clients replace line ends before sending."""
    return " ".join(text.split())


def text_vector(text: str, dimensions: int) -> npt.NDArray[np.float32]:
    """A unit vector, near to no other text's."""
    digest = hashlib.shake_256(words_of(text).encode("utf-8")).digest(2 * dimensions)
    row = np.frombuffer(digest, dtype="<i2").astype(np.float64) + 0.5
    unit: npt.NDArray[np.float32] = (row / np.linalg.norm(row)).astype(np.float32)
    return unit
