#!/usr/bin/env bash
# Guessed: a key that first appears far down a file of JSON lines becomes a column, or
#   is an error, as a value of another type is.
# So: DuckDB looks at the first 20,480 lines and polars at the first 100; a key that only
#   later lines have is dropped without a word, and so is all that it held. DuckDB does
#   refuse the same key inside a nested object; polars drops that too.
# With: duckdb 1.5.5, polars 2.1.0.
# Matters: a mark that scripts have from some month on (a language, an arm, a weight) is
#   lost for all of them. Name the columns, or read the whole file for the schema.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5 polars==2.1.0 polars-runtime-32==2.1.0
python - <<'PY'
import json
import sys
from pathlib import Path

import duckdb
import polars as pl

print("duckdb", duckdb.__version__, "polars", pl.__version__)
print("Guess: `arm` is a column, or reading fails.")
OLD, NEW = {"id": 1}, {"id": 2, "arm": "b"}


def written(name, wrap=lambda row: row):
    lines = [wrap(OLD)] * 25_000 + [wrap(NEW)] * 1000
    Path(name).write_text("".join(json.dumps(line) + "\n" for line in lines))


written("flat.jsonl")
written("nested.jsonl", lambda row: {"script": row})
flat = [
    duckdb.sql("FROM read_json('flat.jsonl')").columns,
    pl.read_ndjson("flat.jsonl").columns,
    duckdb.sql("FROM read_json('flat.jsonl', sample_size = -1)").columns,
    pl.read_ndjson("flat.jsonl", infer_schema_length=None).columns,
]
try:
    nested = len(duckdb.sql("FROM read_json('nested.jsonl')").fetchall())
except duckdb.InvalidInputException:
    nested = "refused"
struct = [field.name for field in pl.read_ndjson("nested.jsonl").schema["script"].fields]
print(f"Seen: columns by duckdb {flat[0]}, by polars {flat[1]}; with the whole file")
print(f"  looked at {flat[2]} and {flat[3]}; nested: duckdb {nested}, polars {struct}.")
sys.exit(
    flat != [["id"], ["id"], ["id", "arm"], ["id", "arm"]]
    or nested != "refused"
    or struct != ["id"]
)
PY
