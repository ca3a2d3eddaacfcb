"""A file is written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ig_assets.errors import InputError
from ig_assets.files import OWNER_ONLY, from_home, write_atomic


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state.json"
    write_atomic(path, "first")
    write_atomic(path, b"second")
    assert path.read_bytes() == b"second"
    assert [file.name for file in path.parent.iterdir()] == ["state.json"]


def test_a_write_that_fails_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    write_atomic(path, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["state.json"]


def test_a_secret_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    write_atomic(tmp_path / "token", "x", mode=OWNER_ONLY)
    write_atomic(tmp_path / "page", "x")
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "page").stat().st_mode & 0o777 == 0o644 & ~current_umask()


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_the_home_of_a_user_who_is_not_there_is_a_sentence() -> None:
    with pytest.raises(InputError, match="~no-such-user-0.* write the whole path"):
        from_home(Path("~no-such-user-0/backups"))
    assert from_home(Path("~/a")) == Path.home() / "a"
