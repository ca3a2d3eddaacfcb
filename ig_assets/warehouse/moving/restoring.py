"""Put a backup in the place of a home of any kind.

What the home held is kept: a file is renamed, a server is backed up first. Receipts of
scripts that were forgotten after the backup stay where they are, so the restored words
are forgotten again before anyone can read them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from ig_assets.errors import InputError, WarehouseError, WarehouseNewerError
from ig_assets.warehouse.backends import Home, quoted
from ig_assets.warehouse.forgetting.replay import replay_receipts
from ig_assets.warehouse.migrations import COPYING, MIGRATIONS
from ig_assets.warehouse.moving.backups import Backup, back_up, sha256_of
from ig_assets.warehouse.moving.copying import Say, copy_home, own_turn, silent
from ig_assets.warehouse.moving.receipt_folders import bring_receipts
from ig_assets.warehouse.moving.state import home_state
from ig_assets.warehouse.moving.tables import MIGRATIONS_TABLE, row_counts
from ig_assets.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Restored:
    """The result of a restore.

    `rows` is the number of restored rows. `kept` is where the home's former rows are
    now, or None if it had none. `migrated` are the numbers of the migrations that the
    backup lacked, and `forgotten` is the number of requests to forget that were
    repeated.
    """

    rows: int
    kept: Path | None
    migrated: tuple[int, ...]
    forgotten: int


def restore(
    backup: Backup,
    url: str,
    receipts: Path,
    read_clock: Callable[[], datetime],
    *,
    replace: bool = False,
    say: Say = silent,
) -> Restored:
    """Put a backup in the place of a home and migrate it.

    Scripts that were forgotten after the backup was made are forgotten again.
    `receipts` is the home's folder of receipts. Raises WarehouseError, before anything
    is written, if the backup is of a newer version or its receipts do not match the
    home's; InputError if the home holds rows and `replace` is not set;
    WarehouseBusyError.
    """
    newest = MIGRATIONS[-1][0]
    if backup.migration > newest:
        raise WarehouseNewerError(
            f"The backup has migration {backup.migration}, which this version of "
            "ig_assets does not know; install the newer version."
        )
    home = Home(url)
    kept = None
    if home.path is None:
        if _holds_rows(url):
            _allow(replace)
            kept = back_up(url, receipts, backup.folder.parent, read_clock()).folder
        bring_receipts(backup.receipts, receipts)
        copy_home(f"duckdb:///{backup.file}", url, replace=replace, say=say)
    else:
        if home.path.exists() and _file_holds_rows(home.path):
            _allow(replace)
            kept = home.path.with_name(
                f"{home.path.name}.before-{read_clock():%Y%m%dT%H%M%S}"
            )
        bring_receipts(backup.receipts, receipts)
        try:
            _put_in_place(backup, home, kept)
        except OSError as error:
            raise WarehouseError(
                f"The backup cannot be put in the place of {home.path} "
                f"({error.strerror or type(error).__name__}); make room, or point "
                "IG_DATA_DIR at a folder of yours."
            ) from None
    return _open(backup, url, receipts, read_clock, kept)


def _allow(replace: bool) -> None:
    if not replace:
        raise InputError(
            "The warehouse has rows; --replace puts the backup in its place and keeps "
            "what it holds beside it."
        )


def _put_in_place(backup: Backup, home: Home, kept: Path | None) -> None:
    assert home.path is not None
    fresh = home.path.with_name(f"{home.path.name}.restored")
    with own_turn(home, f"The warehouse file {home.path}"):
        shutil.copyfile(backup.file, fresh)
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        if sha256_of(fresh) != backup.sha256:
            raise WarehouseError(f"The copy {fresh} and the backup differ; try again.")
        if home.path.exists():
            _empty_log(home.path, kept)
        if kept is not None:
            os.link(home.path, kept)  # so that there is a warehouse at each moment
        os.replace(fresh, home.path)


def _empty_log(path: Path, kept: Path | None) -> None:
    """Merge the old file's write-ahead log into it, so the new file does not read it.

    If the old file cannot be read, its log is moved along with it, or deleted if the
    old file is not kept.
    """
    log = Path(f"{path}.wal")
    if not log.exists():
        return
    try:
        with duckdb.connect(str(path)) as con:
            con.execute("CHECKPOINT")
    except duckdb.Error:
        pass
    if log.exists():
        os.replace(log, f"{kept}.wal") if kept is not None else log.unlink()


def _open(
    backup: Backup,
    url: str,
    receipts: Path,
    read_clock: Callable[[], datetime],
    kept: Path | None,
) -> Restored:
    """Open the restored home, which migrates it and forgets again; count both."""
    before = home_state(url)
    warehouse = Warehouse(url, read_clock)
    with warehouse.transaction() as con:
        if warehouse.path is None:
            forgotten = replay_receipts(con, receipts, read_clock())
        else:
            [(forgotten,)] = con.execute(
                "SELECT count(*) FROM forget_requests WHERE status = 'replayed' "
                "AND finished_at IS NOT NULL AND number > ?",
                [before.newest_receipt],
            ).fetchall()
    if forgotten and warehouse.path is None:
        warehouse.rewrite()
    warehouse.close()
    migrated = tuple(sorted(home_state(url).applied - before.applied))
    return Restored(backup.total, kept, migrated, int(forgotten))


def _holds_rows(url: str) -> bool:
    state = home_state(url)
    return state.rows > 0 and COPYING not in state.applied


def _file_holds_rows(path: Path) -> bool:
    """Return whether the file may hold rows; True if it cannot be read."""
    try:
        with duckdb.connect(":memory:") as con:
            con.execute(f"ATTACH '{quoted(str(path))}' AS home (READ_ONLY)")
            rows = row_counts(con, "home")
            return any(rows[table] for table in rows if table != MIGRATIONS_TABLE)
    except duckdb.Error:
        return True
