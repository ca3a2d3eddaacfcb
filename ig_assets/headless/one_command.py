"""One command that writes is at work in a data folder at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ig_assets.errors import IgAssetsError


class FolderInUseError(IgAssetsError):
    """Another command is at work in the data folder, or it cannot be written to."""

    section = "the-warehouse-is-busy"


@contextmanager
def one_command(data_dir: Path) -> Iterator[None]:
    """Hold the data folder's lock. Raises FolderInUseError at once where it is held."""
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
