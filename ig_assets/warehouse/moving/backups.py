"""Back up a home of any kind: a folder with one DuckDB file, complete in itself.

    warehouse-20260501T090000Z/
      warehouse.duckdb              all tables, as the home's version has them
      warehouse.duckdb.forgotten/   the receipts of what was forgotten
      backup.json                   time, owner, rows per table, the file's SHA-256

A file is copied during this process's turn, so others wait while its bytes are copied.
A server is read in one transaction, which sees one moment and which no writer waits
for. The folder gets its name when it is complete. Until then it is called
`.warehouse-….part`, and a locked file beside it says that it is being written and by
which data folder; what a killed process left is removed by the next backup.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from ig_assets.errors import InputError, WarehouseBusyError, WarehouseError
from ig_assets.files import from_home, write_atomic
from ig_assets.warehouse.backends import FORMAT, Connection, Home, quoted
from ig_assets.warehouse.migrations import COPYING
from ig_assets.warehouse.moving.copying import (
    LOCK_TIMEOUT_S,
    check_source,
    own_turn,
)
from ig_assets.warehouse.moving.receipt_folders import bring_receipts
from ig_assets.warehouse.moving.tables import (
    MIGRATIONS_TABLE,
    applied_migrations,
    names,
    row_counts,
    tables_of,
)
from ig_assets.warehouse.presence import check_present

FILE = "warehouse.duckdb"
MANIFEST = "backup.json"
OWNER = "backups.id"
_NAME = re.compile(r"warehouse-[0-9]{8}T[0-9]{6}Z")
_NAME_FORMAT = "warehouse-%Y%m%dT%H%M%SZ"
_OWNER_NAME = re.compile(r"[0-9a-f]{32}")
_BLOCK = 1 << 20
_OWNER_ONLY = 0o700
_CLOCK_SLACK = timedelta(minutes=5)
_PART_LOCKS = ".warehouse-*.part.lock"
_MANY_TIMES = 10
"""So many times as many rows as a newer backup make an older one worth keeping."""


@dataclass(frozen=True)
class Backup:
    """What `backup.json` says about a backup, and its `folder`.

    `owner` is the name of the data folder that made it (`owner_of`), empty if unknown.
    `rows` is {table: row count}, `migration` the highest migration number.
    """

    folder: Path
    made_at: datetime
    home: str
    migration: int
    sha256: str
    rows: Mapping[str, int]
    owner: str = ""

    @property
    def file(self) -> Path:
        """Return the path of the DuckDB file, which any DuckDB client opens."""
        return self.folder / FILE

    @property
    def receipts(self) -> Path:
        """Return the path of the folder of receipts, which may not exist."""
        return self.folder / f"{FILE}.forgotten"

    @property
    def total(self) -> int:
        """Return the number of rows in all tables."""
        return sum(self.rows.values())


@dataclass(frozen=True)
class Rotation:
    """What a rotation did with the older backups of a data folder.

    `deleted` are gone. `spared` would have been deleted, but has more than ten times
    the rows of each newer one that is kept; None mostly. `dated_ahead` are dated after
    the newest one was made, so the clock was wrong once; they were left alone.
    """

    deleted: tuple[Path, ...] = ()
    spared: Path | None = None
    dated_ahead: tuple[Path, ...] = ()

    def sentences(self) -> list[str]:
        """Return a sentence for each backup that was kept against the number."""
        found = [ahead_sentence(path) for path in self.dated_ahead]
        if self.spared is not None:
            found.append(
                f"{self.spared} is kept: it has more than {_MANY_TIMES} times the rows "
                "of each newer one. Look whether rows were lost; if not, delete it "
                "yourself."
            )
        return found


def owner_of(data_dir: Path) -> str:
    """Return the random name of a data folder, by which it recognises its own backups.

    The name is made at the folder's first backup and kept in the file `backups.id`. A
    name made from the machine or the path would differ in each container, or be the
    same on two machines. Raises WarehouseError if the file cannot be read or written.
    """
    file = data_dir / OWNER
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError), file.open("x", encoding="utf-8") as new:
            new.write(f"{uuid.uuid4().hex}\n")
        found = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WarehouseError(f"{file} cannot be used ({error}).") from None
    if not _OWNER_NAME.fullmatch(found):
        raise WarehouseError(
            f"{file} is damaged; delete it. Backups made until now are then kept "
            "until you delete them."
        )
    return found


def back_up(
    url: str, receipts: Path, into: Path, now: datetime, owner: str = ""
) -> Backup:
    """Back up a home into a new folder within `into`.

    The home is neither changed nor migrated. So a backup before an upgrade has the old
    version. `receipts` is the home's folder of receipts, `now` is naive UTC. Raises
    InputError if there is no warehouse, WarehouseBusyError, and WarehouseError if the
    chain of receipts is broken or the folder cannot be written to.
    """
    folder = from_home(into) / f"{now:{_NAME_FORMAT}}"
    part = folder.with_name(f".{folder.name}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _writing(part, owner) as is_ours:
            if folder.exists() or not is_ours:
                raise InputError(f"There is a backup {folder} already; wait a second.")
            _remove_leftovers(folder.parent, owner)
            return _write(Home(url), receipts, folder, part, now, owner)
    except OSError as error:
        raise WarehouseError(
            f"The backup cannot be written to {into} "
            f"({error.strerror or type(error).__name__}); name a folder of yours with "
            "room for it."
        ) from None


def _write(
    home: Home, receipts: Path, folder: Path, part: Path, now: datetime, owner: str
) -> Backup:
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=_OWNER_ONLY)
        if home.path is not None:
            _copy_file(home, part / FILE)
        else:
            _read_server(home, part / FILE)
        bring_receipts(receipts, part / f"{FILE}.forgotten")
        rows, migration = _contents(part / FILE)
        digest = sha256_of(part / FILE)
        backup = Backup(folder, now, home.kind, migration, digest, rows, owner)
        write_atomic(part / MANIFEST, _as_json(backup))
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return backup


@contextmanager
def _writing(part: Path, owner: str) -> Iterator[bool]:
    """Hold the lock of an unfinished backup; yield False if another process has it.

    The file of the lock names the data folder. It ends with the process; a disk that
    knows no locks counts as locked for others, so that nothing of it is removed.
    """
    file = part.with_name(f"{part.name}.lock")
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # no locks on this disk
            pass
        os.ftruncate(handle, 0)
        os.write(handle, f"{owner}\n".encode())
        try:
            yield True
        finally:
            file.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _remove_leftovers(into: Path, owner: str) -> None:
    """Remove the unfinished backups of this data folder whose process is gone."""
    for file in into.glob(_PART_LOCKS):
        part = file.with_suffix("")
        if not _is_name(part.name.removeprefix(".").removesuffix(".part")):
            continue
        with suppress(OSError), file.open("rb") as lock:
            if lock.read().decode("utf-8", "replace").strip() != owner:
                continue
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(part, ignore_errors=True)
            file.unlink()


def read_backup(folder: Path) -> Backup:
    """Return the backup in a folder, checked against its manifest.

    Raises InputError if there is none, or if any byte of its file was changed.
    """
    try:
        said = json.loads((folder / MANIFEST).read_text("utf-8"))
        made_at = datetime.fromisoformat(said["made_at"])
        home, digest = str(said["home"]), str(said["sha256"])
        migration = int(said["migration"])
        rows = {str(table): int(count) for table, count in said["rows"].items()}
        owner = str(said.get("owner", ""))
    except FileNotFoundError:
        raise InputError(
            f"There is no backup in {folder}; name the folder warehouse-… that "
            "`ig-assets db backup` made."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{folder / MANIFEST} cannot be read.") from None
    backup = Backup(folder.absolute(), made_at, home, migration, digest, rows, owner)
    try:
        found = sha256_of(backup.file)
    except OSError:
        raise InputError(f"{backup.file} cannot be read.") from None
    if found != digest:
        raise InputError(
            f"{backup.file} is not as it was written: its SHA-256 is another than in "
            f"{MANIFEST}. Take an older backup."
        )
    return backup


def backups_in(into: Path, owner: str | None = None) -> list[Path]:
    """Return the backup folders in `into`, oldest first; only the owner's, if given.

    Raises InputError if the folder cannot be read.
    """
    try:
        found = sorted(
            path
            for path in from_home(into).iterdir()
            if _is_name(path.name)
            and not path.is_symlink()
            and (path / MANIFEST).is_file()
        )
    except OSError as error:
        raise InputError(f"{into} cannot be read ({error.strerror}).") from None
    return [path for path in found if owner in (None, _said_owner(path))]


def own_backups(into: Path, data_dir: Path, now: datetime) -> list[datetime]:
    """When the backups of a data folder in a folder were made, naive UTC, oldest first.

    Empty where there is none, also while the folder is missing; nothing is made. One
    that is dated after `now` was made while the clock was wrong, and does not count.
    Raises InputError where the folder cannot be read, WarehouseError where `backups.id`
    is damaged.
    """
    found = _own(into, data_dir)
    return [_made_at(path) for path in found if not _is_ahead(path, now)]


def backups_ahead(
    into: Path, data_dir: Path, now: datetime, all_if_unnamed: bool = False
) -> list[Path]:
    """Return the folders of a data folder's backups that are dated after `now`.

    With `all_if_unnamed`, a data folder without a name (a new machine) has any owner's.
    Raises as `own_backups` does.
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
    return _made_at(folder) > now + _CLOCK_SLACK


def _made_at(folder: Path) -> datetime:
    return datetime.strptime(folder.name, _NAME_FORMAT)


def _is_name(name: str) -> bool:
    """Whether a folder is called like a backup, at a moment that exists."""
    try:
        return bool(_NAME.fullmatch(name) and datetime.strptime(name, _NAME_FORMAT))
    except ValueError:
        return False


def _said(folder: Path) -> dict[str, Any]:
    """Return what a manifest says, unchecked; nothing if it cannot be read."""
    try:
        said = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _said_owner(folder: Path) -> str:
    return str(_said(folder).get("owner", ""))


def _said_rows(folder: Path) -> int:
    """Return the rows of a backup without its migrations; 0 if they are not known."""
    rows = _said(folder).get("rows")
    if not isinstance(rows, dict):
        return 0
    counts = (n for table, n in rows.items() if table != MIGRATIONS_TABLE)
    return sum(n for n in counts if isinstance(n, int))


def newest_backup(into: Path, data_dir: Path, now: datetime) -> Path:
    """Return the newest backup in `into` that the data folder made.

    A data folder on a new machine has no name yet. The newest backup of all is then
    returned if all have one owner. One that is dated after `now` is left out. Raises
    InputError if there is none or several owners.
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
    return present[-1]


def remove_older(into: Path, keep: int, made: Backup) -> Rotation:
    """Delete all but the owner's newest `keep` backups, of which `made` is the newest.

    Backups of other owners are neither counted nor deleted, nor is anything else. What
    is dated after `made` is left alone; so is the newest of the older ones that has
    more than ten times the rows of each that is kept. `keep` is at least 1.
    """
    others = [
        path for path in backups_in(into, made.owner) if path.name != made.folder.name
    ]
    ahead = [path for path in others if _is_ahead(path, made.made_at)]
    found = [*(path for path in others if path not in ahead), made.folder]
    older, kept = found[:-keep], found[-keep:]
    most = max(map(_said_rows, kept))
    fuller = [path for path in older if _said_rows(path) > _MANY_TIMES * most]
    spared = fuller[-1] if fuller else None
    gone = [path for path in older if path != spared]
    for path in gone:
        shutil.rmtree(path)
    return Rotation(tuple(gone), spared, tuple(ahead))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file (hex). Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _copy_file(home: Home, into: Path) -> None:
    assert home.path is not None
    check_present(home.path)
    with own_turn(home, f"The warehouse file {home.path}") as busy:
        log = Path(f"{home.path}.wal")
        with duckdb.connect(":memory:") as con:
            home.attach(con, time.monotonic() + LOCK_TIMEOUT_S, busy)
            if log.exists():  # what a killed process had committed
                con.execute("CHECKPOINT home")
            con.execute("DETACH home")
        if log.exists():
            raise WarehouseBusyError(busy)
        shutil.copyfile(home.path, into)
    with into.open("rb+") as file:
        os.fsync(file.fileno())


def _read_server(home: Home, into: Path) -> None:
    with duckdb.connect(":memory:") as con:
        home.attach(con, time.monotonic() + LOCK_TIMEOUT_S, "", "origin")
        con.execute(
            f"ATTACH '{quoted(str(into))}' AS backup (STORAGE_VERSION '{FORMAT}')"
        )
        con.execute("BEGIN")
        check_source(con)
        con.execute("CREATE SCHEMA backup.ig")
        for table, columns in tables_of(con, "origin").items():
            con.execute(
                f'CREATE TABLE backup.ig."{table}" AS '
                f'SELECT {names(columns)} FROM origin.ig."{table}"'
            )
        con.execute("COMMIT")
        con.execute("CHECKPOINT backup")


def _contents(file: Path) -> tuple[dict[str, int], int]:
    with duckdb.connect(":memory:") as con:
        con.execute(f"ATTACH '{quoted(str(file))}' AS backup (READ_ONLY)")
        applied = _applied(con, file)
        return row_counts(con, "backup"), applied


def _applied(con: Connection, file: Path) -> int:
    applied = applied_migrations(con, "backup")
    if not applied:
        raise InputError("There is no warehouse of ig_assets to back up.")
    if COPYING in applied:
        raise WarehouseError("A copy into this warehouse is not finished; finish it.")
    return max(applied)


def _as_json(backup: Backup) -> str:
    said = asdict(backup)
    del said["folder"]
    said["made_at"] = backup.made_at.isoformat()
    return json.dumps(said, indent=1) + "\n"
