#!/usr/bin/env bash
# Guessed: hourly partitions of a time zone, stored by dagster-duckdb with aware times,
#   are each replaced by their own rerun.
# So: the bounds of a partition are written without their zone, and DuckDB reads them in
#   that of its session. On a machine in UTC a rerun of 00:00 in Berlin deletes the rows
#   of 01:00, keeps its own old ones and adds them again; loading takes the wrong hour.
# With: dagster-duckdb-pandas 0.29.27, dagster 1.13.27, duckdb 1.5.5.
# Matters: counts of one hour are doubled and those of another lost by a backfill that
#   was all green. Partition in UTC, or store naive times of the partition's own zone.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
export DAGSTER_DISABLE_TELEMETRY=yes TZ=UTC
fresh_venv dagster-duckdb==0.29.27 dagster-duckdb-pandas==0.29.27 \
  duckdb==1.5.5 pandas==2.3.3 numpy==2.4.6 alembic==1.20.1 \
  annotated-types==0.8.0 antlr4-python3-runtime==4.13.2 certifi==2026.10.19.post1 \
  charset-normalizer==3.5.3 click==8.5.1 coloredlogs==14.0 dagster==1.13.27 \
  dagster-pipes==1.13.27 dagster-shared==1.13.27 docstring_parser==0.18.0 \
  filelock==4.3.1 fsspec==2026.9.0 grpcio==1.85.3 grpcio-health-checking==1.81.1 \
  humanfriendly==10.0 idna==3.20 Jinja2==3.1.6 Mako==1.4.3 markdown-it-py==4.3.0 \
  MarkupSafe==3.0.4 mdurl==0.1.2 packaging==26.4 pathlib_abc==0.5.2 \
  platformdirs==4.14.8 protobuf==6.33.6 pydantic==2.14.4 pydantic_core==2.50.5 \
  Pygments==2.21.0 python-dateutil==2.9.0.post0 python-dotenv==1.2.4 pytz==2026.6 \
  PyYAML==6.0.4 requests==2.34.2 rich==15.0.0 six==1.17.0 SQLAlchemy==2.1.9 \
  structlog==26.1.0 tabulate==0.10.0 tomli==2.5.0 tomlkit==0.15.2 toposort==1.10 \
  tqdm==4.70.1 typing-inspection==0.4.5 typing_extensions==4.16.0 tzdata==2026.6 \
  universal_pathlib==0.3.10 urllib3==2.8.0 watchdog==6.0.0
python -W ignore - <<'PY'
import logging
import sys
from importlib.metadata import version

import dagster as dg
import duckdb
import pandas as pd
from dagster_duckdb_pandas import DuckDBPandasIOManager

logging.disable(logging.CRITICAL)
print("dagster-duckdb-pandas", version("dagster-duckdb-pandas"), "duckdb", duckdb.__version__)
print("Guess: after 00:00, 01:00 and 00:00 again there is one row of each.")
hours = dg.HourlyPartitionsDefinition("2026-01-01-00:00", timezone="Europe/Berlin")
loaded = []


@dg.asset(partitions_def=hours, metadata={"partition_expr": "posted_at"})
def posts(context) -> pd.DataFrame:
    start = context.partition_time_window.start
    return pd.DataFrame({"posted_at": [pd.Timestamp(start)], "hour": [start.hour]})


@dg.asset(partitions_def=hours)
def counts(posts: pd.DataFrame) -> None:
    loaded.extend(posts["hour"].tolist())


stored = {"io_manager": DuckDBPandasIOManager(database="home.duckdb", schema="s")}
for hour in ("00", "01", "00"):
    key = f"2026-01-02-{hour}:00"
    dg.materialize([posts], partition_key=key, resources=stored)
dg.materialize(
    [posts, counts],
    selection=[counts],
    partition_key="2026-01-02-00:00",
    resources=stored,
)
rows = duckdb.connect("home.duckdb").execute("SELECT hour FROM s.posts").fetchall()
print(f"Seen: the table has the hours {rows}; loaded as 00:00 are {loaded}.")
sys.exit((rows, loaded) != ([(0,), (0,)], []))
PY
