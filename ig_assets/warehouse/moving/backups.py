"""Back up a home of any kind: a folder with one DuckDB file, complete in itself.

    warehouse-20260501T090000Z/
      warehouse.duckdb              all tables, as the home's version has them
      warehouse.duckdb.forgotten/   the receipts of what was forgotten
      backup.json                   time, owner, rows per table, the file's SHA-256

A file is copied during this process's turn, so others wait while its bytes are copied.
A server is read in one transaction, which sees one moment and which no writer waits
for. The folder gets its name when it is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

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
    if folder.exists():
        raise InputError(f"There is a backup {folder} already; wait a second.")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True, mode=_OWNER_ONLY)
        home = Home(url)
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
    except OSError as error:
        raise WarehouseError(
            f"The backup cannot be written to {into} "
            f"({error.strerror or type(error).__name__}); name a folder of yours with "
            "room for it."
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return backup


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
    if not (data_dir / OWNER).exists() or not from_home(into).is_dir():
        return []
    made = [_made_at(path) for path in backups_in(into, owner_of(data_dir))]
    return [at for at in made if at <= now + _CLOCK_SLACK]


def _made_at(folder: Path) -> datetime:
    return datetime.strptime(folder.name, _NAME_FORMAT)


def _is_name(name: str) -> bool:
    """Whether a folder is called like a backup, at a moment that exists."""
    try:
        return bool(_NAME.fullmatch(name) and datetime.strptime(name, _NAME_FORMAT))
    except ValueError:
        return False


def _said_owner(folder: Path) -> str:
    try:
        return str(json.loads((folder / MANIFEST).read_text("utf-8")).get("owner", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def newest_backup(into: Path, data_dir: Path) -> Path:
    """Return the newest backup in `into` that the data folder made.

    A data folder on a new machine has no name yet. The newest backup of all is then
    returned if all have one owner. Raises InputError if there is none or several
    owners.
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
    return found[-1]


def remove_older(into: Path, keep: int, owner: str) -> list[Path]:
    """Delete all but the owner's newest `keep` backups; return the deleted folders.

    Backups of other owners are neither counted nor deleted, nor is anything else.
    """
    found = backups_in(into, owner)
    gone = found[: max(0, len(found) - keep)]
    for path in gone:
        shutil.rmtree(path)
    return gone


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
