"""Ensures that only one writing command works in a data folder at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ig_assets.errors import IgAssetsError


class FolderInUseError(IgAssetsError):
    """Another command is working in the data folder, or the folder is not writable."""

    section = "the-warehouse-is-busy"


@contextmanager
def one_command(data_dir: Path) -> Iterator[None]:
    """Hold the data folder's lock. Raises FolderInUseError at once if it is taken."""
    lock = FileLock(data_dir / "headless.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise FolderInUseError(
            "Another `ig-assets` command that writes (`loop`, `sync`, `generate` …) is "
            "at work in this data folder; wait until it has ended, or stop it."
        ) from None
    except OSError as error:
        raise FolderInUseError(
            f"The data folder {data_dir} cannot be written to "
            f"({error.strerror}); point IG_DATA_DIR at a folder of yours."
        ) from None
    try:
        yield
    finally:
        lock.release()
