"""List the backups in a folder, choose the newest, and delete old ones.

The backups of a data folder are recognised by its name in their manifests. A backup
that is dated after the present was made while a clock was wrong: it is reported, and
neither counted nor deleted.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ig_assets.errors import InputError
from ig_assets.files import from_home
from ig_assets.warehouse.moving.backup_folders import is_name, made_at
from ig_assets.warehouse.moving.backups import (
    FILE,
    MANIFEST,
    OWNER,
    Backup,
    owner_of,
)
from ig_assets.warehouse.moving.tables import MIGRATIONS_TABLE

_CLOCK_SLACK = timedelta(minutes=5)
_MANY_TIMES = 10
"""An older backup stays if it has this many times the rows of each newer one."""


@dataclass(frozen=True)
class Rotation:
    """What a rotation did with the older backups of a data folder.

    `deleted` are the deleted folders. `spared` is a backup that was kept, though old
    enough to be deleted, as it has more than ten times the rows of each newer one;
    usually None. `dated_ahead` are backups dated after the newest one was made, because
    a clock was wrong; `broken` are backups whose file is missing or has another size.
    Both were left alone.
    """

    deleted: tuple[Path, ...] = ()
    spared: Path | None = None
    dated_ahead: tuple[Path, ...] = ()
    broken: tuple[Path, ...] = ()

    def sentences(self) -> list[str]:
        """Return a sentence for each backup that was kept beyond the number to keep."""
        found = [ahead_sentence(path) for path in self.dated_ahead]
        found += [broken_sentence(path) for path in self.broken]
        if self.spared is not None:
            found.append(
                f"{self.spared} is kept: it has more than {_MANY_TIMES} times the rows "
                "of each newer one. Look whether rows were lost; if not, delete it "
                "yourself."
            )
        return found


def backups_in(into: Path, owner: str | None = None) -> list[Path]:
    """Return the backup folders in `into`, oldest first; only the owner's, if given.

    Raises InputError if the folder cannot be read.
    """
    try:
        found = sorted(
            path
            for path in from_home(into).iterdir()
            if is_name(path.name)
            and not path.is_symlink()
            and (path / MANIFEST).is_file()
        )
    except OSError as error:
        raise InputError(f"{into} cannot be read ({error.strerror}).") from None
    return [path for path in found if owner in (None, _said_owner(path))]


def own_backups(into: Path, data_dir: Path, now: datetime) -> list[datetime]:
    """Return the times of a data folder's backups in `into`, naive UTC, oldest first.

    The list is empty if there is none or if `into` is missing; nothing is created. A
    backup that is dated after `now` was made while the clock was wrong. It is left out,
    and so is a broken one (`broken_backups`). Raises InputError if `into` cannot be
    read, WarehouseError if `backups.id` is damaged.
    """
    found = _own(into, data_dir)
    return [made_at(p) for p in found if is_whole(p) and not _is_ahead(p, now)]


def broken_backups(into: Path, data_dir: Path) -> list[Path]:
    """Return the folders of a data folder's backups whose file is missing or cut off.

    Sizes are compared, not contents. Raises as `own_backups` does.
    """
    return [path for path in _own(into, data_dir) if not is_whole(path)]


def is_whole(folder: Path) -> bool:
    """Return whether a backup's file is there and has the size in its manifest.

    Earlier versions wrote no size; then the file must not be empty.
    """
    try:
        size = (folder / FILE).stat().st_size
    except OSError:
        return False
    return size > 0 and _said(folder).get("bytes", size) in (size, None)


def broken_sentence(path: Path) -> str:
    """Return the sentence about a backup whose file is missing or has another size."""
    return (
        f"{path} is broken: its {FILE} is missing or not of the size in {MANIFEST}; it "
        "does not count. Delete it."
    )


def backups_ahead(
    into: Path, data_dir: Path, now: datetime, all_if_unnamed: bool = False
) -> list[Path]:
    """Return the folders of a data folder's backups that are dated after `now`.

    A data folder on a new machine has no name yet, and so no backups; with
    `all_if_unnamed` those of all owners are considered for it. Raises as `own_backups`
    does.
    """
    found = _own(into, data_dir, all_if_unnamed)
    return [path for path in found if _is_ahead(path, now)]


def ahead_sentence(path: Path) -> str:
    """Return the sentence about a backup that is dated after the present."""
    return (
        f"{path} is dated after the machine's time, so a clock was wrong; it is left "
        "alone and does not count. Delete it, or restore it by its name."
    )


def _own(into: Path, data_dir: Path, all_if_unnamed: bool = False) -> list[Path]:
    is_named = (data_dir / OWNER).exists()
    if not (is_named or all_if_unnamed) or not from_home(into).is_dir():
        return []
    return backups_in(into, owner_of(data_dir) if is_named else None)


def _is_ahead(folder: Path, now: datetime) -> bool:
    return made_at(folder) > now + _CLOCK_SLACK


def _said(folder: Path) -> dict[str, Any]:
    """Return the JSON object in a backup's manifest, unchecked; {} if unreadable."""
    try:
        said = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _said_owner(folder: Path) -> str:
    return str(_said(folder).get("owner", ""))


def _said_rows(folder: Path) -> int:
    """Return the number of rows in a backup, without its migrations; 0 if unknown."""
    rows = _said(folder).get("rows")
    if not isinstance(rows, dict):
        return 0
    counts = (n for table, n in rows.items() if table != MIGRATIONS_TABLE)
    return sum(n for n in counts if isinstance(n, int))


def newest_backup(into: Path, data_dir: Path, now: datetime) -> Path:
    """Return the newest backup in `into` that the data folder made.

    A data folder on a new machine has no name yet. For it, the newest backup of all is
    returned, if all have one owner. Backups that are dated after `now` are left out.
    Raises InputError if there is none, if there are several owners, or if the newest
    one is broken.
    """
    owner = owner_of(data_dir) if (data_dir / OWNER).exists() else None
    found = backups_in(into, owner)
    if not found:
        whose = "made by this data folder " if owner else ""
        raise InputError(f"There is no backup {whose}in {into}; name one, warehouse-….")
    if owner is None and len({_said_owner(path) for path in found}) > 1:
        raise InputError(
            f"The backups in {into} are of several data folders; name the one that you "
            "want, warehouse-…."
        )
    present = [path for path in found if not _is_ahead(path, now)]
    if not present:
        raise InputError(
            f"Each backup in {into} is dated after the machine's time, "
            f"{now:%Y-%m-%d %H:%M} UTC; correct the clock, or name one, warehouse-…."
        )
    if not is_whole(present[-1]):
        whole = [path for path in present if is_whole(path)]
        other = f"the newest whole one is {whole[-1]}" if whole else "none is whole"
        raise InputError(
            f"{broken_sentence(present[-1])[:-1]}, or name one: {other}. Nothing was "
            "changed."
        )
    return present[-1]


def remove_older(into: Path, keep: int, made: Backup) -> Rotation:
    """Delete all but the owner's newest `keep` backups, of which `made` is the newest.

    Nothing else is deleted or counted, such as broken backups and those of other
    owners. Two kinds of
    backups stay in addition: those that are dated after `made`, and the newest older
    one that has more than ten times the rows of each kept one. `keep` is at least 1.
    """
    others = [
        path for path in backups_in(into, made.owner) if path.name != made.folder.name
    ]
    broken = [path for path in others if not is_whole(path)]
    others = [path for path in others if path not in broken]
    ahead = [path for path in others if _is_ahead(path, made.made_at)]
    found = [*(path for path in others if path not in ahead), made.folder]
    older, kept = found[:-keep], found[-keep:]
    most = max(map(_said_rows, kept))
    fuller = [path for path in older if _said_rows(path) > _MANY_TIMES * most]
    spared = fuller[-1] if fuller else None
    gone = [path for path in older if path != spared]
    for path in gone:
        shutil.rmtree(path)
    return Rotation(tuple(gone), spared, tuple(ahead), tuple(broken))
