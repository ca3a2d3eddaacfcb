#!/usr/bin/env bash
# Guessed: the digest of a data set in MLflow tells one training set from another.
# So: it is made of the first 10,000 rows, and of those columns only that hold nothing but
#   texts, or numbers. A column with one empty cell, one of lists, and every row after the
#   10,000th may change and it stays the same. Chat examples, which are one column of
#   lists, all have one digest.
# With: mlflow-skinny 3.17.2, datasets 5.2.0, pandas 3.1.1.
# Matters: "trained on the same data" is shown for runs whose examples were all exchanged.
#   Log a hash of the file as a tag.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
export MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true
fresh_venv mlflow-skinny==3.17.2 datasets==5.2.0 pandas==3.1.1 annotated-doc==0.0.7 \
  annotated-types==0.8.0 anyio==4.16.0 cachetools==7.3.3 certifi==2026.10.19.post1 \
  cffi==2.1.1 charset-normalizer==3.5.3 click==8.5.1 cloudpickle==3.1.3 \
  cryptography==50.0.2 databricks-sdk==0.162.0 dill==0.4.1 fastapi==0.165.0 \
  filelock==4.3.1 fsspec==2026.9.0 gitdb==4.0.12 GitPython==3.2.1 google-auth==2.63.0 \
  h11==0.16.0 hf-xet==1.8.0 httpcore2==2.16.2 httpx2==2.16.2 huggingface_hub==2.4.0 \
  idna==3.20 importlib_metadata==9.1.0 multiprocess==0.70.19 numpy==2.4.6 \
  opentelemetry-api==1.45.2 opentelemetry-proto==1.45.2 opentelemetry-sdk==1.45.2 \
  opentelemetry-semantic-conventions==0.66b2 packaging==26.4 protobuf==7.36.2 \
  pyarrow==26.0.1 pyasn1==0.6.5 pyasn1_modules==0.4.2 pycparser==3.12 pydantic==2.14.4 \
  pydantic_core==2.50.5 python-dateutil==4.0.0 python-dotenv==1.2.4 PyYAML==6.0.4 \
  requests==2.34.2 smmap==5.0.3 sqlparse==0.6.1 starlette==1.10.0 tqdm==4.70.1 \
  truststore==0.10.5 typing-inspection==0.4.5 typing_extensions==4.16.0 tzdata==2026.6 \
  urllib3==2.8.0 uvicorn==0.54.0 xxhash==4.1.0 zipp==4.1.2
python -W ignore - <<'PY'
import sys
from importlib.metadata import version

import datasets
import mlflow.data
import pandas as pd

print("mlflow-skinny", version("mlflow-skinny"), "datasets", datasets.__version__)
print("Guess: another digest each time.")


def same(one, other):
    return one.digest == other.digest


def frame(**columns):
    return mlflow.data.from_pandas(pd.DataFrame(columns))


def chat(text):
    messages = [[{"role": "assistant", "content": text}]]
    return mlflow.data.from_huggingface(datasets.Dataset.from_dict({"messages": messages}))


LONG = ["Stop."] * 12_000
seen = {
    "texts": same(frame(hook=["Stop.", "Go."]), frame(hook=["Look.", "Go."])),
    "one empty cell": same(frame(hook=["Stop.", None]), frame(hook=["Look.", None])),
    "late rows": same(frame(hook=LONG), frame(hook=LONG[:10_000] + ["Look."] * 2_000)),
    "chat examples": same(chat("Stop."), chat("Look.")),
}
print("Seen, the same digest for other", seen)
sys.exit([*seen.values()] != [False, True, True, True])
PY
