#!/usr/bin/env bash
# Guessed: `get(ids=...)` returns the records in the order of the ids.
# So: in the order in which they were added, whatever order is asked for. Ids that are
#   not there are left out without a mark.
# With: chromadb 1.5.9.
# Matters: zipped with the asked ids, each vector or label goes to another script. Join
#   by the ids in the answer.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv chromadb==1.5.9 PyYAML==6.0.4 Pygments==2.21.0 annotated-types==0.8.0 \
  attrs==26.1.0 click==8.5.1 googleapis-common-protos==1.76.0 grpcio==1.85.3 \
  httpx==0.28.1 idna==3.20 jsonschema==4.26.0 jsonschema-specifications==2025.9.1 \
  numpy==2.4.6 opentelemetry-api==1.45.2 \
  opentelemetry-exporter-otlp-common==0.66b2 \
  opentelemetry-exporter-otlp-proto-common==1.45.2 \
  opentelemetry-exporter-otlp-proto-grpc==1.45.2 opentelemetry-proto==1.45.2 \
  opentelemetry-sdk==1.45.2 opentelemetry-semantic-conventions==0.66b2 \
  orjson==3.13.0 overrides==7.7.0 protobuf==7.36.2 pybase64==1.5.1 \
  pydantic==2.14.4 pydantic_core==2.50.5 pydantic-settings==2.16.3 \
  python-dotenv==1.2.4 referencing==0.37.0 rich==15.0.0 rpds-py==2026.9.1 \
  tenacity==9.2.1 typing-inspection==0.4.5 typing_extensions==4.16.0 anyio==4.16.0 \
  certifi==2026.10.19.post1 h11==0.16.0 httpcore==1.0.9 markdown-it-py==4.3.0 \
  mdurl==0.1.2
python -W ignore - <<'PY'
import sys

import chromadb
from chromadb.config import Settings

print("chromadb", chromadb.__version__)
print("Guess: asked for s3, s1, s9, s2, it answers in this order, s9 being empty.")
client = chromadb.EphemeralClient(Settings(anonymized_telemetry=False))
scripts = client.create_collection("scripts", embedding_function=None)
ids = ["s1", "s2", "s3"]
scripts.add(ids=ids, embeddings=[[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
first = scripts.get(ids=["s3", "s1", "s9", "s2"], include=["embeddings"])
scripts.delete(ids=["s1"])
scripts.add(ids=["s1"], embeddings=[[1.0, 0.0]])
second = scripts.get(ids=["s3", "s1", "s9", "s2"])
print(f"Seen: {first['ids']} with {first['embeddings'].tolist()}; once s1 was deleted")
print(f"  and added again {second['ids']}.")
sys.exit(
    (first["ids"], first["embeddings"][:, 0].tolist(), second["ids"])
    != (["s1", "s2", "s3"], [1.0, 2.0, 3.0], ["s2", "s3", "s1"])
)
PY
