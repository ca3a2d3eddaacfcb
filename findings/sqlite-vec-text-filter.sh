#!/usr/bin/env bash
# Guessed: a text column of a vec0 table is compared in a nearest-neighbour query as
#   SQLite compares it everywhere else.
# So: a text of more than twelve characters that is the beginning of the given one is
#   not less than it: < leaves it out and >= lets it in, without an error. The same
#   condition without MATCH is right, and so are =, !=, <= and >.
# With: sqlite-vec 0.1.9, apsw 3.54.1.0.
# Matters: Python writes 10:00:00 and 10:00:00.250000, so "what was posted before" loses
#   scripts to the full second. Store times as integers, or all with six decimals.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv sqlite-vec==0.1.9 apsw==3.54.1.0
python - <<'PY'
import struct
import sys
from datetime import datetime, timedelta

import apsw
import sqlite_vec

con = apsw.Connection(":memory:")
con.enable_load_extension(True)
con.load_extension(sqlite_vec.loadable_path())
version = con.execute("SELECT vec_version()").fetchone()[0]
print("sqlite-vec", version, "apsw", apsw.apsw_version())
print("Guess: MATCH with a condition finds the rows that the condition alone finds.")
con.execute("CREATE VIRTUAL TABLE scripts USING vec0(vector FLOAT[2], posted_at TEXT)")
start = datetime(2026, 6, 1, 10)
for row in range(4):
    posted_at = (start + timedelta(milliseconds=250 * row)).isoformat()
    con.execute(
        "INSERT INTO scripts (rowid, vector, posted_at) VALUES (?, ?, ?)",
        (row, struct.pack("2f", row, 1.0), posted_at),
    )
until = (start + timedelta(milliseconds=500)).isoformat()


def rows(operator, match="", given=()):
    sql = f"SELECT rowid FROM scripts WHERE {match} posted_at {operator} ?"
    return sorted(row for (row,) in con.execute(sql, (*given, until)))


NEAREST = "vector MATCH ? AND k = 4 AND", (struct.pack("2f", 0.0, 1.0),)
seen = {}
for operator in ("<", "<=", "=", "!=", ">=", ">"):
    seen[operator] = rows(operator), rows(operator, *NEAREST)
    alone, nearest = seen[operator]
    print(f"Seen: posted_at {operator} {until}: alone {alone}, with MATCH {nearest}.")
differ = {operator: found for operator, found in seen.items() if found[0] != found[1]}
sys.exit(differ != {"<": ([0, 1], [1]), ">=": ([2, 3], [0, 2, 3])})
PY
