#!/usr/bin/env bash
# Guessed: an asset whose step fails is not materialised, whatever it yielded before.
# So: a MaterializeResult counts from the moment it is yielded. The run fails, yet the
#   asset has a new materialisation with its metadata and data version, an asset with
#   `eager()` downstream is requested, and each retry adds one more.
# With: dagster 1.13.27.
# Matters: a writer that reports first and stores afterwards is fresh in lineage and
#   trained on downstream though it stored nothing. Yield last, or return the result.
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
print("Guess: failed, 0 materialisations, 0 requests.")


def seen(retries):
    instance = dg.DagsterInstance.ephemeral()

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=retries))
    def scripts():
        yield dg.MaterializeResult(metadata={"rows": 5})
        raise OSError("The disk is full.")

    @dg.asset(deps=[scripts], automation_condition=dg.AutomationCondition.eager())
    def training_set():
        pass

    assets = [scripts, training_set]
    before = dg.evaluate_automation_conditions(assets, instance)
    run = dg.materialize([scripts], instance=instance, raise_on_error=False)
    after = dg.evaluate_automation_conditions(assets, instance, cursor=before.cursor)
    found = instance.fetch_materializations(scripts.key, limit=9).records
    return run.success, len(found), after.get_num_requested(training_set.key)


once, retried = seen(0), seen(2)
print(f"Seen: success, materialisations, requests: {once}; with two retries {retried}.")
sys.exit((once, retried) != ((False, 1, 1), (False, 3, 1)))
PY
