"""Processes that write to one home at the same moment take turns, on every home."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from ig_assets.errors import WarehouseBusyError
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.warehouse.conftest import HOMES, NOW, MakeHome

PROCESSES = 2
TRANSACTIONS = 15

# What a first sync does: write what is missing, by what it has read before.
WRITER = """
import sys
from datetime import datetime
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse

url, name, transactions = sys.argv[1], sys.argv[2], int(sys.argv[3])
home = Warehouse(url, lambda: datetime(2026, 5, 1, 9))
print("ready", flush=True)
sys.stdin.readline()
for n in range(transactions):
    with home.transaction() as con:
        rows = [{"script_id": f"s{n}-{i}", "revision_hash": "r"} for i in range(20)]
        merge_rows(con, "scripts", rows, replace=False)
        con.execute(
            "INSERT INTO index_spaces (index_name, namespace) "
            "SELECT count(*)::TEXT, ? FROM index_spaces", [name]
        )
"""


def start(url: str, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url, name, str(TRANSACTIONS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("kind", HOMES)
def test_two_first_syncs_at_once_double_no_row(
    kind: str, make_new_home: MakeHome
) -> None:
    """The home is new: both find no schema, and both would write each row.

    In Postgres's repeatable read (DuckDB 1.5.5) two MERGEs of a new key both commit.
    """
    home = make_new_home(kind)
    writers = [start(home.url, str(n)) for n in range(PROCESSES)]
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(lambda writer: writer.communicate("go\n", 300), writers))
    assert [writer.returncode for writer in writers] == [0] * PROCESSES
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
