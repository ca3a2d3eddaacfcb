#!/usr/bin/env bash
# Guessed: `merge_insert` with a key twice in its source is an error.
# So: only where the table has the key already. A new key is inserted as often as it
#   comes, and the next merge, with the key once, updates all of its rows.
# With: lancedb 0.40.0, pyarrow 26.0.1.
# Matters: a script that two files hold is there twice after the first sync, so it takes
#   two places among the examples, and no later sync mends it. Make keys unique before.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv lancedb==0.40.0 pyarrow==26.0.1 numpy==2.4.6 \
  annotated-types==0.8.0 deprecation==2.1.0 lance-namespace==0.13.0 \
  lance-namespace-urllib3-client==0.13.0 overrides==7.7.0 packaging==26.4 \
  pydantic==2.14.4 pydantic_core==2.50.5 python-dateutil==4.0.0 six==1.17.0 \
  tqdm==4.70.1 typing-inspection==0.4.5 typing_extensions==4.16.0 urllib3==2.8.0
python -W ignore - <<'PY'
import sys

import lancedb
import pyarrow as pa

print("lancedb", lancedb.__version__)
print("Guess: an error for a key twice, new or not.")
SCHEMA = pa.schema([("id", pa.string()), ("hook", pa.string())])
table = lancedb.connect("home").create_table("scripts", schema=SCHEMA)


def merged(*rows):
    source = pa.table({"id": [r[0] for r in rows], "hook": [r[1] for r in rows]})
    merge = table.merge_insert("id").when_matched_update_all()
    try:
        merge.when_not_matched_insert_all().execute(source)
    except Exception:
        return "refused"
    rows = table.to_arrow().to_pylist()
    return sorted((row["id"], row["hook"]) for row in rows)


new = merged(("s1", "Stop."), ("s1", "Look."))
known = merged(("s1", "Go."), ("s1", "Wait."))
once = merged(("s1", "Listen."))
print(f"Seen: new key {new}; known key {known}; known key once {once}.")
sys.exit(
    (new, known, once)
    != (
        [("s1", "Look."), ("s1", "Stop.")],
        "refused",
        [("s1", "Listen."), ("s1", "Listen.")],
    )
)
PY
