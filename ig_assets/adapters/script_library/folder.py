"""A script library in a local folder, read with as few system calls as possible.

A file whose size, modification and change times and inode are unchanged contains the
same bytes, as git's index assumes too: a write sets the change time to the present, and
no program can set it to another time. This does not hold if

    - the file changed within `RACY_NS` before it was listed, or in the clock's future:
      it may change again within one tick of the clock, or after the clock went back;
    - the file system keeps whole seconds only (FAT, HFS+, old network drives), or
      derives its change time from another time;
    - there is no inode, or the change time is that of creation, as on Windows.

Such a file has no version, so every sync reads it.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from ig_assets.adapters.simulated.clocks import system_time_ns
from ig_assets.core.ports import InvalidFile, LibraryFile
from ig_assets.errors import InputError
from ig_assets.files import from_home

_OUTSIDE = InvalidFile(
    "outside the library",
    "The link points outside the library folder; copy the file instead.",
)
_NOT_REGULAR = InvalidFile("unreadable", "It is not a regular file.")
# Do not block on a pipe, and do not follow a link that replaced a listed file.
RACY_NS = 2_000_000_000
"""In nanoseconds. Ticks of file systems and differences of clocks are shorter."""
_SECOND_NS = 1_000_000_000
_HAS_CHANGE_TIME = os.name == "posix"
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


class FolderLibrary:
    """The files below a folder, except hidden files and folders."""

    def __init__(
        self, location: str, now_ns: Callable[[], int] = system_time_ns
    ) -> None:
        self.location = location
        self._now_ns = now_ns

    def files(self, suffixes: tuple[str, ...]) -> list[LibraryFile]:
        """List every file, with links to files in the library. Raises InputError."""
        root = from_home(Path(self.location))
        if not root.is_dir():
            raise InputError(
                f"The library folder {self.location} does not exist; create it "
                "(`ig-assets init` makes one with samples) or set IG_LIBRARY to the "
                "folder with your scripts."
            )
        listing = _Listing(os.path.realpath(root), suffixes, self._now_ns() - RACY_NS)
        try:
            listing.collect(listing.root, "")
        except OSError as error:
            raise InputError(
                f"The library folder {self.location} cannot be listed: "
                f"{error.strerror}; nothing was changed."
            ) from error
        return listing.found

    def contents(
        self, files: Iterable[LibraryFile]
    ) -> Iterator[tuple[LibraryFile, bytes | InvalidFile | None]]:
        """Yield each file with its content.

        The content is None if the file vanished or changed since it was listed, and an
        InvalidFile with the reason if it cannot be read.
        """
        for file in files:
            yield file, _content(file)


def is_script(name: str, suffixes: tuple[str, ...]) -> bool:
    """Whether a file name is a script's; Word marks open files with `~$`."""
    return name.lower().endswith(suffixes) and not name.startswith("~$")


class _Listing:
    """One walk through the folders of a library.

    A file that changed after `settled_ns` gets no version, as a further change to it
    might not be seen.
    """

    def __init__(self, root: str, suffixes: tuple[str, ...], settled_ns: int) -> None:
        self.root = root
        self.found: list[LibraryFile] = []
        self._suffixes = suffixes
        self._settled_ns = settled_ns

    def collect(self, folder: str, prefix: str) -> None:
        """Add the files below a folder; `prefix` is its path below the root."""
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    self.collect(entry.path, f"{prefix}{name}/")
                elif entry.is_symlink():
                    self._add_linked(entry, prefix + name)
                elif is_script(name, self._suffixes):
                    self._add(prefix + name, entry.path, entry.stat)
                else:
                    path = _plain(prefix + name)
                    self.found.append(
                        LibraryFile(path, entry.path, 0, "", is_script=False)
                    )

    def _add_linked(self, entry: os.DirEntry[str], path: str) -> None:
        """Add the file behind a link; linked folders within the library are skipped."""
        target = os.path.realpath(entry.path)
        is_inside = Path(target).is_relative_to(self.root)
        if os.path.isdir(target):
            if not is_inside:
                self._add_unusable(path, entry.path, _OUTSIDE)
        elif is_script(entry.name, self._suffixes):
            if is_inside:
                self._add(path, target, partial(os.stat, target))
            else:
                self._add_unusable(path, entry.path, _OUTSIDE)

    def _add(
        self, path: str, target: str, get_status: Callable[[], os.stat_result]
    ) -> None:
        try:
            status = get_status()
        except FileNotFoundError:
            return
        except OSError as error:
            return self._add_unusable(path, target, _unreadable(error))
        if not stat.S_ISREG(status.st_mode):
            return self._add_unusable(path, target, _NOT_REGULAR)
        size, stamp = status.st_size, str(status.st_mtime_ns)
        version = self._version(status)
        self.found.append(LibraryFile(_plain(path), target, size, stamp, version))

    def _add_unusable(self, path: str, target: str, problem: InvalidFile) -> None:
        self.found.append(LibraryFile(_plain(path), target, 0, "", problem=problem))

    def _version(self, status: os.stat_result) -> str | None:
        """Return a value that changes with the file's bytes.

        Returns None if no such value is reliable; the module's docstring says when.
        """
        changed_ns, inode = status.st_ctime_ns, status.st_ino
        if (
            changed_ns > self._settled_ns
            or not changed_ns % _SECOND_NS
            or not inode
            or not _HAS_CHANGE_TIME
        ):
            return None
        return f"{status.st_size} {status.st_mtime_ns} {changed_ns} {inode}"


def _plain(path: str) -> str:
    """Return a path in its stored form: valid Unicode, composed (NFC)."""
    if path.isascii():
        return path
    return unicodedata.normalize("NFC", path.encode("utf-8", "replace").decode())


def _content(file: LibraryFile) -> bytes | InvalidFile | None:
    """Return the file's bytes; None if its size changed since it was listed.

    If it cannot be read, return an InvalidFile.
    """
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
