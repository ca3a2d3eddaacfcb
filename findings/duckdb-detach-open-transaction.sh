#!/usr/bin/env bash
# Guessed: DETACH is refused while another cursor has a transaction open on that file.
# So: it succeeds. The transaction goes on reading the old file under the old name,
#   even after another file took the name; until it ends, the old file is in no list,
#   cannot be attached again, and no other process can open it.
# With: duckdb 1.5.5.
# Matters: "open late, close early" is not kept by DETACH alone where cursors are
#   shared between threads; end their transactions first.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5
python - <<'PY'
import sys

import duckdb

print("duckdb", duckdb.__version__)
print("Guess: DETACH is refused while a cursor's transaction reads the database.")
for name, rows in (("old", 3), ("new", 7)):
    with duckdb.connect(f"{name}.duckdb") as con:
        con.execute("CREATE TABLE posts AS FROM range(?)", [rows])

con = duckdb.connect()
con.execute("ATTACH 'old.duckdb' AS home")
reader = con.cursor()
reader.execute("BEGIN")
reader.execute("SELECT count(*) FROM home.posts").fetchall()
con.execute("DETACH home")
listed = con.execute(
    "SELECT count(*) FROM duckdb_databases() WHERE database_name = 'home'"
).fetchone()
try:
    con.execute("ATTACH 'old.duckdb' AS again")
    again = "attached"
except duckdb.Error as error:
    again = "refused: already attached" if "already attached" in str(error) else str(error)
con.execute("ATTACH 'new.duckdb' AS home")
count = "SELECT count(*) FROM home.posts"
inside, outside = reader.execute(count).fetchone(), con.execute(count).fetchone()
reader.execute("COMMIT")
after = reader.execute(count).fetchone()
con.execute("ATTACH 'old.duckdb' AS again")
seen = (listed, again, inside, outside, after)
print(
    f"Seen: detached ({listed[0]} left in the list), attaching it again is {again}; "
    f"with another file as home the open transaction counts {inside[0]} rows, others "
    f"{outside[0]}, and the reader after its commit {after[0]}."
)
sys.exit(seen != ((0,), "refused: already attached", (3,), (7,), (7,)))
PY
