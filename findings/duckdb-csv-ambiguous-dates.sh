#!/usr/bin/env bash
# Guessed: slashed dates are read month first, or left as text where they are ambiguous.
# So: read_csv looks at the file's own rows. Ambiguous ones are read day first; one row
#   with a 13th day turns the whole file to month first; two-digit years come first.
# With: duckdb 1.5.5.
# Matters: a platform's export of early in the month and one of the whole month put the
#   same post on different days. Give `dateformat`, or read everything as text.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5
python - <<'PY'
import sys
from pathlib import Path

import duckdb

print("duckdb", duckdb.__version__)
print("Guess: 03/04/2026 is 4 March or text, whatever else the file holds.")
seen = []
for dates in (["03/04/2026"], ["03/04/2026", "03/13/2026"], ["03/04/26"]):
    Path("posts.csv").write_text("published,likes\n" + "".join(f"{d},5\n" for d in dates))
    seen.append(str(duckdb.sql("SELECT published FROM 'posts.csv'").fetchone()[0]))
print(
    f"Seen: 03/04/2026 alone is {seen[0]}, with a later row 03/13/2026 it is {seen[1]}; "
    f"03/04/26 is {seen[2]}."
)
sys.exit(seen != ["2026-04-03", "2026-03-04", "2003-04-26"])
PY
