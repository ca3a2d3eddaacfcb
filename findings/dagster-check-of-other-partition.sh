#!/usr/bin/env bash
# Guessed: `all_deps_blocking_checks_passed()` holds a partition back whose run failed its
#   blocking check, until the check passes for that partition.
# So: a check without partitions of its own has one latest outcome for the whole asset.
#   A failure holds back every partition, and the next pass, in the run of another
#   partition, lets the failed one through. With `partitions_def` on the check it is held.
# With: dagster 1.13.27.
# Matters: a month that failed its check is trained on as soon as the next month passes.
#   Give a check of a partitioned asset the asset's partitions.
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
print("Guess: nothing after January failed, February alone after February passed.")
MONTHS = dg.StaticPartitionsDefinition(["january", "february"])
C = dg.AutomationCondition
CONDITION = C.eager() & C.all_deps_blocking_checks_passed()


def requested(**of_the_check):
    instance = dg.DagsterInstance.ephemeral()
    good = set()

    @dg.asset(partitions_def=MONTHS)
    def scripts():
        pass

    @dg.asset_check(asset=scripts, blocking=True, **of_the_check)
    def no_secrets(context):
        return dg.AssetCheckResult(passed=context.run.tags["dagster/partition"] in good)

    @dg.asset(deps=[scripts], partitions_def=MONTHS, automation_condition=CONDITION)
    def training_set():
        pass

    assets = [scripts, no_secrets, training_set]
    made = dg.AssetSelection.assets(scripts) | dg.AssetSelection.checks(no_secrets)
    found = dg.evaluate_automation_conditions(assets, instance)
    answers = []
    good.add("february")
    for month in ("january", "february"):
        dg.materialize(
            assets,
            selection=made,
            partition_key=month,
            instance=instance,
            raise_on_error=False,
        )
        found = dg.evaluate_automation_conditions(
            assets, instance, cursor=found.cursor
        )
        answers.append(sorted(found.get_requested_partitions(training_set.key)))
    return answers


whole, by_month = requested(), requested(partitions_def=MONTHS)
print(f"Seen: check of the asset {whole}, check of each month {by_month}.")
sys.exit((whole, by_month) != ([[], ["february", "january"]], [[], ["february"]]))
PY
