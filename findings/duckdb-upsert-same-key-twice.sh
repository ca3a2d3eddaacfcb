#!/usr/bin/env bash
# Guessed: a key twice in the source of MERGE or ON CONFLICT DO UPDATE is an error, as
#   in Postgres.
# So: one row counts and the rest vanish without error, also where the update adds up:
#   by ON CONFLICT the first, by MERGE (where the key is there already) any one of them.
# With: duckdb 1.5.5.
# Matters: likes or costs that come in two pages of one upsert are counted once. Make
#   the source unique (GROUP BY, QUALIFY) before an upsert.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5
python - <<'PY'
import sys

import duckdb

print("duckdb", duckdb.__version__)
print("Guess: 'cannot affect a row a second time', as in Postgres.")
con = duckdb.connect()
con.execute("CREATE TABLE totals (post INTEGER PRIMARY KEY, likes INTEGER)")


def after(sql):
    con.execute("DELETE FROM totals WHERE post = 2")
    con.execute("INSERT OR REPLACE INTO totals VALUES (1, 100)")
    con.execute(sql)
    return con.execute("SELECT likes FROM totals ORDER BY post DESC").fetchone()[0]


add = "INSERT INTO totals VALUES {} ON CONFLICT DO UPDATE SET likes = likes + excluded.likes"
merge = """MERGE INTO totals AS t USING (VALUES (1, 5), (1, 7)) AS s (post, likes)
ON t.post = s.post WHEN MATCHED THEN UPDATE SET likes = t.likes + s.likes"""
seen = [after(add.format("(1, 5), (1, 7)")), after(add.format("(2, 5), (2, 7)")), after(merge)]
print(
    f"Seen: 100 plus 5 plus 7 is {seen[0]} by ON CONFLICT and 105 or 107 by MERGE "
    f"({seen[2] in (105, 107)}); "
    f"5 plus 7 under a new key is {seen[1]}."
)
sys.exit(seen[:2] != [105, 5] or seen[2] not in (105, 107))
PY
