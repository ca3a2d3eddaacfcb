#!/usr/bin/env bash
# Guessed: COPY FROM DATABASE copies any database that is valid.
# So: it fills the tables in no fixed order. Where a row refers to another by FOREIGN
#   KEY it succeeds or fails by chance, the same database now this way, now that; a
#   failure leaves the connection in an aborted transaction that it began itself. EXPORT
#   and IMPORT DATABASE copy the same database every time.
# With: duckdb 1.5.5.
# Matters: rewriting a warehouse file (deleted text stays in it otherwise) must not
#   rely on COPY FROM DATABASE where tables have foreign keys; a test that passes once
#   proves nothing.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5
python - <<'PY'
import sys

import duckdb

print("duckdb", duckdb.__version__)
print("Guess: COPY FROM DATABASE copies tables with foreign keys, every time.")
TRIES = 20
CHILDREN = ("arms", "drafts", "posts", "readings", "variants")
failed = aborted = imported = 0
for number in range(TRIES):
    con = duckdb.connect()
    con.execute(f"ATTACH 'home{number}.duckdb' AS home")
    con.execute("USE home")
    con.execute("CREATE TABLE scripts (id INTEGER PRIMARY KEY)")
    con.execute("INSERT INTO scripts VALUES (1)")
    for child in CHILDREN:
        con.execute(f"CREATE TABLE {child} (script_id INTEGER REFERENCES scripts (id))")
        con.execute(f"INSERT INTO {child} VALUES (1)")
    con.execute(f"ATTACH 'copy{number}.duckdb' AS copy")
    try:
        con.execute("COPY FROM DATABASE home TO copy")
    except duckdb.ConstraintException:
        failed += 1
        try:
            con.execute("SELECT 1")
        except duckdb.TransactionException:
            aborted += 1
            con.execute("ROLLBACK")
    con.execute(f"EXPORT DATABASE 'export{number}'")
    with duckdb.connect() as other:
        other.execute(f"IMPORT DATABASE 'export{number}'")
        imported += other.execute("SELECT count(*) FROM variants").fetchone()[0]
print(
    f"Seen: of {TRIES} copies of one and the same database some fail ({failed > 0}), "
    f"each failure leaves an aborted transaction ({aborted == failed}); "
    f"EXPORT and IMPORT worked {imported} times."
)
sys.exit(not failed or aborted != failed or imported != TRIES)
PY
