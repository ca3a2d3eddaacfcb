#!/usr/bin/env bash
# Guessed: a full-text index of DuckDB finds a script by any word of it, "2026" or "15"
#   included.
# So: digits are no letters to it by default: they are cut out of texts and of searches.
#   "2026" finds nothing, and with `conjunctive := 1` a search with a number finds nothing
#   either, whatever stands beside it. `ignore = '[^\w]+'` keeps them.
# With: duckdb 1.5.5 and its extension fts, from the wheel.
# Matters: hooks live on numbers ("7 mistakes", "iPhone 15"); they are ranked as if they
#   had none, and the strict search never finds them. Name `ignore` for the index.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-fts==1.5.5
python -W ignore - <<'PY'
import sys

import duckdb
import duckdb_extensions

print("duckdb", duckdb.__version__)
print("Guess: script 1 for each search, in both ways.")
con = duckdb.connect()
duckdb_extensions.import_extension("fts", con=con)
con.execute("LOAD fts")
con.execute("CREATE TABLE scripts (id INTEGER, hook TEXT)")
con.execute(
    "INSERT INTO scripts VALUES (1, '7 mistakes in 2026'), (2, 'The last mistake')"
)


def found(words, strict):
    rows = con.execute(
        "SELECT id FROM (SELECT id, fts_main_scripts.match_bm25(id, $1,"
        " conjunctive := $2) AS score FROM scripts) WHERE score IS NOT NULL ORDER BY id",
        [words, int(strict)],
    )
    return [number for (number,) in rows.fetchall()]


def searched():
    words = ("2026", "mistakes 2026")
    return [[found(text, strict) for strict in (False, True)] for text in words]


con.execute("PRAGMA create_fts_index('scripts', 'id', 'hook')")
plain = searched()
con.execute(
    r"PRAGMA create_fts_index('scripts', 'id', 'hook', ignore = '[^\w]+', overwrite = 1)"
)
named = searched()
print(f"Seen: '2026' and 'mistakes 2026', any word and all words: {plain};")
print(f"  with ignore named {named}.")
sys.exit((plain, named) != ([[[], []], [[1, 2], []]], [[[1], [1]], [[1, 2], [1]]]))
PY
