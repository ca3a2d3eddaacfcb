#!/usr/bin/env bash
# Guessed: `AutomationCondition.eager()` requests an asset whose upstream is newer than it.
# So: not if both were materialised since the last evaluation. The asset's own
#   materialisation takes the update as handled, whichever came first, so that an upstream
#   that changed after the asset (or while it ran) is passed over for good.
# With: dagster 1.13.27.
# Matters: an index that a person rebuilt just before new scripts came in stays without
#   them until the next change. `any_deps_updated()` alone does see it.
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
print("Guess: 1 request in each case.")
instance = dg.DagsterInstance.ephemeral()
during = []


@dg.asset
def scripts():
    pass


@dg.asset(deps=[scripts], automation_condition=dg.AutomationCondition.eager())
def index():
    if during:
        during.pop()()


NEWS = dg.AutomationCondition.any_deps_updated()


@dg.asset(deps=[scripts], automation_condition=NEWS)
def other_index():
    pass


ASSETS = [scripts, index, other_index]
cursor = None


def made(*assets):
    dg.materialize(ASSETS, selection=[*assets], instance=instance)


def requested():
    global cursor
    found = dg.evaluate_automation_conditions(ASSETS, instance, cursor=cursor)
    cursor = found.cursor
    return [found.get_num_requested(dg.AssetKey(k)) for k in ("index", "other_index")]


made(scripts, index, other_index)
requested()
made(scripts)
alone = requested()
made(index, other_index)
requested()
made(index, other_index)
made(scripts)
after = [requested(), requested()]
made(index, other_index)
requested()
during.append(lambda: made(scripts))
made(index)
meanwhile = [requested()[0], requested()[0]]
print(f"Seen: by eager and by any_deps_updated, scripts alone {alone}; index, then")
print(f"  scripts {after}; scripts while the index ran, eager {meanwhile}.")
sys.exit((alone, after, meanwhile) != ([1, 1], [[0, 1], [0, 0]], [0, 0]))
PY
