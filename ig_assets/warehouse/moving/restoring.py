"""Puts a backup in the place of a home of any kind.

Whatever the home held is kept: a file is renamed, a server backed up first. Receipts of
what was forgotten since the backup stay where they are, so that its words are forgotten
again before anyone can read them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from ig_assets.errors import InputError, WarehouseError
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
    """What a restore came to.

    `kept` is where the home's former rows are now, `migrated` the numbers of the
    migrations that the backup lacked, `forgotten` the requests that were repeated.
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
    """Put a backup in the place of a home, bring it up to date and forget again.

    Raises WarehouseError for a backup of a newer version and for receipts that do not
    belong together, before anything is written; InputError where the home holds rows
    and `replace` is not set; WarehouseBusyError.
    """
    newest = MIGRATIONS[-1][0]
    if backup.migration > newest:
        raise WarehouseError(
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
    """Let no log be read into the restored file: write it into the old one.

    Where that cannot be read, its log goes with it, or away where nothing is kept.
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
    """Migrate and forget; what the opening of a file does by itself is counted."""
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
    """Whether there is something to lose; a file that cannot be read is something."""
    try:
        with duckdb.connect(":memory:") as con:
            con.execute(f"ATTACH '{quoted(str(path))}' AS home (READ_ONLY)")
            rows = row_counts(con, "home")
            return any(rows[table] for table in rows if table != MIGRATIONS_TABLE)
    except duckdb.Error:
        return True
