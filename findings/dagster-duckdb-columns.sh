#!/usr/bin/env bash
# Guessed: the pandas I/O manager of dagster-duckdb stores each column under its name,
#   and refuses or widens what does not fit the table.
# So: the first run makes the table; later runs insert by position. Columns in another
#   order change places, and a fraction in a column that began with whole numbers is
#   rounded, both without an error. It holds for whole assets and for partitions.
# With: dagster-duckdb-pandas 0.29.27, dagster 1.13.27, duckdb 1.5.5.
# Matters: likes and saves, or rates, are wrong in lineage's own tables though each run
#   was a success. Select the columns by name and cast them before they are returned.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
export DAGSTER_DISABLE_TELEMETRY=yes
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
print("Guess: 100 likes, 3 saves and a rate of 0.6 are stored as such.")
FIRST = {"likes": [200], "saves": [4], "rate": [1]}
THEN = {"saves": [3], "likes": [100], "rate": [0.6]}
returned = [FIRST]


@dg.asset
def totals() -> pd.DataFrame:
    return pd.DataFrame(returned[0])


@dg.asset(
    partitions_def=dg.StaticPartitionsDefinition(["jan", "feb"]),
    metadata={"partition_expr": "month"},
)
def by_month(context) -> pd.DataFrame:
    return pd.DataFrame({"month": [context.partition_key], **returned[0]})


stored = {"io_manager": DuckDBPandasIOManager(database="home.duckdb", schema="s")}
done = []
for month, returned[0] in (("jan", FIRST), ("feb", THEN)):
    done.append(dg.materialize([totals], resources=stored).success)
    run = dg.materialize([by_month], partition_key=month, resources=stored)
    done.append(run.success)
con = duckdb.connect("home.duckdb")
whole = con.execute("SELECT likes, saves, rate FROM s.totals").fetchall()
monthly = con.execute(
    "SELECT likes, saves, rate FROM s.by_month ORDER BY month DESC"
).fetchall()
print(f"Seen: success {all(done)}; likes, saves, rate {whole}, by month {monthly}.")
sys.exit(
    (all(done), whole, monthly) != (True, [(3, 100, 1)], [(200, 4, 1), (3, 100, 1)])
)
PY
