"""Know whether a warehouse file was ever made, so that a lost one is not made anew.

DuckDB makes a file that it is to attach. On a folder whose warehouse is lost (a disk
that is not mounted, a file moved away) that would be an empty warehouse in the place of
a full one. So a mark, the empty file `warehouse.duckdb.made`, stands beside each
warehouse file from its first attachment on, and the receipts of what was forgotten are
a trace too. Where one of them is and the file is not, nothing is opened.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ig_assets.errors import InputError, WarehouseGoneError
from ig_assets.warehouse.forgetting.receipts import receipts_folder


def made_mark(path: Path) -> Path:
    """Return the path of the mark of a warehouse file."""
    return Path(f"{path}.made")


def mark_made(path: Path) -> None:
    """Note that a warehouse file exists; without a writable disk nothing is noted."""
    mark = made_mark(path)
    if not mark.exists():
        with suppress(OSError):
            mark.touch()


def check_not_lost(path: Path, was_seen: bool = False) -> None:
    """Raise WarehouseGoneError if a warehouse file is missing that was there once.

    `was_seen` says that this process had it open before.
    """
    if path.exists():
        return
    if was_seen or made_mark(path).exists() or _has_receipts(path):
        raise WarehouseGoneError(
            f"The warehouse file {path} was here and is gone; mount its disk or put it "
            "back, or restore a backup (`ig-assets db restore FOLDER --newest`); to "
            "begin anew, point IG_DATA_DIR at a new folder."
        )


def check_present(path: Path | None, was_seen: bool = False) -> None:
    """Raise WarehouseGoneError for a lost file, InputError for one never made.

    A home on a server (None) is not looked at.
    """
    if path is None or path.is_file():
        return
    check_not_lost(path, was_seen)
    raise InputError(f"There is no warehouse file {path}.")


def _has_receipts(path: Path) -> bool:
    try:
        return any(receipts_folder(path).glob("*.json"))
    except OSError:
        return False
