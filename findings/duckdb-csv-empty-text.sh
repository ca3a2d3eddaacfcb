#!/usr/bin/env bash
# Guessed: COPY TO quotes the empty string to tell it from NULL, and read_csv keeps them
#   apart.
# So: COPY TO does write "" for the empty string and nothing for NULL, but read_csv
#   reads both as NULL unless allow_quoted_nulls is false.
# With: duckdb 1.5.5.
# Matters: "no call to action" and "not known" become one on the way through a CSV.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5
python - <<'PY'
import sys
from pathlib import Path

import duckdb

print("duckdb", duckdb.__version__)
print("Guess: NULL and '' stay apart from COPY TO to read_csv.")
con = duckdb.connect()
con.execute("CREATE TABLE scripts (id INTEGER, cta TEXT)")
con.execute("INSERT INTO scripts VALUES (1, NULL), (2, ''), (3, 'Follow')")
con.execute("COPY scripts TO 'scripts.csv'")
back = [row[1] for row in con.execute("FROM read_csv('scripts.csv')").fetchall()]
apart = [
    row[1]
    for row in con.execute(
        "FROM read_csv('scripts.csv', allow_quoted_nulls = false)"
    ).fetchall()
]
lines = Path("scripts.csv").read_text().splitlines()
print(f"Seen: written {lines}, read {back}; with allow_quoted_nulls = false {apart}.")
sys.exit(
    (lines[1:3], back, apart)
    != (["1,", '2,""'], [None, None, "Follow"], [None, "", "Follow"])
)
PY
