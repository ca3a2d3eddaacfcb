"""Script library in a local folder, read with as few system calls as possible."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from ig_assets.core.ports import InvalidFile, LibraryFile
from ig_assets.errors import InputError

_OUTSIDE = InvalidFile(
    "outside the library",
    "The link points outside the library folder; copy the file instead.",
)
_NOT_REGULAR = InvalidFile("unreadable", "It is not a regular file.")
# Do not block on a pipe, and do not follow a link that replaced a listed file.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


class FolderLibrary:
    """The files below a folder, without hidden files and folders."""

    def __init__(self, location: str) -> None:
        self.location = location

    def files(self, suffixes: tuple[str, ...]) -> list[LibraryFile]:
        """Every file, including links within the library. Raises InputError."""
        root = Path(self.location).expanduser()
        if not root.is_dir():
            raise InputError(
                f"The library folder {self.location} does not exist; create it "
                "(`ig-assets init` makes one with samples) or set IG_LIBRARY to the "
                "folder with your scripts."
            )
        found: list[LibraryFile] = []
        real_root = os.path.realpath(root)
        try:
            _collect(real_root, real_root, suffixes, found)
        except OSError as error:
            raise InputError(
                f"The library folder {self.location} cannot be listed: "
                f"{error.strerror}; nothing was changed."
            ) from error
        return found

    def contents(
        self, files: Iterable[LibraryFile]
    ) -> Iterator[tuple[LibraryFile, bytes | InvalidFile | None]]:
        """Each file with its content, one after the other.

        The content is None where the file vanished or changed since it was listed, and
        an InvalidFile with the reason where it may not be read.
        """
        for file in files:
            yield file, _content(file)


def is_script(name: str, suffixes: tuple[str, ...]) -> bool:
    """Whether a file's name is a script's; with `~$` Word marks that it is open."""
    return name.lower().endswith(suffixes) and not name.startswith("~$")


def _collect(
    root: str, folder: str, suffixes: tuple[str, ...], found: list[LibraryFile]
) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                _collect(root, entry.path, suffixes, found)
            elif entry.is_symlink():
                found += _linked(root, entry, suffixes)
            elif is_script(entry.name, suffixes):
                found += _listed(root, entry.path, entry.path, entry.stat)
            else:
                path = _relative(root, entry.path)
                found.append(LibraryFile(path, entry.path, 0, "", is_script=False))


def _linked(
    root: str, entry: os.DirEntry[str], suffixes: tuple[str, ...]
) -> list[LibraryFile]:
    """The file behind a link; a linked folder of the library is listed elsewhere."""
    target = os.path.realpath(entry.path)
    is_inside = Path(target).is_relative_to(root)
    if os.path.isdir(target):
        if is_inside:
            return []
        return [_unusable(root, entry.path, _OUTSIDE)]
    if not is_script(entry.name, suffixes):
        return []
    if not is_inside:
        return [_unusable(root, entry.path, _OUTSIDE)]
    return _listed(root, entry.path, target, partial(os.stat, target))


def _listed(
    root: str, path: str, target: str, get_status: Callable[[], os.stat_result]
) -> list[LibraryFile]:
    try:
        status = get_status()
    except FileNotFoundError:
        return []
    except OSError as error:
        return [_unusable(root, path, _unreadable(error))]
    if not stat.S_ISREG(status.st_mode):
        return [_unusable(root, path, _NOT_REGULAR)]
    size, stamp = status.st_size, str(status.st_mtime_ns)
    return [LibraryFile(_relative(root, path), target, size, stamp)]


def _unusable(root: str, path: str, problem: InvalidFile) -> LibraryFile:
    return LibraryFile(_relative(root, path), path, 0, "", problem=problem)


def _relative(root: str, path: str) -> str:
    relative = path[len(root) :].lstrip(os.sep)
    if os.sep != "/":
        relative = relative.replace(os.sep, "/")
    if relative.isascii():
        return relative
    plain = relative.encode("utf-8", "replace").decode("utf-8")
    return unicodedata.normalize("NFC", plain)


def _content(file: LibraryFile) -> bytes | InvalidFile | None:
    """The file's bytes; None where its size changed since it was listed."""
    try:
        descriptor = os.open(file.address, _FLAGS)
        try:
            content = os.read(descriptor, file.size + 1)
            while len(content) < file.size and (
                more := os.read(descriptor, file.size + 1 - len(content))
            ):
                content += more
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _unreadable(error)
    return content if len(content) == file.size else None


def _unreadable(error: OSError) -> InvalidFile:
    return InvalidFile("unreadable", f"The file cannot be read: {error.strerror}.")
