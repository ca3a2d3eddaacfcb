"""The one way into the warehouse: an in-memory DuckDB with the home attached.

Homes: `duckdb:///path` (a single file, the embedded default), `ducklake:postgres:…`
and `postgres:…` (extra `homes`). The DuckDB file admits one process at a time, so
each transaction on it is short and stands behind one inter-process lock; never
hold one open while a vendor is called.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from ig_assets.errors import SettingsError, WarehouseBusyError, WarehouseError
from ig_assets.warehouse.migrations import apply_migrations

Connection = duckdb.DuckDBPyConnection
LOCK_TIMEOUT_S = 60.0
_RETRY_S = 0.2


class Warehouse:
    """Opens short transactions on one home; safe to share between threads."""

    def __init__(
        self,
        url: str,
        now: Callable[[], datetime],
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        self.url = url
        self._now = now
        self._timeout_s = lock_timeout_s
        self._migrated = False
        self._thread = threading.local()
        self._mutex = threading.Lock()
        self._lock: FileLock | None = None
        self.path: Path | None = None
        if url.startswith("duckdb:///"):
            self.path = Path(url.removeprefix("duckdb:///")).absolute()
            self._lock = FileLock(f"{self.path}.lock", thread_local=False)
        elif not url.startswith(("postgres:", "ducklake:")):
            raise SettingsError(
                "IG_WAREHOUSE_URL must start with duckdb:///, ducklake: or postgres:; "
                "leave it unset for a DuckDB file in IG_DATA_DIR."
            )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back on any exception.

        Raises WarehouseBusyError when the embedded file stays locked, and
        WarehouseError when transactions are nested in a thread.
        """
        if getattr(self._thread, "inside", False):
            raise WarehouseError("A warehouse transaction was opened inside another.")
        with self._exclusive():
            con = duckdb.connect(":memory:")
            try:
                self._thread.inside = True
                self._attach(con)
                con.execute("BEGIN")
                try:
                    if not self._migrated:
                        con.execute("CREATE SCHEMA IF NOT EXISTS home.ig")
                    con.execute("USE home.ig")
                    if not self._migrated:
                        apply_migrations(con, self._now())
                    yield con
                    con.execute("COMMIT")
                    self._migrated = True
                except duckdb.TransactionException as error:
                    _roll_back(con)
                    raise WarehouseBusyError(
                        "Another process wrote to the warehouse at the same moment; "
                        "nothing was written, try again."
                    ) from error
                except BaseException:
                    _roll_back(con)
                    raise
            finally:
                self._thread.inside = False
                con.close()

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """One transaction at a time: of this process, and of all on a file."""
        if not self._mutex.acquire(timeout=self._timeout_s):
            raise WarehouseBusyError(self._busy())
        try:
            if self._lock is None:
                yield
                return
            try:
                self._acquire_file(self._lock)
            except Timeout:
                raise WarehouseBusyError(self._busy()) from None
            try:
                yield
            finally:
                self._lock.release()
        finally:
            self._mutex.release()

    def _acquire_file(self, lock: FileLock) -> None:
        """Raises WarehouseError where the folder cannot be written to."""
        folder = Path(lock.lock_file).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=self._timeout_s)
        except OSError as error:
            if isinstance(error, Timeout):
                raise
            raise WarehouseError(
                f"The data folder {folder} cannot be written to "
                f"({error.strerror or type(error).__name__}); point IG_DATA_DIR at a "
                "folder of yours."
            ) from None

    def _busy(self) -> str:
        what = "warehouse" if self.path is None else f"warehouse file {self.path}"
        return (
            f"The {what} is held by another process for more than "
            f"{self._timeout_s:.0f} s; close the program that has it open."
        )

    def _attach(self, con: Connection) -> None:
        if self.path is not None:
            self._attach_file(con)
            return
        self._load_extensions(con)
        kind, rest = self.url.split(":", 1)
        try:
            if kind == "ducklake":
                lake, _, data_path = rest.partition("?data_path=")
                option = f" (DATA_PATH '{_quoted(data_path)}')" if data_path else ""
                con.execute(f"ATTACH 'ducklake:{_quoted(lake)}' AS home{option}")
            else:
                dsn = self.url if rest.startswith("//") else rest
                con.execute(f"ATTACH '{_quoted(dsn)}' AS home (TYPE postgres)")
        except duckdb.Error as error:
            # The vendor's text can contain the connection string, password and all.
            raise WarehouseError(
                f"The {kind} warehouse of IG_WAREHOUSE_URL cannot be attached "
                f"({type(error).__name__}); check its host, user and password."
            ) from None

    def _attach_file(self, con: Connection) -> None:
        """Wait for a file that a program beyond our lock, an analyst's, has open."""
        give_up = time.monotonic() + self._timeout_s
        while True:
            try:
                con.execute(f"ATTACH '{_quoted(str(self.path))}' AS home")
                return
            except duckdb.IOException as error:
                if "lock" not in str(error).lower():
                    raise WarehouseError(
                        f"The warehouse file {self.path} cannot be opened: "
                        "it is not a DuckDB file, or the disk refuses it."
                    ) from error
                if time.monotonic() > give_up:
                    raise WarehouseBusyError(self._busy()) from None
                time.sleep(_RETRY_S)

    def _load_extensions(self, con: Connection) -> None:
        try:
            from duckdb_extensions import import_extension
        except ImportError:
            raise SettingsError(
                "IG_WAREHOUSE_URL asks for a home beyond the DuckDB file; install "
                "it with `pip install 'ig-assets[homes]'`."
            ) from None
        for name in ("postgres_scanner", "ducklake"):
            if name != "ducklake" or self.url.startswith("ducklake:"):
                import_extension(name, con=con)
                con.execute(f"LOAD {name}")


def _roll_back(con: Connection) -> None:
    with suppress(duckdb.Error):  # a failed COMMIT has ended the transaction already
        con.execute("ROLLBACK")


def _quoted(text: str) -> str:
    return text.replace("'", "''")
