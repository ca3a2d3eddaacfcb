"""Make a home ready for transactions: attach it, migrate its schema, make its views.

The caller has executed nothing on the home yet. So if a program that does not use our
locks makes the same tables at the same moment (another first start), this is no error:
the home is prepared again.
"""

from __future__ import annotations

import time
from datetime import datetime

import duckdb

from ig_assets.warehouse.backends import Connection, Home
from ig_assets.warehouse.comments import write_comments
from ig_assets.warehouse.forgetting.receipts import receipts_folder
from ig_assets.warehouse.forgetting.replay import replay_receipts
from ig_assets.warehouse.forgetting.rewriting import rewrite_file
from ig_assets.warehouse.instances import Instance, take_instance
from ig_assets.warehouse.migrations import apply_migrations
from ig_assets.warehouse.views import make_views
from ig_assets.warehouse.writers.conflicts import (
    conflict_error,
    is_conflict,
    is_first_start_conflict,
)

_ATTEMPTS = 5
_RETRY_S = 0.1


def prepare_home(
    home: Home, migrate_at: datetime | None, give_up_s: float, busy: str
) -> Instance:
    """Attach a home whose turn this process holds; return the instance.

    Migrations are applied unless `migrate_at` is None. A restored file then also
    forgets what was forgotten after the backup was made. Conflicts are tried again
    until `give_up_s` (monotonic seconds). Raises WarehouseBusyError if they continue,
    what `Home.attach` and `apply_migrations` raise, and any other error of the home
    unchanged.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        instance = take_instance(home.kind)
        try:
            home.attach(instance.con, give_up_s, busy)
            if migrate_at is not None:
                _migrate(home, instance.con, migrate_at, give_up_s)
                home.look_for_fence(instance.con)
                if home.path is not None and _replay(home, instance.con, migrate_at):
                    home.detach(instance.con)
                    rewrite_file(home.path)
                    home.attach(instance.con, give_up_s, busy)
            if not instance.has_views:
                make_views(instance.con)
                instance.has_views = True
            return instance
        except duckdb.Error as error:
            instance.con.close()
            if not is_first_start_conflict(error):
                raise
            if attempt == _ATTEMPTS or time.monotonic() > give_up_s:
                raise (conflict_error() if is_conflict(error) else error) from None
        except BaseException:
            instance.con.close()
            raise
        time.sleep(_RETRY_S * attempt)
    raise AssertionError("the last attempt returns or raises")


def _migrate(home: Home, con: Connection, now: datetime, give_up_s: float) -> None:
    with con.cursor() as cursor:
        cursor.execute("BEGIN")
        home.fence(cursor, give_up_s - time.monotonic())
        cursor.execute("CREATE SCHEMA IF NOT EXISTS home.ig")
        cursor.execute("USE home.ig")
        applied = apply_migrations(cursor, now)
        cursor.execute("COMMIT")
        # Descriptions come with the next migration: to compare them each time would
        # cost a third of an attachment.
        if not applied or home.kind == "postgres":
            return
        # Of its own: a table that was just filled is not altered.
        cursor.execute("BEGIN")
        home.fence(cursor, give_up_s - time.monotonic())
        write_comments(cursor)
        cursor.execute("COMMIT")


def _replay(home: Home, con: Connection, now: datetime) -> bool:
    """Forget again what a restored file still holds; return whether there was any."""
    assert home.path is not None
    with con.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("USE home.ig")
        replayed = replay_receipts(cursor, receipts_folder(home.path), now)
        cursor.execute("COMMIT")
    return replayed > 0
