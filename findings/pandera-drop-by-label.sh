#!/usr/bin/env bash
# Guessed: `drop_invalid_rows=True` drops the rows that break a check.
# So: it drops by index label. After `pd.concat` of two frames, whose labels begin at 0
#   each, the row of the same label in the other frame goes too, valid or not.
# With: pandera 0.35.0, pandas 3.1.1.
# Matters: each bad row of one month takes a good one of the other with it, without an
#   error. Concatenate with ignore_index=True.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv pandera==0.35.0 pandas==3.1.1 annotated-types==0.8.0 mypy_extensions==1.2.0 \
  numpy==2.4.6 packaging==26.4 pydantic==2.14.4 pydantic_core==2.50.5 \
  python-dateutil==4.0.0 typeguard==4.6.1 typing-inspect==0.9.0 \
  typing-inspection==0.4.5 typing_extensions==4.16.0 tzdata==2026.6
python -W ignore - <<'PY'
import sys
from importlib.metadata import version

import pandas as pd
import pandera.pandas as pa

print("pandera", version("pandera"), "pandas", pd.__version__)
print("Guess: b, c and d are left each time.")
SCHEMA = pa.DataFrameSchema(
    {"lift": pa.Column(float, pa.Check.gt(0))}, drop_invalid_rows=True
)
JANUARY = pd.DataFrame({"id": ["a", "b"], "lift": [-1.0, 1.0]})
FEBRUARY = pd.DataFrame({"id": ["c", "d"], "lift": [2.0, 3.0]})
labels, numbered = (
    SCHEMA.validate(
        pd.concat([JANUARY, FEBRUARY], ignore_index=ignored), lazy=True
    )["id"].tolist()
    for ignored in (False, True)
)
print(f"Seen: with the frames' own labels {labels}, numbered anew {numbered}.")
sys.exit((labels, numbered) != (["b", "d"], ["b", "c", "d"]))
PY
