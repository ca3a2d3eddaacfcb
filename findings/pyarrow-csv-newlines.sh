#!/usr/bin/env bash
# Guessed: without newlines_in_values a quoted line break is an error, from the first.
# So: a file that fits into one block is read rightly; the same rows in a longer file
#   fail, so the loader passes its tests and breaks when the library has grown.
# With: pyarrow 26.0.1.
# Matters: scripts and captions have line breaks. Always set newlines_in_values=True.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv pyarrow==26.0.1
python - <<'PY'
import sys
from pathlib import Path

import pyarrow
from pyarrow import csv

print("pyarrow", pyarrow.__version__)
print("Guess: refused for 10 rows as for 60,000.")


def read(rows, **options):
    lines = (f'{n},"Stop scrolling, number {n}\nand look"\n' for n in range(rows))
    Path("scripts.csv").write_text("id,hook\n" + "".join(lines))
    try:
        return csv.read_csv("scripts.csv", parse_options=csv.ParseOptions(**options)).num_rows
    except pyarrow.ArrowInvalid:
        return "refused"


seen = [read(10), read(60_000), read(60_000, newlines_in_values=True)]
print(f"Seen: 10 rows {seen[0]}, 60,000 rows {seen[1]}, with newlines_in_values {seen[2]}.")
sys.exit(seen != [10, "refused", 60_000])
PY
