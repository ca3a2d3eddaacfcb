"""Copy all tables of one home into another, of whatever kinds.

The source is attached as `origin`, the target as `home`. A part of a table that is
equal in both, by row count and hash, is not copied again, so an interrupted copy can go
on. Until the end the target has a mark in its table of migrations, and no version opens
it. The tables are copied as the source's version has them, its migrations included;
missing migrations are applied when the target is next opened.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from ig_assets.errors import InputError, WarehouseError
from ig_assets.warehouse.backends import Connection, Home
from ig_assets.warehouse.comments import write_comments
from ig_assets.warehouse.migrations import COPYING, check_known
from ig_assets.warehouse.moving.tables import (
    MIGRATIONS_TABLE,
    ROWS_OF_A_PART,
    applied_migrations,
    digests,
    names,
    part_of,
    row_counts,
    tables_of,
)
from ig_assets.warehouse.writers.presence import check_present

LOCK_TIMEOUT_S = 60.0
_NO_NULL_BYTE = "null-byte"

Say = Callable[[str], None]
"""A function that takes one line about the progress."""


def silent(line: str) -> None:
    """Ignore a line about the progress."""


@dataclass(frozen=True)
class Copied:
    """The result of a copy: {table: rows} of all tables, and the rows written now."""

    rows: Mapping[str, int]
    written: int

    @property
    def total(self) -> int:
        """Return the number of rows in all tables."""
        return sum(self.rows.values())


@dataclass(frozen=True)
class _Piece:
    """A part of a table that differs between target and source.

    `columns` is a SQL list of the columns, and `chosen` the SQL condition of its rows.
    `rows` is the row count in the source. `is_present` says whether the target has any
    of its rows.
    """

    table: str
    columns: str
    chosen: str
    rows: int
    is_present: bool


@contextmanager
def own_turn(home: Home, what: str, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[str]:
    """Hold this process's turn at a home (`writers.turns`) during the block.

    Yields the sentence for "busy" errors; `what` names the home in it. Raises
    WarehouseBusyError after `timeout_s`.
    """
    busy = (
        f"{what} is held by another process for more than {timeout_s:.0f} s; stop the "
        "daemon and close the program that has it open."
    )
    home.take_turn(time.monotonic() + timeout_s, busy)
    try:
        yield busy
    finally:
        home.turn.give_back()


def copy_home(
    source_url: str, target_url: str, *, replace: bool = False, say: Say = silent
) -> Copied:
    """Copy all tables of a home into another; other processes wait for both meanwhile.

    With `replace`, rows of the target are deleted. Raises InputError if there is
    nothing to copy, if both homes are the same, or if the target holds rows;
    WarehouseBusyError; and WarehouseError if this version does not know the source's
    migrations, or if a program that takes no turns wrote to one of the homes meanwhile.
    """
    if source_url == target_url:
        raise InputError("The two homes are the same; nothing was copied.")
    source, target = Home(source_url), Home(target_url)
    check_present(source.path)
    if source.path is not None and source.path == target.path:
        raise InputError("The two homes are the same file; nothing was copied.")
    with (
        own_turn(source, "The warehouse to copy from") as source_busy,
        own_turn(target, "The warehouse to copy into") as target_busy,
        duckdb.connect(":memory:") as con,
    ):
        until_s = time.monotonic() + LOCK_TIMEOUT_S
        source.attach(con, until_s, source_busy, "origin")
        check_source(con)
        target.attach(con, until_s, target_busy)
        _mark(con, target, replace)
        copied = _copy_tables(con, target, say)
        _finish(con, target)
        target.detach(con)
        return copied


def check_source(con: Connection) -> None:
    """Raise InputError for a home without tables, WarehouseError for a newer one."""
    applied = applied_migrations(con, "origin")
    if not applied:
        raise InputError("There is no warehouse of ig_assets to copy from.")
    check_known(applied)


@contextmanager
def writing(con: Connection, target: Home) -> Iterator[Connection]:
    """Run one transaction that writes to `home`, behind the lock of `Home.fence`.

    Any exception rolls it back.
    """
    con.execute("BEGIN")
    try:
        target.fence(con, LOCK_TIMEOUT_S)
        yield con
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise


def _mark(con: Connection, target: Home, replace: bool) -> None:
    marked = COPYING in applied_migrations(con, "home")
    if not (marked or replace):
        for table, rows in row_counts(con, "home").items():
            if table != MIGRATIONS_TABLE and rows:
                raise InputError(
                    f"The warehouse to copy into is not empty: its table {table} has "
                    "rows. Name a new file or an empty database."
                )
    if marked:
        return
    with writing(con, target):
        con.execute("CREATE SCHEMA IF NOT EXISTS home.ig")
        con.execute(
            "CREATE TABLE IF NOT EXISTS home.ig.migrations "
            "(number INTEGER, title TEXT, applied_at TIMESTAMP)"
        )
        con.execute(
            f"INSERT INTO home.ig.migrations (number, title) "
            f"VALUES ({COPYING}, 'a copy is not finished')"
        )
    target.look_for_fence(con)


def _copy_tables(con: Connection, target: Home, say: Say) -> Copied:
    _have_tables(con, target)
    pieces = _missing_pieces(con)
    for group in _groups(pieces):
        with writing(con, target):
            for piece in group:
                _copy_piece(con, piece)
        done = sum(piece.rows for piece in group)
        tables = ", ".join(dict.fromkeys(piece.table for piece in group))
        say(f"{done:,} rows copied: {tables}")
    written = sum(piece.rows for piece in pieces)
    return Copied(row_counts(con, "origin"), written)


def _have_tables(con: Connection, target: Home) -> None:
    """Give the target exactly the source's tables, with the same columns."""
    wanted, present = tables_of(con, "origin"), tables_of(con, "home")
    with writing(con, target):
        for table, columns in present.items():
            if columns != wanted.get(table):
                if table == MIGRATIONS_TABLE:
                    raise WarehouseError(
                        "The table of migrations has other columns in the target; name "
                        "a new file or an empty database."
                    )
                con.execute(f'DROP TABLE home.ig."{table}"')
        for table, columns in wanted.items():
            if columns != present.get(table):
                form = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
                con.execute(f'CREATE TABLE home.ig."{table}" ({form})')


def _missing_pieces(con: Connection) -> list[_Piece]:
    """Return the parts of tables that differ between the homes, migrations last."""
    source, target = row_counts(con, "origin"), row_counts(con, "home")
    found = []
    of_source = tables_of(con, "origin")
    for table in sorted(of_source, key=lambda name: (name == MIGRATIONS_TABLE, name)):
        if not (source[table] or target[table]):
            continue
        columns = of_source[table]
        parts = max(1, math.ceil(source[table] / ROWS_OF_A_PART))
        wanted = digests(con, "origin", table, columns, parts)
        present = digests(con, "home", table, columns, parts) if target[table] else {}
        for part in sorted(wanted.keys() | present.keys()):
            if wanted.get(part) != present.get(part):
                rows = wanted[part].rows if part in wanted else 0
                chosen = f"{part_of(columns, parts)} = {part}"
                found.append(
                    _Piece(table, names(columns), chosen, rows, part in present)
                )
    return found


def _groups(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """Yield groups of pieces, each with at most `ROWS_OF_A_PART` rows or one piece.

    Each group is copied in one transaction, so an interruption loses at most one group.
    """
    group: list[_Piece] = []
    for piece in pieces:
        if group and sum(p.rows for p in group) + piece.rows > ROWS_OF_A_PART:
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _copy_piece(con: Connection, piece: _Piece) -> None:
    table, chosen = piece.table, piece.chosen
    if piece.is_present:
        kept = f" AND number <> {COPYING}" if table == MIGRATIONS_TABLE else ""
        con.execute(f'DELETE FROM home.ig."{table}" WHERE {chosen}{kept}')
    if not piece.rows:
        return
    try:
        con.execute(
            f'INSERT INTO home.ig."{table}" ({piece.columns}) '
            f'SELECT {piece.columns} FROM origin.ig."{table}" WHERE {chosen}'
        )
    except duckdb.InvalidInputException as error:
        if _NO_NULL_BYTE not in str(error).lower():
            raise
        raise WarehouseError(
            f"A text in the table {table} holds a NUL character, which Postgres does "
            "not store; remove it in the source and run the same copy again."
        ) from None


def _finish(con: Connection, target: Home) -> None:
    """Check that both homes are equal, and remove the mark of an unfinished copy.

    Raises WarehouseError if they differ.
    """
    if different := _missing_pieces(con):
        raise WarehouseError(
            f"The table {different[0].table} is not the same in both homes, so another "
            "program writes to one of them; stop it and run the same copy again."
        )
    with writing(con, target):
        con.execute(f"DELETE FROM home.ig.migrations WHERE number = {COPYING}")
    if target.kind != "postgres":
        with writing(con, target):
            write_comments(con)
