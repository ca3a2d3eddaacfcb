"""A local writer that the user supplies: any GGUF file, identified by its hash.

Such a file is not registered, so only its bytes are known. Its texts are recorded under
its file name and the first twelve digits of its SHA-256: a changed file counts as
another model.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ig_assets.adapters.local_models.files import known_stamp, remember, stamp_of
from ig_assets.errors import ModelFileError
from ig_assets.files import from_home

_MAGIC = b"GGUF"
_PART = re.compile(r"-\d{5}-of-\d{5}$")
_SHOWN = 12
_LOCK_WAIT_S = 3600.0


@dataclass(frozen=True)
class OwnModel:
    """A model file of the user's, and the name under which it is recorded."""

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        """The file's name without suffix, with the beginning of its hash."""
        return f"{self.path.stem}@sha256:{self.sha256[:_SHOWN]}"


def own_model(path: Path | None, cache: Path) -> OwnModel:
    """Return the model at a path; it is hashed once, and again after a change.

    Raises ModelFileError if the file is missing or is not a complete GGUF file.
    """
    if path is None:
        raise ModelFileError(
            "IG_LOCAL_MODEL is file, and no file is named; set IG_MODEL_PATH to a GGUF "
            "file, or IG_LOCAL_MODEL to 1.5b."
        )
    path = from_home(path)
    try:
        _check(path)
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / "own_model.lock", timeout=_LOCK_WAIT_S):
            return OwnModel(path, _hash_of(path, cache))
    except Timeout:
        raise ModelFileError(
            f"Another process has been hashing {path.name} for an hour; end it and "
            "retry."
        ) from None
    except OSError as error:
        raise ModelFileError(
            f"{path}, which IG_MODEL_PATH names, cannot be read "
            f"({error.strerror or type(error).__name__}); correct it."
        ) from None


def _check(path: Path) -> None:
    if not path.is_file():
        raise ModelFileError(
            f"IG_MODEL_PATH names {path}, where there is no file; correct it."
        )
    if _PART.search(path.stem):
        raise ModelFileError(
            f"{path.name} is one part of a model; join them with `llama-gguf-split "
            "--merge` and name the whole file."
        )
    with path.open("rb") as content:
        if content.read(len(_MAGIC)) != _MAGIC:
            raise ModelFileError(
                f"{path}, which IG_MODEL_PATH names, is not a GGUF file; convert the "
                "model with llama.cpp, or name another."
            )


def _hash_of(path: Path, cache: Path) -> str:
    known = known_stamp(cache, path)
    if known and known[:-1] == stamp_of(path, "")[:-1]:
        return str(known[-1])
    before = stamp_of(path, "")
    with path.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    if stamp_of(path, "") != before:
        raise ModelFileError(f"{path} changed while it was read; retry.")
    remember(cache, path, [*before[:-1], sha256])
    return sha256
