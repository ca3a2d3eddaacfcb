"""Back up a home of any kind: a folder with one DuckDB file, complete in itself.

    warehouse-20260501T090000Z/
      warehouse.duckdb              all tables, as the home's version has them
      warehouse.duckdb.forgotten/   the receipts of what was forgotten
      backup.json                   time, owner, rows per table, the file's SHA-256

A file is copied during this process's turn, so others wait while its bytes are copied.
A server is read in one transaction, which sees one moment and blocks no
writer. The folder gets its name when it is complete. Until then it is called
`.warehouse-….part`, and a locked file beside it says that it is being written and by
which data folder; what a killed process left is removed by the next backup.
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
from datetime import datetime
from pathlib import Path

import duckdb

from ig_assets.errors import InputError, WarehouseBusyError, WarehouseError
from ig_assets.files import from_home, write_atomic
from ig_assets.warehouse.backends import FORMAT, Connection, Home, quoted
from ig_assets.warehouse.migrations import COPYING
from ig_assets.warehouse.moving.backup_folders import (
    NAME_FORMAT,
    remove_leftovers,
    writing,
)
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
from ig_assets.warehouse.writers.presence import check_present

FILE = "warehouse.duckdb"
MANIFEST = "backup.json"
OWNER = "backups.id"
_OWNER_NAME = re.compile(r"[0-9a-f]{32}")
_BLOCK = 1 << 20
_OWNER_ONLY = 0o700


@dataclass(frozen=True)
class Backup:
    """What `backup.json` says about a backup, and its `folder`.

    `owner` is the name of the data folder that made it (`owner_of`), empty if unknown.
    `rows` is {table: row count}, `migration` the highest migration number, `bytes` the
    size of its file, None in a backup of an earlier version.
    """

    folder: Path
    made_at: datetime
    home: str
    migration: int
    sha256: str
    rows: Mapping[str, int]
    owner: str = ""
    bytes: int | None = None

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

    The home is neither changed nor migrated, so a backup that is made before an upgrade
    has the old schema. `receipts` is the home's folder of receipts, `now` is naive UTC.
    Raises InputError if there is no warehouse, WarehouseBusyError, and WarehouseError
    if the chain of receipts is broken or the folder cannot be written to.
    """
    folder = from_home(into) / f"{now:{NAME_FORMAT}}"
    part = folder.with_name(f".{folder.name}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with writing(part, owner) as is_ours:
            if folder.exists() or not is_ours:
                raise InputError(f"There is a backup {folder} already; wait a second.")
            remove_leftovers(folder.parent, owner)
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
        size = (part / FILE).stat().st_size
        backup = Backup(folder, now, home.kind, migration, digest, rows, owner, size)
        write_atomic(part / MANIFEST, _as_json(backup))
        os.replace(part, folder)
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
