#!/usr/bin/env bash
# Guessed: an upstream that was materialised anew with the data version it had is no
#   update to `eager()`: a data version says that the content is the same.
# So: any materialisation is an update; `eager()` and `any_deps_updated()` request the
#   asset. `any_deps_match(data_version_changed())` asks for a new data version.
# With: dagster 1.13.27.
# Matters: a sync each hour that finds nothing new starts all that follows it, what is
#   paid included. A data version alone saves nothing.
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
print("Guess: a request from each after the version changed, none where it did not.")
instance = dg.DagsterInstance.ephemeral()
C = dg.AutomationCondition
CONDITIONS = {
    "eager": C.eager(),
    "any_deps_updated": C.any_deps_updated(),
    "data_version_changed": C.any_deps_match(C.data_version_changed()),
}
version = "1"


@dg.asset
def scripts():
    return dg.MaterializeResult(data_version=dg.DataVersion(version))


def follower(name, condition):
    @dg.asset(name=name, deps=[scripts], automation_condition=condition)
    def follows():
        pass

    return follows


ASSETS = [scripts, *(follower(*one) for one in CONDITIONS.items())]
dg.materialize(ASSETS, instance=instance)
cursor = dg.evaluate_automation_conditions(ASSETS, instance).cursor


def requested():
    global cursor
    dg.materialize([scripts], instance=instance)
    found = dg.evaluate_automation_conditions(ASSETS, instance, cursor=cursor)
    cursor = found.cursor
    return [found.get_num_requested(dg.AssetKey(name)) for name in CONDITIONS]


same = requested()
dg.materialize(ASSETS, instance=instance)
cursor = dg.evaluate_automation_conditions(ASSETS, instance, cursor=cursor).cursor
version = "2"
other = requested()
print(f"Seen: {[*CONDITIONS]}: same version {same}, another {other}.")
sys.exit((same, other) != ([1, 1, 0], [1, 1, 1]))
PY
