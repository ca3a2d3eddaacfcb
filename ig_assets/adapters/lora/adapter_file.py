"""Writes and finds adapters as llama.cpp reads them: GGUF files of type `adapter`.

The format is llama.cpp's (`convert_lora_to_gguf.py`): the base's architecture,
`adapter.type` `lora`, `adapter.lora.alpha`, and for each layer the tensors
`<layer>.weight.lora_a` (rank × in) and `.lora_b` (out × rank), with llama.cpp's name of
the layer. A file's name is the beginning of its SHA-256.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ig_assets.errors import ModelFileError

PREFIX = "lora/"
_DIGITS = 12
_NAME = re.compile(r"lora/(?P<base>[^+]+)\+(?P<adapter>[0-9a-f]{12})")
_PEFT = re.compile(
    r"base_model\.model\.(?P<layer>.+)\.lora_(?P<side>[AB])(\.\w+)?\.weight"
)


def model_name(base_model: str, sha256: str) -> str:
    """Return the recorded name of a base model with an adapter."""
    return f"{PREFIX}{base_model}+{sha256[:_DIGITS]}"


def split_name(name: str) -> tuple[str, str] | None:
    """Split a name into (base model, first digits of the adapter's hash).

    Returns None for the name of a model without an adapter.
    """
    found = _NAME.fullmatch(name)
    return None if found is None else (found["base"], found["adapter"])


def adapter_path(folder: Path, digits: str) -> Path:
    """Return the path of the adapter with these first digits of the hash."""
    return folder / f"{digits}.gguf"


def find_adapter(folder: Path, name: str) -> Path:
    """Return the verified file of a model's adapter.

    Raises ModelFileError if it is missing, for example because a script of its training
    set was forgotten, or if it is not the file that was trained.
    """
    split = split_name(name)
    assert split is not None, "only models with an adapter have one"
    path = adapter_path(folder, split[1])
    if not path.is_file():
        raise ModelFileError(
            f"The adapter of {name} is not in {folder}; roll back with `ig-assets "
            "models rollback --reason …`, or copy it there."
        )
    if not sha256_of(path).startswith(split[1]):
        raise ModelFileError(
            f"{path} is not the adapter that was trained, since its hash is another; "
            "copy the right one there, or roll back with `ig-assets models rollback`."
        )
    return path


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def write_adapter(
    folder: Path,
    weights: Mapping[str, Any],
    architecture: str,
    blocks: int,
    alpha: float,
) -> tuple[Path, str]:
    """Write an adapter to a file named by its hash; return the file and its SHA-256.

    `weights` are NumPy arrays by peft's names; equal weights give equal bytes.
    `architecture` and `blocks` (their number) are those of the base model, `alpha` is
    LoRA's scale. Raises ModelFileError for a layer that llama.cpp does not know.
    """
    from gguf import MODEL_ARCH_NAMES, GGUFWriter, get_tensor_name_map

    known = {name: kind for kind, name in MODEL_ARCH_NAMES.items()}
    names = get_tensor_name_map(known[architecture], blocks)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{os.getpid()}.gguf.part"
    writer = GGUFWriter(part, architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(alpha))
    for name, tensor in sorted(weights.items()):
        found = _PEFT.fullmatch(name)
        layer = None if found is None else names.get_name(found["layer"])
        if found is None or layer is None:
            raise ModelFileError(f"llama.cpp has no name for the layer of {name}.")
        writer.add_tensor(f"{layer}.weight.lora_{found['side'].lower()}", tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with part.open("rb+") as written:
        os.fsync(written.fileno())
    sha256 = sha256_of(part)
    path = adapter_path(folder, sha256[:_DIGITS])
    os.replace(part, path)
    return path, sha256
