"""Expand `~` in paths, and write files atomically: no reader sees half a file."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ig_assets.errors import InputError

OWNER_ONLY = 0o600
EVERYONE_READS = 0o644


def from_home(path: Path) -> Path:
    """Return the absolute path, with `~` and `~name` as home folders.

    Raises InputError for a user who has none on this machine.
    """
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise InputError(
            f"{path} is in the home folder of a user whom this machine does not know; "
            "write the whole path."
        ) from None


def write_atomic(
    path: Path, content: bytes | str, *, mode: int = EVERYONE_READS, fsync: bool = True
) -> None:
    """Write a file beside the target, flush it to the disk, and rename it.

    After a crash the target is the old file or the new one. If two processes write at
    once, it is the whole file of one of them. Text is written as UTF-8. `mode` is the
    file's permission bits (before the umask). Missing parent folders are made. Raises
    OSError.
    """
    with open_atomic(path, mode=mode, fsync=fsync) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


@contextmanager
def open_atomic(
    path: Path, *, mode: int = EVERYONE_READS, fsync: bool = True
) -> Iterator[BinaryIO]:
    """Yield a new file for writing, which replaces the target at the end.

    It works as `write_atomic`, for content that does not fit into memory. After an
    exception the target is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if fsync:
                os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
