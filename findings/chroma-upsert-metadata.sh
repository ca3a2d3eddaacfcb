#!/usr/bin/env bash
# Guessed: an upsert of a record that is there already replaces its metadata.
# So: keys that the new metadata lacks stay, and without metadata or document the old
#   ones stay under the new vector. `upsert` merges as `update` does.
# With: chromadb 1.5.9.
# Matters: a script that lost its mark as winner is still found by that mark. Write None
#   for a key that must go, or delete the record first.
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
print("Guess: after the second upsert the metadata is {'topic': 'sleep'}.")
client = chromadb.EphemeralClient(Settings(anonymized_telemetry=False))
scripts = client.create_collection("scripts", embedding_function=None)
vectors = [[1.0, 0.0]]
scripts.upsert(
    ids=["s1"],
    embeddings=vectors,
    metadatas=[{"winner": True, "lift": 0.4}],
    documents=["Stop scrolling."],
)
scripts.upsert(ids=["s1"], embeddings=vectors, metadatas=[{"topic": "sleep"}])
merged = scripts.get(ids=["s1"])
found = scripts.query(query_embeddings=vectors, n_results=1, where={"winner": True})
scripts.upsert(ids=["s1"], embeddings=vectors, metadatas=[{"winner": None}])
cleared = scripts.get(ids=["s1"])["metadatas"][0]
print(f"Seen: {merged['metadatas'][0]} with {merged['documents']}; asked for winners")
print(f"  {found['ids'][0]}; after None {cleared}.")
sys.exit(
    (merged["metadatas"][0], merged["documents"], found["ids"], cleared)
    != (
        {"winner": True, "lift": 0.4, "topic": "sleep"},
        ["Stop scrolling."],
        [["s1"]],
        {"lift": 0.4, "topic": "sleep"},
    )
)
PY
