#!/usr/bin/env bash
# Guessed: NOT IN leaves out NULLs in a Vortex file as in a table, and as `<>` does.
# So: it is sent to the file's reader, which lets every NULL in. `<>` there, and NOT IN
#   over the same rows in a table or in Parquet, leave them out.
# With: duckdb 1.5.5 and its extension vortex, from the wheel.
# Matters: what has no decision yet counts among what was decided otherwise, once a
#   table is kept as Vortex. Add IS NOT NULL, or write out the comparisons.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-vortex==1.5.5
python - <<'PY'
import sys

import duckdb
import duckdb_extensions

print("duckdb", duckdb.__version__)
print("Guess: [3, 4] everywhere.")
con = duckdb.connect()
duckdb_extensions.import_extension("vortex", con=con)
con.execute("LOAD vortex")
con.execute(
    """
    CREATE TABLE tests AS
    FROM (VALUES (1, 'winner'), (2, NULL), (3, 'lost'), (4, ''), (5, NULL))
        AS t (id, decision)
    """
)
con.execute("COPY tests TO 'tests.vortex' (FORMAT vortex)")
con.execute("COPY tests TO 'tests.parquet'")
seen = {
    (source, where): con.execute(
        f"SELECT list(id ORDER BY id) FROM {source} WHERE decision {where}"
    ).fetchone()[0]
    for source in ("tests", "'tests.parquet'", "'tests.vortex'")
    for where in ("NOT IN ('winner')", "<> 'winner'")
}
for (source, where), ids in seen.items():
    print(f"Seen: {source}, decision {where}: {ids}")
odd = {key: ids for key, ids in seen.items() if ids != [3, 4]}
sys.exit(odd != {("'tests.vortex'", "NOT IN ('winner')"): [2, 3, 4, 5]})
PY
