"""A folder's file has a version where the same version means the same bytes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ig_assets.adapters.script_library.folder import RACY_NS, FolderLibrary, _Listing
from ig_assets.core.corpus.library.scan import (
    LibraryState,
    Listing,
    library_state,
    list_library,
)

SECOND = 1_000_000_000


def version(file: Path, after_ns: int = 10 * SECOND) -> str | None:
    """As it is listed so long after the file changed."""
    changed_ns = file.stat().st_ctime_ns
    library = FolderLibrary(str(file.parent), now_ns=lambda: changed_ns + after_ns)
    [found] = [f for f in library.files((".md",)) if f.path == file.name]
    return found.version


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.md"
    path.write_text("# One")
    return path


def test_a_file_that_stays_keeps_its_version_and_a_written_one_gets_another(
    file: Path,
) -> None:
    first = version(file)
    assert first is not None and version(file, 99 * SECOND) == first
    file.write_text("# Two")
    assert version(file) not in (None, first)


@pytest.mark.parametrize("after_ns", [RACY_NS - 1, 0, -3600 * SECOND])
def test_a_file_that_changed_just_now_or_in_the_clocks_future_has_no_version(
    file: Path, after_ns: int
) -> None:
    assert version(file, after_ns) is None
    assert version(file, RACY_NS) is not None


def test_a_restored_copy_of_the_same_size_and_time_is_another_version(
    file: Path, tmp_path: Path
) -> None:
    before, first = file.stat(), version(file)
    other = tmp_path / "copy"
    other.write_text("# Six")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    shutil.copy2(other, file)  # as `cp -p` does
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert version(file) not in (None, first)
    second = version(file)
    os.replace(other, file)
    assert version(file) not in (None, second)


def status(**changed: int) -> Any:
    known = {"st_size": 5, "st_mtime_ns": 7, "st_ctime_ns": SECOND + 9, "st_ino": 3}
    return SimpleNamespace(**{**known, **changed})


def test_without_inode_or_fractions_of_a_second_there_is_no_version() -> None:
    listing = _Listing("/", (), settled_ns=9 * SECOND)
    assert listing._version(status()) is not None
    assert listing._version(status(st_ino=0)) is None
    assert listing._version(status(st_ctime_ns=2 * SECOND)) is None


def test_a_link_that_points_elsewhere_is_another_version(
    file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "b.md"
    other.write_text("# Two")
    link = tmp_path / "link.md"
    link.symlink_to(file)
    first = version(link)
    link.unlink()
    link.symlink_to(other)
    assert version(link) not in (None, first)


def states(folder: Path, after_ns: int = 10 * SECOND) -> list[LibraryState]:
    """The state by the versions of the folders, and by the whole listing."""
    changed = [path.stat(follow_symlinks=False) for path in folder.rglob("*")]
    now_ns = max((status.st_ctime_ns for status in changed), default=0) + after_ns
    library = FolderLibrary(str(folder), now_ns=lambda: now_ns)
    return [library_state(library), list_library(library)]


NAMES = (
    "a.md a/b.md a/c/d.TXT a-b.md a-b/a.md a0.md b/e.csv c/only.png picture.PNG "
    "~$open.md caf\u0065\u0301.md \u00fcber/\u00e9.md .hidden.md .git/x.md"
).split()


def test_versions_of_folders_are_those_of_the_listing_in_its_order(
    tmp_path: Path,
) -> None:
    library = tmp_path / "library"
    for name in NAMES:
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(name)
    (library / "empty.md").mkdir()
    (library / "link.md").symlink_to(library / "a.md")
    (library / "broken.md").symlink_to(library / "nowhere.md")
    seen, listing = states(library)
    assert not isinstance(seen, Listing) and isinstance(listing, Listing)
    assert len(listing.files) == 10
    assert seen.version is not None
    assert (seen.version, seen.unread) == (listing.version, listing.unread)
    (library / "a-b" / "a.md").write_text("other")
    changed, listing = states(library)
    assert changed.version not in (None, seen.version)
    assert changed.version == listing.version


@pytest.mark.parametrize("name", ["a.md", "\u00e9.md", "A.MD", "deep/er/a.md"])
def test_one_file_that_changed_just_now_leaves_the_folder_without_a_version(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("# One")
    assert [state.version for state in states(tmp_path, RACY_NS - 1)] == [None, None]
    assert None not in [state.version for state in states(tmp_path, RACY_NS)]


class _Unreadable:
    """An entry of a folder whose file cannot be looked at."""

    def __init__(self, entry: os.DirEntry[str]) -> None:
        self.name, self.path = entry.name, entry.path
        self.is_dir, self.is_symlink = entry.is_dir, entry.is_symlink

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        raise PermissionError(13, "Permission denied")


def test_a_file_that_cannot_be_looked_at_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ok.md", "locked.md"):
        (tmp_path / name).write_text("# One")
    scan = os.scandir

    @contextmanager
    def scandir(folder: str) -> Iterator[Iterator[Any]]:
        with scan(folder) as entries:
            yield (_Unreadable(e) if e.name == "locked.md" else e for e in entries)

    monkeypatch.setattr(os, "scandir", scandir)
    by_folder, listed = states(tmp_path)
    assert by_folder.version is None and listed.version is None
    problems = {file.path: file.problem is not None for file in listed.files}
    assert problems == {"ok.md": False, "locked.md": True}


def test_a_file_that_cannot_be_used_leaves_the_folder_without_a_version(
    tmp_path: Path,
) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "out.md").write_text("# Out")
    (tmp_path / "library" / "out.md").symlink_to(tmp_path / "out.md")
    versions = [state.version for state in states(tmp_path / "library")]
    assert versions == [None, None]
