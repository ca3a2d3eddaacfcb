#!/usr/bin/env bash
# Guessed: an asset that takes all partitions of its upstream gets a dict by partition.
# So: only from two partitions on. One partition comes as its bare value, none as None,
#   and the run is a success each time. An annotation `dict[str, dict]` on the argument
#   is refused for none and for one.
# With: dagster 1.13.27 and its FilesystemIOManager.
# Matters: with one topic, a loop over `.items()` goes over the columns of that topic
#   instead of topics; a set of none fails late or not at all. Read by key yourself.
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
print("Guess: {}, {'bread': …}, {'bread': …, 'soup': …}, typed or not.")
TOPICS = dg.DynamicPartitionsDefinition(name="topics")


@dg.asset(partitions_def=TOPICS)
def script(context):
    return {"hook": context.partition_key}


@dg.asset
def plain(script):
    return script


@dg.asset
def typed(script: dict[str, dict]):
    return script


instance = dg.DagsterInstance.local_temp()


def read(reader):
    run = dg.materialize(
        [script, reader], selection=[reader], instance=instance, raise_on_error=False
    )
    return run.output_for_node(reader.key.path[0]) if run.success else "refused"


seen = [(read(plain), read(typed))]
for topic in ("bread", "soup"):
    instance.add_dynamic_partitions("topics", [topic])
    dg.materialize([script], partition_key=topic, instance=instance)
    seen.append((read(plain), read(typed)))
for line in seen:
    print("Seen: without a type {}, with one {}".format(*line))
ONE = {"hook": "bread"}
BOTH = {"bread": ONE, "soup": {"hook": "soup"}}
sys.exit(seen != [(None, "refused"), (ONE, "refused"), (BOTH, BOTH)])
PY
