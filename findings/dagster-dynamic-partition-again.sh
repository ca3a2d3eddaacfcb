#!/usr/bin/env bash
# Guessed: a dynamic partition that was deleted is gone, and one of that name added later
#   begins as missing.
# So: deleting takes the name from the list only. `get_materialized_partitions` still has
#   it, and once the name is added again it counts as made, by the old materialisation
#   and with the old value in storage; what asks for missing partitions passes it over.
# With: dagster 1.13.27.
# Matters: a topic or author that was taken out and comes back is never written anew, and
#   what was to be forgotten is read. Wipe the partition before its name is used again.
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
print("Guess: no partition is made after the deletion, and bread again is missing.")
TOPICS = dg.DynamicPartitionsDefinition(name="topics")
MISSING = dg.AutomationCondition.missing()


@dg.asset(partitions_def=TOPICS, automation_condition=MISSING)
def script(context):
    return f"old {context.partition_key}"


@dg.asset(partitions_def=TOPICS)
def reader(script):
    return script


instance = dg.DagsterInstance.local_temp()
instance.add_dynamic_partitions("topics", ["bread"])
dg.materialize([script], partition_key="bread", instance=instance)
instance.delete_dynamic_partition("topics", "bread")
left = sorted(instance.get_materialized_partitions(script.key))
instance.add_dynamic_partitions("topics", ["bread", "soup"])
found = dg.evaluate_automation_conditions([script], instance)
asked = sorted(found.get_requested_partitions(script.key))
read = dg.materialize(
    [script, reader], selection=[reader], partition_key="bread", instance=instance
).output_for_node("reader")
print(f"Seen: made after the deletion {left}; added again with soup, missing {asked};")
print(f"  the new bread reads {read!r}.")
sys.exit((left, asked, read) != (["bread"], ["soup"], "old bread"))
PY
