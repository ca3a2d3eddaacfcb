"""The files by which the processes of one data folder share its local server.

`server.json` (mode 0600, as it contains the server's key) describes the running server.
`server.lock` is held while it is started or ended. The mtime of `server.used` is the
time of the last caller.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

STATES = "prompt_states"
"""The folder of saved prompt states, in the server's folder while the server runs."""


@dataclass(frozen=True)
class FileIdentity:
    """The identity of a model file on disk when it was loaded.

    Size and mtime do not suffice, as programs can give another file the same ones.
    """

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True)
class ServerRecord:
    """A running server; `started` is its process's creation time in Unix seconds."""

    pid: int
    started: float
    port: int
    key: str
    model: str
    model_size: int
    model_mtime_ns: int
    model_ctime_ns: int
    model_inode: int
    threads: int
    adapters: Sequence[Mapping[str, Any]] = ()

    def serves(
        self, file: FileIdentity, threads: int, adapters: Collection[FileIdentity] = ()
    ) -> bool:
        """Whether the server loaded exactly this file, with this number of threads.

        It may have more adapters than requested, since each request names the ones it
        uses. But none of its adapters' files may be gone or replaced.
        """
        if not set(adapters) <= set(self.loaded_adapters):
            return False
        if any(not is_there(adapter) for adapter in self.loaded_adapters):
            return False
        loaded = FileIdentity(
            self.model,
            self.model_size,
            self.model_mtime_ns,
            self.model_ctime_ns,
            self.model_inode,
        )
        return (loaded, self.threads) == (file, threads)

    @property
    def loaded_adapters(self) -> tuple[FileIdentity, ...]:
        """The adapters, in the order of their numbers in the server."""
        return tuple(FileIdentity(**adapter) for adapter in self.adapters)


def identify(model: Path) -> FileIdentity:
    """Return the present identity of a file. Raises OSError if it is missing."""
    state = model.stat()
    return FileIdentity(
        str(model.resolve()),
        state.st_size,
        state.st_mtime_ns,
        state.st_ctime_ns,
        state.st_ino,
    )


def is_there(file: FileIdentity) -> bool:
    """Whether the file is still the one that was loaded."""
    try:
        return identify(Path(file.path)) == file
    except OSError:
        return False


def read_record(state_dir: Path) -> ServerRecord | None:
    """Return the folder's record; None if it is missing or incomplete."""
    try:
        text = (state_dir / "server.json").read_text("utf-8")
        return ServerRecord(**json.loads(text))
    except (OSError, ValueError, TypeError):
        return None


def write_record(state_dir: Path, record: ServerRecord) -> None:
    """Replace the folder's record, readable by its owner only."""
    part = state_dir / "server.json.part"
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as output:
        json.dump(asdict(record), output)
    os.replace(part, state_dir / "server.json")


def forget_record(state_dir: Path) -> None:
    """Remove the folder's record."""
    (state_dir / "server.json").unlink(missing_ok=True)


def fresh_states(state_dir: Path) -> Path:
    """Return the folder for prompt states, emptied and readable by its owner only."""
    remove_states(state_dir)
    (state_dir / STATES).mkdir(mode=0o700)
    return state_dir / STATES


def remove_states(state_dir: Path) -> None:
    """Remove the saved states of prompts."""
    shutil.rmtree(state_dir / STATES, ignore_errors=True)


def turn_lock(state_dir: Path, timeout_s: float) -> FileLock:
    """Return the lock for one call, which protects the state restored for it."""
    return FileLock(state_dir / "server.turn", timeout=timeout_s)


def server_lock(state_dir: Path, timeout_s: float) -> FileLock:
    """Return the lock for starting and ending the folder's server."""
    return FileLock(state_dir / "server.lock", timeout=timeout_s)


def touch_server(state_dir: Path) -> None:
    """Record that the server is about to be used; do nothing if the folder is gone."""
    with suppress(OSError):
        (state_dir / "server.used").touch()


def last_touched(state_dir: Path) -> int:
    """Return the time of the last `touch_server` in nanoseconds, or 0."""
    try:
        return (state_dir / "server.used").stat().st_mtime_ns
    except OSError:
        return 0
