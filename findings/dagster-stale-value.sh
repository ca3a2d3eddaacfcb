#!/usr/bin/env bash
# Guessed: an asset that returns a MaterializeResult has no value, so one that takes it as
#   an argument fails.
# So: it fails only if there never was a value. If an earlier run returned one, that is
#   loaded: upstream has a new materialisation, and what runs after it in the same run
#   works on the old value without a word.
# With: dagster 1.13.27 and its FilesystemIOManager.
# Matters: a change from "returns the rows" to "stores them itself" passes each test on an
#   empty folder or a used one, and trains on the last rows of before the change. Change
#   the argument to `deps=` with it, and delete what is stored.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
export DAGSTER_DISABLE_TELEMETRY=yes
fresh_venv alembic==1.20.1 annotated-types==0.8.0 antlr4-python3-runtime==4.13.2 \
  certifi==2026.10.19.post1 charset-normalizer==3.5.3 click==8.5.1 \
  coloredlogs==14.0 dagster==1.13.27 dagster-pipes==1.13.27 \
  dagster-shared==1.13.27 docstring_parser==0.18.0 filelock==4.3.1 \
  fsspec==2026.9.0 grpcio==1.85.3 grpcio-health-checking==1.81.1 \
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

import dagster as dg

logging.disable(logging.CRITICAL)
print("dagster", dg.__version__)
print("Guess: False once no value is returned, in a new folder and a used one.")
stores_itself = True


@dg.asset
def scripts():
    return dg.MaterializeResult(metadata={"rows": 2}) if stores_itself else ["old"]


@dg.asset
def training_set(scripts):
    return scripts


def run(folder):
    found = dg.materialize(
        [scripts, training_set],
        resources={"io_manager": dg.FilesystemIOManager(base_dir=folder)},
        raise_on_error=False,
    )
    return found.success, found.success and found.output_for_node("training_set")


new = run("new")
stores_itself = False
run("used")
stores_itself = True
used = run("used")
print(f"Seen: in a new folder {new}, in a used one {used}.")
sys.exit((new, used) != ((False, False), (True, ["old"])))
PY
