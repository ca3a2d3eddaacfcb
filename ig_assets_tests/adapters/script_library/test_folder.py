"""A folder's file has a version where the same version means the same bytes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ig_assets.adapters.script_library.folder import RACY_NS, FolderLibrary, _Listing

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
