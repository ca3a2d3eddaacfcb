#!/usr/bin/env bash
# Guessed: an asset whose type is made of a pandera schema hands on what the schema makes
#   of its frame: columns coerced, defaults filled in, unknown columns taken out.
# So: the schema is run on it for its verdict alone. The asset passes as a frame of whole
#   numbers, and texts are stored and handed on, with every column that they came with.
# With: dagster-pandera 0.29.27, dagster 1.13.27, pandera 0.35.0, pandas 3.1.1.
# Matters: "7" and "10" are sorted and compared as texts behind a check that says int; a
#   column with names that the schema takes out is stored. Return `schema.validate(frame)`.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
export DAGSTER_DISABLE_TELEMETRY=yes
fresh_venv dagster-pandera==0.29.27 dagster==1.13.27 pandera==0.35.0 pandas==2.3.3 \
  alembic==1.20.1 annotated-types==0.8.0 antlr4-python3-runtime==4.13.2 \
  certifi==2026.10.19.post1 charset-normalizer==3.5.3 click==8.5.1 coloredlogs==14.0 \
  dagster-pipes==1.13.27 dagster-shared==1.13.27 docstring_parser==0.18.0 \
  filelock==4.3.1 fsspec==2026.9.0 grpcio-health-checking==1.81.1 grpcio==1.85.3 \
  humanfriendly==10.0 idna==3.20 Jinja2==3.1.6 Mako==1.4.3 markdown-it-py==4.3.0 \
  MarkupSafe==3.0.4 mdurl==0.1.2 mypy_extensions==1.2.0 numpy==2.4.6 packaging==26.4 \
  pathlib_abc==0.5.2 platformdirs==4.14.9 protobuf==6.33.6 pydantic==2.14.4 \
  pydantic_core==2.50.5 Pygments==2.21.0 python-dateutil==4.0.0 python-dotenv==1.2.4 \
  pytz==2026.6 PyYAML==6.0.4 requests==2.34.2 rich==15.0.0 six==1.17.0 \
  SQLAlchemy==2.1.9 structlog==26.1.0 tabulate==0.10.0 tomli==2.5.0 tomlkit==0.15.2 \
  toposort==1.10 tqdm==4.70.1 typeguard==4.6.1 typing-inspect==0.9.0 \
  typing-inspection==0.4.5 typing_extensions==4.16.0 tzdata==2026.6 \
  universal_pathlib==0.3.10 urllib3==2.8.0 watchdog==6.0.0
python -W ignore - <<'PY'
import logging
import sys
from importlib.metadata import version

import dagster as dg
import pandas as pd
import pandera.pandas as pa
from dagster_pandera import pandera_schema_to_dagster_type

logging.disable(logging.CRITICAL)
print("dagster-pandera", version("dagster-pandera"), "pandera", version("pandera"))
print("Guess: {'likes': [7, 10]} in each case.")
SCHEMA = pa.DataFrameSchema(
    {"likes": pa.Column(int, coerce=True)}, strict="filter", name="Counts"
)
FRAME = pd.DataFrame({"likes": ["7", "10"], "author": ["A", "B"]})


@dg.asset(dagster_type=pandera_schema_to_dagster_type(SCHEMA))
def counts():
    return FRAME.copy()


@dg.asset
def sorted_counts(counts):
    return counts.sort_values("likes")


run = dg.materialize([counts, sorted_counts])
passed = run.output_for_node("sorted_counts").to_dict("list")
validated = SCHEMA.validate(FRAME).to_dict("list")
print(f"Seen: by the asset {passed}, by the schema itself {validated}.")
sys.exit(
    (passed, validated)
    != ({"likes": ["10", "7"], "author": ["B", "A"]}, {"likes": [7, 10]})
)
PY
