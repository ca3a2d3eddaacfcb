"""Attach each kind of home to an in-memory DuckDB, and detach it."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb

from ig_assets.errors import (
    SettingsError,
    WarehouseBusyError,
    WarehouseDamagedError,
    WarehouseError,
)
from ig_assets.warehouse.writers.conflicts import is_first_start_conflict
from ig_assets.warehouse.writers.fences import (
    lock_postgres,
    may_lock,
    refuse_overtaken_commits,
)
from ig_assets.warehouse.writers.presence import check_not_lost, mark_made
from ig_assets.warehouse.writers.turns import Turn, file_turn, server_turn

Connection = duckdb.DuckDBPyConnection
_RETRY_S = 0.01
_LOCKED = "could not set lock"
_FORGOTTEN: list[Turn | None] = []
FORMAT = "v1.2.0"
"""The storage version of our DuckDB files, read by any DuckDB since 1.2.

It makes files a third as large, and attaches them in half the time. An older file is
converted at its next checkpoint.
"""


class Home:
    """One home, named by its URL. `path` is its DuckDB file, or None for a server.

    Raises SettingsError for a URL of an unknown kind.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.path: Path | None = None
        self._may_lock = False
        self.kind = url.split(":", 1)[0]
        if url.startswith("duckdb:///"):
            self.path = Path(url.removeprefix("duckdb:///")).absolute()
        elif self.kind not in ("postgres", "ducklake"):
            raise SettingsError(
                "IG_WAREHOUSE_URL must start with duckdb:///, ducklake: or postgres:; "
                "leave it unset for a DuckDB file in IG_DATA_DIR."
            )
        self.forget_turn()

    def forget_turn(self) -> None:
        """Replace the locks by which processes take turns at the warehouse.

        A forked child calls this, since the locks it inherits are its parent's.
        """
        _FORGOTTEN.append(getattr(self, "turn", None))
        self.turn = (
            file_turn(self.path)
            if self.path is not None
            else server_turn(self._connect_turns)
        )

    def take_turn(self, give_up_s: float, busy: str) -> None:
        """Take this process's turn; wait for it until `give_up_s` (monotonic seconds).

        Raises WarehouseBusyError with the text `busy`, and WarehouseError if the folder
        cannot be written to or the server cannot be reached.
        """
        try:
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self.turn.take(give_up_s, busy)
        except OSError as error:
            assert self.path is not None
            raise WarehouseError(
                f"The data folder {self.path.parent} cannot be written to "
                f"({error.strerror or type(error).__name__}); point IG_DATA_DIR at a "
                "folder of yours."
            ) from None

    def attach(
        self, con: Connection, give_up_s: float, busy: str, name: str = "home"
    ) -> None:
        """Attach the home as `home`, or under the name `name`.

        Raises WarehouseBusyError with the text `busy` if a program that does not use
        our locks has the file open until `give_up_s` (monotonic seconds);
        WarehouseGoneError if a file was there once and is missing; WarehouseError if
        the home cannot be attached; and the duckdb.Error of a conflict with another
        process's first start.
        """
        if self.path is not None:
            check_not_lost(self.path)
            _attach_file(con, self.path, give_up_s, busy, name)
            mark_made(self.path)
            return
        self._load_extensions(con)
        kind, rest = self._url.split(":", 1)
        if kind == "ducklake":
            lake, _, data_path = rest.partition("?data_path=")
            refuse_overtaken_commits(con)
            option = f" (DATA_PATH '{quoted(data_path)}')" if data_path else ""
            self._attach_server(
                con, f"ATTACH 'ducklake:{quoted(lake)}' AS {name}{option}"
            )
        else:
            self._attach_postgres(con, name)
            if name == "home":
                self.look_for_fence(con)

    def look_for_fence(self, con: Connection) -> None:
        """Record whether this user may take the lock of `fence`, which a Postgres has.

        Call it again after migrations, since the first one makes the table to lock.
        """
        if self.kind == "postgres" and not self._may_lock:
            self._may_lock = may_lock(con)

    def fence(self, con: Connection, wait_s: float) -> None:
        """Lock out other writers until this transaction ends; only a Postgres needs it.

        The lock holds even if this process loses its turn (`writers.fences`). Call it
        right after BEGIN. Raises the duckdb.Error of a conflict if another writer holds
        the lock for more than `wait_s` seconds.
        """
        if self._may_lock:
            lock_postgres(con, wait_s)

    def attach_catalogue(self, con: Connection) -> None:
        """Attach the Postgres of a DuckLake as `catalogue`. Raises WarehouseError."""
        self._attach_postgres(con, "catalogue")

    def detach(self, con: Connection) -> None:
        """Detach the home.

        A file then holds all that was committed, with no log beside it.
        """
        if self.path is not None and Path(f"{self.path}.wal").exists():
            con.execute("CHECKPOINT home")
        con.execute("DETACH home")

    def _connect_turns(self) -> Connection:
        con = duckdb.connect(":memory:", config={"threads": 1})
        self._load_extensions(con)
        self._attach_postgres(con, "turns")
        return con

    def _attach_postgres(self, con: Connection, name: str) -> None:
        """Attach the Postgres of the home: the tables' or a DuckLake's catalogue."""
        url = self._url.removeprefix("ducklake:").partition("?data_path=")[0]
        rest = url.removeprefix("postgres:")
        dsn = url if rest.startswith("//") else rest
        self._attach_server(con, f"ATTACH '{quoted(dsn)}' AS {name} (TYPE postgres)")

    def _attach_server(self, con: Connection, statement: str) -> None:
        try:
            con.execute(statement)
        except duckdb.Error as error:
            if is_first_start_conflict(error):  # a lake's first attachment writes
                raise
            # The vendor's text can contain the connection string, password and all.
            raise WarehouseError(
                f"The {self.kind} warehouse of IG_WAREHOUSE_URL cannot be attached "
                f"({type(error).__name__}); check its host, user and password."
            ) from None

    def _load_extensions(self, con: Connection) -> None:
        try:
            from duckdb_extensions import import_extension
        except ImportError:
            raise SettingsError(
                "IG_WAREHOUSE_URL asks for a home beyond the DuckDB file; install "
                "it with `pip install 'ig-assets[homes]'`."
            ) from None
        for name in ("postgres_scanner", "ducklake"):
            if name != "ducklake" or self.kind == "ducklake":
                import_extension(name, con=con)
                con.execute(f"LOAD {name}")


def analyst_attachment(url: str) -> str:
    """Return the SQL that attaches a home, read-only, in an analyst's DuckDB.

    For a server it is a comment without the URL, which can hold a password.
    """
    home = Home(url)
    if home.path is not None:
        return f"ATTACH '{quoted(str(home.path))}' AS home (READ_ONLY);\n"
    return f"-- First attach the {home.kind} home: ATTACH '…' AS home (READ_ONLY);\n"


def _attach_file(
    con: Connection, path: Path, give_up_s: float, busy: str, name: str
) -> None:
    """Attach a file; wait while a program that does not use our locks has it open."""
    options = f"(STORAGE_VERSION '{FORMAT}')"
    while True:
        try:
            con.execute(f"ATTACH '{quoted(str(path))}' AS {name} {options}")
            return
        except duckdb.IOException as error:
            if _LOCKED not in str(error).lower():
                raise WarehouseDamagedError(
                    f"The warehouse file {path} cannot be opened: "
                    "it is not a DuckDB file, or the disk refuses it."
                ) from error
            if time.monotonic() > give_up_s:
                raise WarehouseBusyError(busy) from error
            time.sleep(_RETRY_S)


def quoted(text: str) -> str:
    """Return the text with its single quotes doubled, for use inside a SQL string."""
    return text.replace("'", "''")
