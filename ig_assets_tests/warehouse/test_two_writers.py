"""Processes that write to one home at the same moment take turns, on every home."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeAlias

import duckdb
import pytest

from ig_assets.errors import (
    WarehouseBusyError,
    WarehouseError,
    WarehouseGoneError,
)
from ig_assets.warehouse.backends import Home
from ig_assets.warehouse.migrations import MIGRATIONS
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.warehouse.writers import presence
from ig_assets.warehouse.writers.conflicts import is_conflict
from ig_assets.warehouse.writers.presence import made_mark
from ig_assets_tests.factories.cases import with_further
from ig_assets_tests.factories.processes import CONTEXT, started
from ig_assets_tests.warehouse.conftest import (
    HOMES,
    NOW,
    MakeHome,
    MakeServer,
    PsqlServer,
)

PROCESSES = 2
TRANSACTIONS = 15
Line: TypeAlias = "Connection[Any, Any]"


@dataclass(frozen=True)
class Other:
    """A process that uses a home, and the line to it."""

    process: BaseProcess
    line: Line

    def says(self) -> str:
        """Its next word; raises EOFError where it died without one."""
        word: str = self.line.recv()
        return word

    def go(self) -> None:
        self.line.send("go")

    def ends(self) -> int | None:
        """Its exit code, which is waited for."""
        self.process.join(300)
        return self.process.exitcode


def other(target: Callable[..., None], *arguments: object) -> Other:
    """`target(*arguments, line)` in a process of its own, under way."""
    ours, theirs = CONTEXT.Pipe()
    process = started(target, *arguments, theirs)
    theirs.close()
    return Other(process, ours)


def write(url: str, name: str, transactions: int, line: Line) -> None:
    """What a first sync does: write what is missing, by what it has read before."""
    home = Warehouse(url, lambda: NOW)
    line.send("ready")
    line.recv()
    for n in range(transactions):
        with home.transaction() as con:
            rows = [{"script_id": f"s{n}-{i}", "revision_hash": "r"} for i in range(20)]
            merge_rows(con, "scripts", rows, replace=False)
            con.execute(
                "INSERT INTO index_spaces (index_name, namespace) "
                "SELECT count(*)::TEXT, ? FROM index_spaces",
                [name],
            )


@pytest.mark.parametrize("kind", with_further(HOMES, tried=2))
def test_two_first_syncs_at_once_double_no_row(
    kind: str, make_new_home: MakeHome
) -> None:
    """The home is new: both find no schema, and both would write each row.

    In Postgres's repeatable read (DuckDB 1.5.5) two MERGEs of a new key both commit.
    """
    home = make_new_home(kind)
    writers = [other(write, home.url, str(n), TRANSACTIONS) for n in range(PROCESSES)]
    assert [writer.says() for writer in writers] == ["ready"] * PROCESSES
    for writer in writers:
        writer.go()
    assert [writer.ends() for writer in writers] == [0] * PROCESSES
    with home.transaction() as con:
        scripts = "SELECT count(*), count(DISTINCT script_id) FROM scripts"
        assert con.execute(scripts).fetchall() == [(20 * TRANSACTIONS,) * 2]
        numbered = "SELECT count(*), count(DISTINCT index_name) FROM index_spaces"
        assert con.execute(numbered).fetchall() == [(PROCESSES * TRANSACTIONS,) * 2]
        migrations = "SELECT count(*), count(DISTINCT number) FROM migrations"
        [(applied, numbers)] = con.execute(migrations).fetchall()
    assert applied == numbers
    home.close()


def test_a_turn_at_a_home_is_waited_for_no_longer_than_allowed(home: Warehouse) -> None:
    other = Warehouse(home.url, lambda: datetime(2026, 5, 1), lock_timeout_s=0.2)
    with home.transaction():
        with ThreadPoolExecutor(1) as pool, pytest.raises(WarehouseBusyError):
            pool.submit(lambda: other.transaction().__enter__()).result()
    patient = Warehouse(home.url, lambda: NOW)
    with patient.transaction() as con:
        assert con.execute("SELECT 1").fetchall() == [(1,)]
    patient.close()


# ── a turn that is lost while it is used ──────────────────────────────────────


def write_when_told(url: str, line: Line) -> None:
    """Write what it does not find, at a word; where it is refused, do so once more."""
    home = Warehouse(url, lambda: NOW)

    def write_missing() -> None:
        with home.transaction() as con:
            con.execute("SELECT count(*) FROM scripts").fetchall()
            line.send("inside")
            line.recv()
            rows = [{"script_id": f"s0-{i}", "revision_hash": "r"} for i in range(20)]
            merge_rows(con, "scripts", rows, replace=False)

    try:
        write_missing()
    except WarehouseBusyError:
        line.send("refused")
        write_missing()
    else:
        line.send("committed")
    home.close()


END_THE_TURN = (
    "SELECT 'ended' FROM (SELECT DISTINCT pid FROM pg_locks WHERE "
    "locktype = 'advisory') AS turns WHERE pg_terminate_backend(pid);"
)


def wait_for(fact: Callable[[], bool]) -> None:
    until_s = monotonic() + 60
    while not fact():
        assert monotonic() < until_s
        sleep(0.02)


@pytest.mark.parametrize(
    ("kind", "outcome"), [("postgres", "committed"), ("ducklake", "refused")]
)
def test_a_session_with_the_turn_that_the_server_ends_doubles_no_row(
    kind: str, outcome: str, make_new_home: MakeHome, postgres: PsqlServer
) -> None:
    """Both writers are in at once then: each committed its 20 rows, 40 for 20 keys.

    On Postgres the second waits for the first's lock of a table, on a lake the first
    commits after the second, is refused, and finds the rows at its next attempt.
    """
    home, (_, psql) = make_new_home(kind), postgres
    with home.transaction():
        pass
    home.close()
    first = other(write_when_told, home.url)
    assert first.says() == "inside"
    assert "ended" in psql(END_THE_TURN)
    second = other(write, home.url, "second", 1)
    second.go()
    waits = "SELECT 'blocked' FROM pg_locks WHERE NOT granted;"
    wait_for(lambda: not second.process.is_alive() or "blocked" in psql(waits))
    first.go()
    first.go()
    assert first.says() == outcome
    assert (first.ends(), second.ends()) == (0, 0)
    with home.transaction() as con:
        scripts = "SELECT count(*), count(DISTINCT script_id) FROM scripts"
        assert con.execute(scripts).fetchall() == [(20, 20)]
    home.close()


SLOW = "SELECT count(*) FROM index_spaces WHERE index_name = 'slow'"


def test_a_server_that_ends_idle_sessions_ends_no_turn(
    make_migrated_postgres: MakeServer, postgres: PsqlServer
) -> None:
    """The session that has the turn idles by design, here four times too long."""
    home, (_, psql) = make_migrated_postgres(), postgres
    with home.transaction():  # to look at a home for the first time takes long
        pass
    home.close()
    database = home.url.partition("dbname=")[2]
    setting = "idle_in_transaction_session_timeout = 100"
    psql(f'ALTER DATABASE "{database}" SET {setting};')
    with home.transaction() as con:
        con.execute(SLOW).fetchall()
        sleep(0.4)
        assert "held" in psql("SELECT 'held' FROM pg_locks WHERE locktype = 'advisory'")
        con.execute("INSERT INTO index_spaces (index_name) VALUES ('slow')")
    with home.transaction() as con:
        assert con.execute(SLOW).fetchall() == [(1,)]
    home.close()


@pytest.mark.parametrize("kind", ["postgres", "ducklake"])
def test_a_writer_whose_sessions_the_server_ends_writes_nothing_and_may_go_on(
    kind: str, make_home: MakeHome, postgres: PsqlServer
) -> None:
    home, (_, psql) = make_home(kind), postgres
    with home.transaction() as con:
        con.execute("DELETE FROM index_spaces WHERE index_name = 'slow'")
    said = "The database server closed the connection in the middle of a transaction"
    with pytest.raises(WarehouseError, match=said):
        with home.transaction() as con:
            con.execute(SLOW).fetchall()
            psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE state = 'idle in transaction';"
            )
            con.execute("INSERT INTO index_spaces (index_name) VALUES ('slow')")
    for rows in (0, 1):
        with home.transaction() as con:
            assert con.execute(SLOW).fetchall() == [(rows,)]
            con.execute("INSERT INTO index_spaces (index_name) VALUES ('slow')")


def test_who_may_only_read_a_postgres_home_reads_it(
    make_migrated_postgres: MakeServer, postgres: PsqlServer
) -> None:
    """LOCK TABLE is refused to him, and he has nothing to keep others out for.

    CREATE is what Postgres wants for a CREATE TABLE IF NOT EXISTS that does nothing.
    """
    home = make_migrated_postgres()
    with home.transaction() as con:
        con.execute("INSERT INTO index_spaces (index_name) VALUES ('seen')")
    home.close()
    database = home.url.partition("dbname=")[2]
    socket, psql = postgres
    psql("CREATE USER reader PASSWORD 'reads';")
    psql(
        f'\\c "{database}"\n GRANT USAGE, CREATE ON SCHEMA ig TO reader; '
        "GRANT SELECT ON ALL TABLES IN SCHEMA ig TO reader;"
    )
    login = f"host={socket} user=reader password=reads dbname={database}"
    reader = Warehouse(f"postgres:{login}", lambda: NOW)
    with reader.transaction() as con:
        names = con.execute("SELECT index_name FROM index_spaces").fetchall()
    assert names == [("seen",)]
    reader.close()


# ── programs beyond our locks: nobody takes turns ─────────────────────────────


def start_without_turns(url: str, line: Line) -> None:
    """As an older version does, or a client that knows nothing of our locks."""
    setattr(Home, "take_turn", lambda self, give_up_s, busy: None)
    home = Warehouse(url, lambda: NOW)
    line.send("ready")
    line.recv()
    with home.transaction() as con:
        con.execute("SELECT count(*) FROM scripts").fetchall()
    home.close()


def hold_a_new_schema(url: str, line: Line) -> None:
    """Hold what every first start makes first, until it is told to commit."""
    con = duckdb.connect()
    Home(url).attach(con, 0.0, "")
    con.execute("BEGIN")
    con.execute("CREATE SCHEMA home.ig")
    line.send("holding")
    line.recv()
    con.execute("COMMIT")


@pytest.mark.parametrize("kind", with_further(HOMES, tried=2))
def test_two_first_starts_without_turns_both_end_well(
    kind: str, make_new_home: MakeHome
) -> None:
    """Each makes the schema; the server refuses one, which finds it made meanwhile."""
    home = make_new_home(kind)
    starts = [other(start_without_turns, home.url) for _ in range(PROCESSES)]
    assert [one.says() for one in starts] == ["ready"] * PROCESSES
    for one in starts:
        one.go()
    assert [one.ends() for one in starts] == [0] * PROCESSES
    with home.transaction() as con:
        numbers = con.execute("SELECT number FROM migrations ORDER BY ALL").fetchall()
    assert numbers == [(number,) for number, _, _ in MIGRATIONS]
    home.close()


def test_a_warehouse_that_another_process_makes_between_two_looks_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.duckdb"

    def made_meanwhile(path: Path) -> Path:
        path.touch()
        mark = made_mark(path)
        mark.touch()
        return mark

    monkeypatch.setattr(presence, "made_mark", made_meanwhile)
    presence.check_not_lost(path)
    monkeypatch.undo()
    path.unlink()
    with pytest.raises(WarehouseGoneError):
        presence.check_not_lost(path)


def test_a_first_start_goes_on_where_another_made_the_schema_meanwhile(
    make_new_home: MakeHome, postgres: PsqlServer
) -> None:
    """Postgres lets the second wait for the first, and then refuses it (15.18)."""
    home, (_, psql) = make_new_home("postgres"), postgres
    outsider = other(hold_a_new_schema, home.url)
    assert outsider.says() == "holding"

    def first_transaction() -> list[tuple[int]]:
        with home.transaction() as con:
            return con.execute("SELECT count(*) FROM migrations").fetchall()

    with ThreadPoolExecutor(1) as pool:
        counted = pool.submit(first_transaction)
        until_s = monotonic() + 60
        waits = "SELECT 'blocked' FROM pg_locks WHERE NOT granted;"
        while "blocked" not in psql(waits):
            assert not counted.done(), "it waits for the outsider's schema"
            assert monotonic() < until_s
            sleep(0.02)
        outsider.go()
        assert outsider.ends() == 0
        assert counted.result() == [(len(MIGRATIONS),)]
    home.close()


@contextmanager
def outside(home: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """The home as a client has it that takes no turns."""
    con = duckdb.connect()
    Home(home.url).attach(con, 0.0, "")
    try:
        yield con
    finally:
        con.close()


@pytest.mark.parametrize("kind", ["postgres", "ducklake"])
def test_a_row_that_an_outsider_changes_at_the_same_moment_is_a_conflict(
    kind: str, make_home: MakeHome
) -> None:
    home = make_home(kind)
    with home.transaction() as con:
        con.execute("INSERT INTO index_spaces (index_name) VALUES ('contested')")
    change = "UPDATE {}index_spaces SET namespace = '{}' WHERE index_name = 'contested'"
    with outside(home) as other:
        with pytest.raises(WarehouseBusyError, match="at the same moment"):
            with home.transaction() as con:
                con.execute("SELECT * FROM index_spaces").fetchall()
                other.execute(change.format("home.ig.", "theirs"))
                con.execute(change.format("", "ours"))
    with home.transaction() as con:
        rows = "SELECT namespace FROM index_spaces WHERE index_name = 'contested'"
        assert con.execute(rows).fetchall() == [("theirs",)]


def test_an_error_that_is_no_conflict_stays_what_it_is(home: Warehouse) -> None:
    """The first two were told as another process's writes, by their type."""
    with pytest.raises(duckdb.TransactionException, match="no transaction is active"):
        with home.transaction() as con:
            con.execute("COMMIT")
    with pytest.raises(duckdb.TransactionException, match="within a transaction"):
        with home.transaction() as con:
            con.execute("BEGIN")
    with pytest.raises(duckdb.CatalogException, match="nowhere"):
        with home.transaction() as con:
            con.execute("SELECT * FROM nowhere")
    with home.transaction() as con:
        assert con.execute("SELECT 1").fetchall() == [(1,)]


def test_an_error_that_the_caller_caught_is_no_success(home: Warehouse) -> None:
    """DuckDB 1.5.5: a COMMIT of the aborted transaction succeeds and writes nothing."""
    with pytest.raises(duckdb.TransactionException, match="is aborted"):
        with home.transaction() as con:
            con.execute("INSERT INTO index_spaces (index_name) VALUES ('lost')")
            with pytest.raises(duckdb.ConversionException):
                con.execute("SELECT CAST('a' AS INTEGER)").fetchall()
    with home.transaction() as con:
        lost = "SELECT count(*) FROM index_spaces WHERE index_name = 'lost'"
        assert con.execute(lost).fetchall() == [(0,)]


def test_a_server_that_goes_away_during_the_commit_is_no_conflict(
    make_migrated_postgres: MakeServer, postgres: PsqlServer
) -> None:
    """Whether it was committed is unknown: "nothing was written" would be a guess."""
    home, (_, psql) = make_migrated_postgres(), postgres
    with pytest.raises(WarehouseError, match="unless that was its end") as lost:
        with home.transaction() as con:
            con.execute("INSERT INTO index_spaces (index_name) VALUES ('x')")
            psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE state = 'idle in transaction';"
            )
    failed = lost.value.__cause__
    assert isinstance(failed, duckdb.TransactionException) and not is_conflict(failed)
