#!/usr/bin/env bash
# Guessed: if a rerun cannot be stored, the rows of the earlier run stay.
# So: the I/O manager of dagster-duckdb deletes them first, outside any transaction with
#   the insert. A frame that lacks a column fails, and the partition (or the whole table)
#   is empty afterwards, while its last materialisation still says how it was.
# With: dagster-duckdb-pandas 0.29.27, dagster 1.13.27, duckdb 1.5.5.
# Matters: a failed step is retried or looked at later; until then what depends on it
#   trains on nothing. Check the columns before they are returned.
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
cat > run.py <<'PY'
import logging
import sys

import dagster as dg
import pandas as pd
from dagster_duckdb_pandas import DuckDBPandasIOManager

logging.disable(logging.CRITICAL)
month, *columns = sys.argv[1:]


@dg.asset
def totals() -> pd.DataFrame:
    return pd.DataFrame({"likes": [100], "saves": [3]})[columns]


@dg.asset(
    partitions_def=dg.StaticPartitionsDefinition(["jan", "feb"]),
    metadata={"partition_expr": "month"},
)
def by_month(context) -> pd.DataFrame:
    rows = pd.DataFrame({"month": [month], "likes": [100], "saves": [3]})
    return rows[["month", *columns]]


stored = {"io_manager": DuckDBPandasIOManager(database="home.duckdb", schema="s")}
for asset, partition in ((totals, None), (by_month, month)):
    run = dg.materialize(
        [asset], partition_key=partition, resources=stored, raise_on_error=False
    )
    print(run.success)
PY
python -W ignore - <<'PY'
import subprocess
import sys
from importlib.metadata import version

import duckdb

print("dagster-duckdb-pandas", version("dagster-duckdb-pandas"), "duckdb", duckdb.__version__)
print("Guess: after a rerun that fails both assets have the rows of the run before.")


def run(*arguments):
    """In a process of its own, since the file stays open after a failure."""
    command = [sys.executable, "-W", "ignore", "run.py", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.split()


ran = [run("jan", "likes", "saves"), run("feb", "likes", "saves"), run("jan", "likes")]
con = duckdb.connect("home.duckdb", read_only=True)
whole = con.execute("FROM s.totals").fetchall()
months = con.execute("FROM s.by_month").fetchall()
print(f"Seen: success {ran}; whole asset {whole}, partitions {months}.")
sys.exit(
    (ran, whole, months)
    != ([["True"] * 2, ["True"] * 2, ["False"] * 2], [], [("feb", 100, 3)])
)
PY
