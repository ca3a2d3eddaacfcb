#!/usr/bin/env bash
# Guessed: a filter for reach = 100 finds a payload of 100.0, as a range does.
# So: `MatchValue` and `MatchAny` find whole numbers written as such only; a Range from
#   100 to 100 finds both. `must_not` turns it round: 100.0 is "not 100".
# With: qdrant-client 1.20.0, its local mode.
# Matters: a column with one empty cell leaves pandas as 100.0, and from then on no
#   filter for a month, an arm's number or a count finds a script, without an error.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv qdrant-client==1.20.0 annotated-types==0.8.0 anyio==4.16.0 \
  certifi==2026.10.19.post1 grpcio==1.85.3 h11==0.16.0 h2==4.4.1 hpack==4.2.0 \
  httpcore==1.0.9 httpx==0.28.1 hyperframe==6.1.0 idna==3.20 numpy==2.4.6 \
  portalocker==4.4.2 protobuf==7.36.2 pydantic==2.14.4 pydantic_core==2.50.5 \
  typing-inspection==0.4.5 typing_extensions==4.16.0 urllib3==2.8.0
python -W ignore - <<'PY'
import sys
from importlib.metadata import version

from qdrant_client import QdrantClient, models

print("qdrant-client", version("qdrant-client"))
print("Guess: scripts 1 and 2 each time, and none by must_not.")
client = QdrantClient(":memory:")
size = models.VectorParams(size=2, distance=models.Distance.DOT)
client.create_collection("scripts", vectors_config=size)
client.upsert(
    "scripts",
    [
        models.PointStruct(id=number, vector=[1, 0], payload={"reach": reach})
        for number, reach in ((1, 100), (2, 100.0))
    ],
)


def found(kind="must", **condition):
    one = models.FieldCondition(key="reach", **condition)
    points, _ = client.scroll("scripts", scroll_filter=models.Filter(**{kind: [one]}))
    return [point.id for point in points]


value = models.MatchValue(value=100)
seen = {
    "value": found(match=value),
    "any": found(match=models.MatchAny(any=[100])),
    "range": found(range=models.Range(gte=100, lte=100)),
    "must_not": found("must_not", match=value),
}
print("Seen:", seen)
sys.exit([*seen.values()] != [[1], [1], [1, 2], [2]])
PY
