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
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from ig_assets.adapters.simulated.clocks import system_time_ns
from ig_assets.core.ports import (
    VERSION_MARK,
    FileVersions,
    InvalidFile,
    LibraryFile,
)
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
        listing = self._listing(suffixes)
        with self._read_errors_named():
            listing.collect(listing.root, "")
        return listing.found

    def versions(self, suffixes: tuple[str, ...]) -> Iterator[FileVersions | None]:
        """Yield the versions of the same files, some at a time, ordered by path.

        None stands for a file without a version, and ends it. Raises InputError.
        """
        listing = self._listing(suffixes)
        with self._read_errors_named():
            yield from listing.versions(listing.root, "")

    def _listing(self, suffixes: tuple[str, ...]) -> _Listing:
        root = from_home(Path(self.location))
        if not root.is_dir():
            raise InputError(
                f"The library folder {self.location} does not exist; create it "
                "(`ig-assets init` makes one with samples) or set IG_LIBRARY to the "
                "folder with your scripts."
            )
        return _Listing(os.path.realpath(root), suffixes, self._now_ns() - RACY_NS)

    @contextmanager
    def _read_errors_named(self) -> Iterator[None]:
        """Raise an InputError for a folder that cannot be listed."""
        try:
            yield
        except OSError as error:
            raise InputError(
                f"The library folder {self.location} cannot be listed: "
                f"{error.strerror}; nothing was changed."
            ) from error

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
                else:
                    self._add_entry(entry, prefix + name)

    def versions(self, folder: str, prefix: str) -> Iterator[FileVersions | None]:
        """Yield what `collect` would find, as versions, in the order of the paths."""
        suffixes, mark, version_of = self._suffixes, VERSION_MARK, self._version
        lines: list[str] = []
        unread: list[str] = []
        folders = []
        # This loop is most of a sync without changes, so a file of the usual kind costs
        # as few calls and objects as can be: half the time of `collect`.
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("."):
                    continue
                if name.endswith(suffixes) and name.isascii() and name[0] != "~":
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    except OSError:  # the listing rejects it with its reason
                        yield None
                        return
                    if stat.S_ISREG(status.st_mode):
                        if (version := version_of(status)) is None:
                            yield None
                            return
                        lines.append(f"{prefix}{name}{mark}{version}\n")
                        continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append((_plain(f"{prefix}{name}/"), entry.path))
                    continue
                self._add_entry(entry, prefix + name)
        for file in self.found:
            if not file.is_script:
                unread.append(file.path)
            elif file.version is None:
                yield None
                return
            else:
                lines.append(f"{file.path}{VERSION_MARK}{file.version}\n")
        self.found.clear()
        lines.sort()
        start = 0
        for path, address in sorted(folders):
            end = bisect_left(lines, path)  # "a.md" is before "a/b.md", "a0.md" after
            yield FileVersions("".join(lines[start:end]), [])
            yield from self.versions(address, path)
            start = end
        yield FileVersions("".join(lines[start:]), unread)

    def _add_entry(self, entry: os.DirEntry[str], path: str) -> None:
        """Add an entry that is no folder."""
        if entry.is_symlink():
            self._add_linked(entry, path)
        elif is_script(entry.name, self._suffixes):
            self._add(path, entry.path, entry.stat)
        else:
            path = _plain(path)
            self.found.append(LibraryFile(path, entry.path, 0, "", is_script=False))

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
