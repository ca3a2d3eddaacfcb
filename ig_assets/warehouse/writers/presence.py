"""Remember that a warehouse file was made, so that a lost one is not replaced.

DuckDB creates a file that is missing when it is attached. If a folder's warehouse is
lost (a disk is not mounted, a file was moved away), that would put an empty warehouse
in the place of a full one. So an empty file, the mark `warehouse.duckdb.made`, is
created beside each warehouse file when it is first attached. Receipts of forgotten
scripts show as well that there was a warehouse. If there is a mark or a receipt and no
warehouse file, nothing is opened.
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
    """Create the mark of a warehouse file; do nothing if the disk is not writable."""
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
    was_made = was_seen or made_mark(path).exists() or _has_receipts(path)
    # Another process may have made file and mark between the two looks.
    if was_made and not path.exists():
        raise WarehouseGoneError(
            f"The warehouse file {path} was here and is gone; mount its disk or put it "
            "back, or restore a backup (`ig-assets db restore FOLDER --newest`); to "
            "begin anew, point IG_DATA_DIR at a new folder."
        )


def check_present(path: Path | None, was_seen: bool = False) -> None:
    """Raise WarehouseGoneError for a lost file, InputError for one never made.

    A home on a server (None) is not checked.
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
