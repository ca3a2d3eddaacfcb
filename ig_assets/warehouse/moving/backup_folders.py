"""Name the folders of backups, and lock and clean up unfinished ones.

A finished backup is called `warehouse-20260501T090000Z`, by the moment at which it was
made. An unfinished one is `.warehouse-….part`, with the locked file
`.warehouse-….part.lock` beside it, which contains the name of its data folder.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

_NAME = re.compile(r"warehouse-[0-9]{8}T[0-9]{6}Z")
NAME_FORMAT = "warehouse-%Y%m%dT%H%M%SZ"
"""The format (`strftime`) of a backup folder's name, for the time of the backup."""
_PART_LOCKS = ".warehouse-*.part.lock"


def made_at(folder: Path) -> datetime:
    """Return when a backup was made, by the name of its folder, naive UTC."""
    return datetime.strptime(folder.name, NAME_FORMAT)


def is_name(name: str) -> bool:
    """Whether a name is that of a backup's folder, with a valid date and time."""
    try:
        return bool(_NAME.fullmatch(name) and datetime.strptime(name, NAME_FORMAT))
    except ValueError:
        return False


@contextmanager
def writing(part: Path, owner: str) -> Iterator[bool]:
    """Hold the lock of an unfinished backup; yield False if another process has it.

    The lock's file contains `owner`, the name of the data folder. The lock ends with
    the process. On a disk without locks True is yielded, and other processes do not
    remove the unfinished backup.
    """
    file = part.with_name(f"{part.name}.lock")
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # no locks on this disk
            pass
        os.ftruncate(handle, 0)
        os.write(handle, f"{owner}\n".encode())
        try:
            yield True
        finally:
            file.unlink(missing_ok=True)
    finally:
        os.close(handle)


def remove_leftovers(into: Path, owner: str) -> None:
    """Remove the unfinished backups of this data folder whose process is gone."""
    for file in into.glob(_PART_LOCKS):
        part = file.with_suffix("")
        if not is_name(part.name.removeprefix(".").removesuffix(".part")):
            continue
        with suppress(OSError), file.open("rb") as lock:
            if lock.read().decode("utf-8", "replace").strip() != owner:
                continue
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(part, ignore_errors=True)
            file.unlink()
