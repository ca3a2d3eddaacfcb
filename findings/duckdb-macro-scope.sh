#!/usr/bin/env bash
# Guessed: a macro stored in an attached home finds its tables there, as a view does.
# So: a view's unqualified names are looked up in the view's own home, a macro's in
#   the caller's search path: it counts another table of that name without a word.
# With: duckdb 1.5.5.
# Matters: metrics shared as macros change with the caller's `USE`; share them as
#   views, or qualify every table inside a macro.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5
python - <<'PY'
import sys

import duckdb

print("duckdb", duckdb.__version__)
print("Guess: view and macro of a home both read the home's table.")
con = duckdb.connect()
con.execute("ATTACH 'home.duckdb' AS home")
con.execute("USE home")
con.execute("CREATE TABLE posts AS FROM range(3)")
con.execute("CREATE VIEW by_view AS SELECT count(*) AS n FROM posts")
con.execute("CREATE MACRO by_macro() AS (SELECT count(*) FROM posts)")
con.execute("CREATE MACRO by_table_macro() AS TABLE SELECT count(*) FROM posts")
con.execute("USE memory")
con.execute("CREATE TABLE posts AS FROM range(100)")
seen = [
    con.execute(sql).fetchone()[0]
    for sql in (
        "FROM home.by_view",
        "SELECT home.by_macro()",
        "FROM home.by_table_macro()",
    )
]
print(
    "Seen: of 3 rows at home and 100 at the caller's the view counts "
    f"{seen[0]}, the macro {seen[1]}, the table macro {seen[2]}."
)
sys.exit(seen != [3, 100, 100])
PY
