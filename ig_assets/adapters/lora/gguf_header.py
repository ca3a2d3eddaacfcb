"""Reads the header of a GGUF file, which takes about a second.

The format is version 3 of ggml's `docs/gguf.md`. The package gguf reads the same, but
takes most of a minute for the 150,000 texts of the vocabulary, which are skipped here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

from ig_assets.errors import ModelFileError

_FORMATS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_TEXT, _LIST = 8, 9
_LINEAR = (
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_output",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
)


@dataclass(frozen=True)
class BaseFacts:
    """The dimensions of a base model.

    `blocks` is the number of transformer blocks, `parameters` that of weights,
    `vocabulary` that of tokens, `width` the hidden size. `rows_and_columns` is the
    number of rows plus that of columns, summed over all matrices that an adapter
    changes.
    """

    architecture: str
    blocks: int
    parameters: int
    rows_and_columns: int
    width: int
    vocabulary: int

    def adapter_parameters(self, rank: int) -> int:
        """Return an adapter's number of weights: A is rank × in, B is out × rank."""
        return rank * self.rows_and_columns


def base_facts(path: Path) -> BaseFacts:
    """Return the dimensions of the language model in a GGUF file.

    Raises ModelFileError if the file is no language model in GGUF.
    """
    try:
        with path.open("rb") as content:
            fields, shapes = _header(content)
        architecture = str(fields["general.architecture"])
        width = int(fields[f"{architecture}.embedding_length"])
        return BaseFacts(
            architecture,
            blocks=int(fields[f"{architecture}.block_count"]),
            parameters=sum(prod(shape) for shape in shapes.values()),
            rows_and_columns=sum(
                sum(shape) for name, shape in shapes.items() if _is_changed(name)
            ),
            width=width,
            vocabulary=prod(shapes["token_embd.weight"]) // width,
        )
    except (KeyError, struct.error, UnicodeDecodeError, MemoryError):
        raise ModelFileError(f"{path} is no GGUF file of a language model.") from None


def _is_changed(name: str) -> bool:
    parts = name.split(".")
    return parts[0] == "blk" and parts[2] in _LINEAR and parts[3] == "weight"


def _header(content: IO[bytes]) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    """Return (fields by name, shapes of the tensors by name); list fields are None."""
    if content.read(4) != b"GGUF" or _number(content, "<I") != 3:
        raise KeyError("magic")
    tensors, count = _number(content, "<Q"), _number(content, "<Q")
    fields = {}
    for _ in range(count):
        name = _text(content)
        fields[name] = _value(content, _number(content, "<I"))
    shapes = {}
    for _ in range(tensors):
        name = _text(content)
        sides = _number(content, "<I")
        shapes[name] = tuple(_number(content, "<Q") for _ in range(sides))
        content.seek(12, 1)  # type and offset
    return fields, shapes


def _value(content: IO[bytes], kind: int) -> Any:
    if kind == _TEXT:
        return _text(content)
    if kind != _LIST:
        return _number(content, _FORMATS[kind])
    inner, count = _number(content, "<I"), _number(content, "<Q")
    if inner in _FORMATS:
        content.seek(struct.calcsize(_FORMATS[inner]) * count, 1)
        return None
    for _ in range(count):
        _value(content, inner)
    return None


def _text(content: IO[bytes]) -> str:
    return content.read(_number(content, "<Q")).decode("utf-8", "replace")


def _number(content: IO[bytes], form: str) -> Any:
    return struct.unpack(form, content.read(struct.calcsize(form)))[0]
