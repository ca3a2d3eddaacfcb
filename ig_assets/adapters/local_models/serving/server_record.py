"""What the processes of one data folder know of its local server.

`server.json` (mode 0600, it holds the server's key) describes the running server,
`server.lock` is held while it is started or ended, and the time of `server.used` is
that of the last caller.
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
"""The folder of states of prompts in that of the server, as long as it runs."""


@dataclass(frozen=True)
class FileIdentity:
    """A model file as it was on the disk when it was loaded.

    Size and mtime alone are also those of another file that a program gave them to.
    """

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True)
class ServerRecord:
    """A running server; `started` is its process's creation time, Unix seconds."""

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
        """Whether the server loaded this very file for this number of threads.

        It may have more adapters than are asked for, since a request names those that
        it wants; but one whose file is gone, or another by now, must not stay.
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
        """The adapters in the order of the server's numbers for them."""
        return tuple(FileIdentity(**adapter) for adapter in self.adapters)


def identify(model: Path) -> FileIdentity:
    """The file's present identity. Raises OSError where there is none."""
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
    """The folder's record; None where there is none, or half of one."""
    try:
        text = (state_dir / "server.json").read_text("utf-8")
        return ServerRecord(**json.loads(text))
    except (OSError, ValueError, TypeError):
        return None


def write_record(state_dir: Path, record: ServerRecord) -> None:
    """Replace the folder's record; only its owner may ever read it."""
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
    """The folder for states of prompts, made empty; only its owner may read it."""
    remove_states(state_dir)
    (state_dir / STATES).mkdir(mode=0o700)
    return state_dir / STATES


def remove_states(state_dir: Path) -> None:
    """Remove the saved states of prompts."""
    shutil.rmtree(state_dir / STATES, ignore_errors=True)


def turn_lock(state_dir: Path, timeout_s: float) -> FileLock:
    """The lock for one call: what it restores is there when it is answered."""
    return FileLock(state_dir / "server.turn", timeout=timeout_s)


def server_lock(state_dir: Path, timeout_s: float) -> FileLock:
    """The lock for starting and ending the folder's server."""
    return FileLock(state_dir / "server.lock", timeout=timeout_s)


def touch_server(state_dir: Path) -> None:
    """Note that the server is about to be used; does nothing where it is gone."""
    with suppress(OSError):
        (state_dir / "server.used").touch()


def last_touched(state_dir: Path) -> int:
    """When `touch_server` was last called, in nanoseconds; 0 for never."""
    try:
        return (state_dir / "server.used").stat().st_mtime_ns
    except OSError:
        return 0
