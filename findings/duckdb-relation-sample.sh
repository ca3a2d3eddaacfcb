#!/usr/bin/env bash
# Guessed: a relation of Python's API that holds a sample is that sample: what is taken
#   from it twice is the same, and "not in the sample" are the other rows.
# So: a relation is a query, and each use runs it again. Two fetches give two samples; a
#   training set of 800 in 1,000 and "the rest" of it share most of the rest's rows.
#   Only with REPEATABLE, or stored as a table first, is it one sample.
# With: duckdb 1.5.5.
# Matters: the held-out examples are those that were trained on, and each count is right
#   (800 and 200). Write a split down before it is used, or derive it from the ids.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5
python -W ignore - <<'PY'
import sys

import duckdb

print("duckdb", duckdb.__version__)
print("Guess: the same rows twice, and 0 examples in both sets.")
con = duckdb.connect()
con.sql("CREATE TABLE scripts AS SELECT i AS id FROM range(1000) AS t(i)")


def split(sample):
    train = con.sql(f"SELECT id FROM scripts USING SAMPLE {sample}")
    rest = con.sql("SELECT id FROM scripts WHERE id NOT IN (SELECT id FROM train)")
    first, held_out, again = ({i for (i,) in r.fetchall()} for r in (train, rest, train))
    return len(first), len(held_out), first == again, len(first & held_out)


plain = split("800 ROWS")
seeded = split("reservoir(800 ROWS) REPEATABLE (1)")
for name, seen in (("plain", plain), ("repeatable", seeded)):
    print("Seen, {}: {} and {} rows, same twice {}, in both {}".format(name, *seen))
sys.exit(
    plain[:3] != (800, 200, False) or plain[3] < 100 or seeded != (800, 200, True, 0)
)
PY
