#!/usr/bin/env bash
# Guessed: NaN is greater than every number (DuckDB's own rule) wherever the rows lie.
# So: over an Arrow table the comparison is done by Arrow, for which
#   NaN is greater than nothing; in Parquet that pyarrow wrote the statistics leave NaN
#   out, so that row groups are skipped and max() ignores it. Only a table of DuckDB's,
#   and Parquet that DuckDB wrote, keep the rule.
# With: duckdb 1.5.5, pyarrow 26.0.1.
# Matters: a lift without reach is NaN; how many scripts "beat 1 %" then depends on the
#   step that wrote the file. Turn NaN into NULL before it is stored.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5 pyarrow==26.0.1
python - <<'PY'
import math
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

print("duckdb", duckdb.__version__, "pyarrow", pa.__version__)
print("Guess: one row (NaN) has a lift above 1, and NaN is the greatest.")
arrow = pa.table({"lift": [0.5, math.nan, 0.7]})
pq.write_table(arrow, "pyarrow.parquet")
con = duckdb.connect()
con.execute("CREATE TABLE rows AS FROM arrow")
con.execute("COPY rows TO 'duckdb.parquet'")
SOURCES = ("rows", "'duckdb.parquet'", "arrow", "'pyarrow.parquet'")
seen = {
    source: (
        con.execute(f"SELECT count(*) FROM {source} WHERE lift > 1").fetchone()[0],
        str(con.execute(f"SELECT max(lift) FROM {source}").fetchone()[0]),
    )
    for source in SOURCES
}
for source, (above, greatest) in seen.items():
    print(f"Seen: {source}: {above} above 1, greatest {greatest}")
sys.exit(list(seen.values()) != [(1, "nan"), (1, "nan"), (0, "nan"), (0, "0.7")])
PY
