#!/usr/bin/env bash
# Guessed: `WHERE topic = … ORDER BY array_distance(…) LIMIT 5` gives five rows if five
#   match, with or without an HNSW index.
# So: with the index its five nearest of all rows are taken first and the condition is
#   applied to these: fewer rows come back, or none, without an error. The plan has the
#   index scan below the filter.
# With: duckdb 1.5.5 and its extension vss, from the wheel.
# Matters: examples of one topic, language or segment go missing from a prompt as soon
#   as somebody adds an index. Without it (or from a materialised CTE) all five come.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-vss==1.5.5
python - <<'PY'
import random
import sys

import duckdb
import duckdb_extensions

print("duckdb", duckdb.__version__)
print("Guess: 5 scripts of the topic, before and after the index is made.")
con = duckdb.connect()
duckdb_extensions.import_extension("vss", con=con)
con.execute("LOAD vss")
random.seed(0)
con.execute("CREATE TABLE scripts (id INTEGER, topic TEXT, vector FLOAT[4])")
con.executemany(
    "INSERT INTO scripts VALUES (?, ?, ?)",
    [
        (i, "sleep" if i % 100 == 0 else "food", [random.gauss(0, 1) for _ in range(4)])
        for i in range(2000)
    ],
)
NEAREST = """SELECT id FROM {} WHERE topic = 'sleep'
ORDER BY array_distance(vector, [0.1, 0.2, 0.3, 0.4]::FLOAT[4]) LIMIT 5"""


def ids(source="scripts", before=""):
    return [row[0] for row in con.execute(before + NEAREST.format(source)).fetchall()]


plain = ids()
con.execute("CREATE INDEX by_vector ON scripts USING HNSW (vector)")
plan = con.execute("EXPLAIN " + NEAREST.format("scripts")).fetchall()[0][1]
indexed = ids()
apart = ids("every", "WITH every AS MATERIALIZED (FROM scripts) ")
print(f"Seen: without the index {plain}, with it {indexed}, from a materialised CTE")
print(f"  {apart}.")
sys.exit(
    len(plain) != 5 or apart != plain or len(indexed) >= 5 or "HNSW_INDEX_SCAN" not in plan
)
PY
