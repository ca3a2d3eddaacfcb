#!/usr/bin/env bash
# Guessed: after a statement failed, COMMIT is an error, for every other statement is:
#   "Current transaction is aborted (please ROLLBACK)".
# So: COMMIT succeeds without a word and has written nothing. Which errors abort is not
#   visible either: after a cast or a constraint that failed nothing is kept, after an
#   unknown table the transaction goes on and all else is committed.
# With: duckdb 1.5.5.
# Matters: a program that catches one row's error and goes on reports a day as stored
#   that is not. Run any statement before COMMIT: it raises where nothing would be kept.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5
python - <<'PY'
import sys

import duckdb

print("duckdb", duckdb.__version__)
print("Guess: COMMIT raises after a statement failed and its error was caught.")
FAILING = {
    "cast": "SELECT CAST('many' AS INTEGER)",
    "constraint": "INSERT INTO days VALUES (1)",
    "unknown table": "SELECT * FROM nowhere",
}


def outcome(failing: str) -> tuple[str, str, int]:
    con = duckdb.connect()
    con.execute("CREATE TABLE days (day INTEGER PRIMARY KEY)")
    con.execute("INSERT INTO days VALUES (1)")
    con.execute("CREATE TABLE likes AS SELECT 0 AS likes LIMIT 0")
    con.execute("BEGIN")
    con.execute("INSERT INTO likes VALUES (7)")
    try:
        con.execute(failing).fetchall()
    except duckdb.Error:
        pass
    try:
        con.execute("SELECT 1").fetchall()
        after = "goes on"
    except duckdb.TransactionException:
        after = "aborted"
    try:
        con.execute("COMMIT")
        commit = "succeeds"
    except duckdb.Error:
        commit = "raises"
    return after, commit, con.execute("SELECT count(*) FROM likes").fetchone()[0]


seen = {name: outcome(failing) for name, failing in FAILING.items()}
for name, (after, commit, rows) in seen.items():
    print(f"Seen: after a failed {name} it is {after}, COMMIT {commit}, {rows} rows kept.")
sys.exit(
    seen
    != {
        "cast": ("aborted", "succeeds", 0),
        "constraint": ("aborted", "succeeds", 0),
        "unknown table": ("goes on", "succeeds", 1),
    }
)
PY
