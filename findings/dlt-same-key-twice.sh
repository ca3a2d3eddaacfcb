#!/usr/bin/env bash
# Guessed: of a primary key that comes twice in one load the last row wins, as it does
#   between loads.
# So: the first wins, in a first load and in later ones, without a warning. A column
#   hint `dedup_sort` decides it.
# With: dlt 1.31.0, duckdb 1.5.5.
# Matters: pages of counts overlap, and the newer reading comes later in the stream; it is
#   dropped. Name the column of the reading's time in `dedup_sort`.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv dlt==1.31.0 duckdb==1.5.5 PyYAML==6.0.4 certifi==2026.10.19.post1 \
  charset-normalizer==3.5.3 croniter==7.0.0 fsspec==2026.9.0 gitdb==4.0.12 \
  GitPython==3.2.1 giturlparse==0.16.0 humanize==4.17.0 idna==3.20 \
  jsonpath-ng==1.16.0 orjson==3.13.0 packaging==26.4 pathvalidate==3.3.1 \
  pendulum==3.3.0 pluggy==1.7.0 python-dateutil==2.9.0.post0 pytz==2026.6 \
  requests==2.34.2 requirements-parser==0.13.1 rich-argparse==1.8.0 \
  semver==3.1.2 setuptools==84.2.1 simplejson==4.3.0 six==1.17.0 smmap==5.0.3 \
  sqlglot==30.30.0 tenacity==9.2.1 tomlkit==0.15.2 typing_extensions==4.16.0 \
  tzdata==2026.6 urllib3==2.8.0
export RUNTIME__DLTHUB_TELEMETRY=false DLT_DATA_DIR="$work/dlt" HOME="$work"
python -W ignore - <<'PY'
import sys

import dlt
import duckdb

print("dlt", dlt.__version__, "duckdb", duckdb.__version__)
print("Guess: 120 views, then 150, the last reading of each load.")
HINTS = {"read_at": {"dedup_sort": "desc"}}


def views(table, *readings, columns=None):
    pipeline = dlt.pipeline(
        "posts", destination=dlt.destinations.duckdb("home.duckdb"), dataset_name="s"
    )
    rows = [{"id": "p1", "views": n, "read_at": hour} for hour, n in readings]
    pipeline.run(
        rows,
        table_name=table,
        write_disposition="merge",
        primary_key="id",
        columns=columns,
    )
    with duckdb.connect("home.duckdb") as con:
        return con.execute(f"SELECT views FROM s.{table}").fetchall()


first = views("plain", (1, 100), (2, 120))
later = views("plain", (3, 140), (4, 150))
sorted_out = views("sorted_out", (1, 100), (2, 120), columns=HINTS)
print(f"Seen: {first}, then {later}; with dedup_sort {sorted_out}.")
sys.exit((first, later, sorted_out) != ([(100,)], [(140,)], [(120,)]))
PY
