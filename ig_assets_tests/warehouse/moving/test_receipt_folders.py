"""Receipts are brought beside a restored warehouse, and only they."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets.errors import WarehouseError
from ig_assets.warehouse.moving.receipt_folders import bring_receipts


def write_chain(folder: Path, words: list[str]) -> None:
    from ig_assets.warehouse.forgetting.receipts import write_receipt

    for word in words:
        write_receipt(folder, word, {"about": word})


def test_receipts_are_added_and_never_taken_away(tmp_path: Path) -> None:
    short, long, other = (tmp_path / name for name in ("short", "long", "other"))
    write_chain(short, ["a"])
    write_chain(long, ["a", "b"])
    write_chain(other, ["x"])
    assert bring_receipts(long, short) == 1
    assert bring_receipts(short, long) == 0
    names = [path.name for path in sorted(short.iterdir())]
    assert names == ["000001-a.json", "000002-b.json"]
    assert (short / names[1]).read_bytes() == (long / names[1]).read_bytes()
    with pytest.raises(WarehouseError, match="belong to two warehouses"):
        bring_receipts(other, short)


def test_a_receipt_of_a_backup_is_written_nowhere_but_in_its_folder(
    tmp_path: Path,
) -> None:
    """A file's name is made of its id, which comes from a file."""
    write_chain(tmp_path / "given", ["a"])
    [path] = (tmp_path / "given").iterdir()
    path.write_text(path.read_text().replace('"a"', '"/../../escaped"', 1))
    with pytest.raises(WarehouseError, match="none of ours"):
        bring_receipts(tmp_path / "given", tmp_path / "home" / "receipts")
    assert not list(tmp_path.rglob("*escaped*"))
