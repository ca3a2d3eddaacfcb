"""How a home of the warehouse is attached to an in-memory DuckDB."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb

from ig_assets.errors import SettingsError, WarehouseBusyError, WarehouseError

Connection = duckdb.DuckDBPyConnection
_RETRY_S = 0.02
_LOCKED = "could not set lock"


class Home:
    """One home, by its URL; `path` is the file, where it is one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.path: Path | None = None
        if url.startswith("duckdb:///"):
            self.path = Path(url.removeprefix("duckdb:///")).absolute()
        elif not url.startswith(("postgres:", "ducklake:")):
            raise SettingsError(
                "IG_WAREHOUSE_URL must start with duckdb:///, ducklake: or postgres:; "
                "leave it unset for a DuckDB file in IG_DATA_DIR."
            )

    def attach(self, con: Connection, give_up_s: float, busy: str) -> None:
        """Attach it as `home`.

        Raises WarehouseBusyError with the text `busy` where a program beyond our
        locks has the file open until then (monotonic), and WarehouseError.
        """
        if self.path is not None:
            _attach_file(con, self.path, give_up_s, busy)
            return
        self._load_extensions(con)
        self._attach_server(con)

    def _attach_server(self, con: Connection) -> None:
        kind, rest = self._url.split(":", 1)
        try:
            if kind == "ducklake":
                lake, _, data_path = rest.partition("?data_path=")
                option = f" (DATA_PATH '{_quoted(data_path)}')" if data_path else ""
                con.execute(f"ATTACH 'ducklake:{_quoted(lake)}' AS home{option}")
            else:
                dsn = self._url if rest.startswith("//") else rest
                con.execute(f"ATTACH '{_quoted(dsn)}' AS home (TYPE postgres)")
        except duckdb.Error as error:
            # The vendor's text can contain the connection string, password and all.
            raise WarehouseError(
                f"The {kind} warehouse of IG_WAREHOUSE_URL cannot be attached "
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
            if name != "ducklake" or self._url.startswith("ducklake:"):
                import_extension(name, con=con)
                con.execute(f"LOAD {name}")


def _attach_file(con: Connection, path: Path, give_up_s: float, busy: str) -> None:
    """Wait for a file that a program beyond our locks, an analyst's, has open."""
    while True:
        try:
            con.execute(f"ATTACH '{_quoted(str(path))}' AS home")
            return
        except duckdb.IOException as error:
            if _LOCKED not in str(error).lower():
                raise WarehouseError(
                    f"The warehouse file {path} cannot be opened: "
                    "it is not a DuckDB file, or the disk refuses it."
                ) from error
            if time.monotonic() > give_up_s:
                raise WarehouseBusyError(busy) from error
            time.sleep(_RETRY_S)


def _quoted(text: str) -> str:
    return text.replace("'", "''")
