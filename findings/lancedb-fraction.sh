#!/usr/bin/env bash
# Guessed: a fraction for a column of whole numbers is refused, by `add` as by
#   `merge_insert`.
# So: `merge_insert` refuses it ("was truncated"). `add` and `update` cut it off without
#   a word: 0.9 is stored as 0, from dicts and from an Arrow table of doubles.
# With: lancedb 0.40.0, pyarrow 26.0.1.
# Matters: a table whose first rows had whole numbers in a rate or a weight keeps 0 for all
#   that come later, and filters on it find nothing. Declare such columns as doubles.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv lancedb==0.40.0 pyarrow==26.0.1 annotated-types==0.8.0 deprecation==2.1.0 \
  lance-namespace-urllib3-client==0.13.0 lance-namespace==0.13.0 numpy==2.4.6 \
  overrides==7.7.0 packaging==26.4 pydantic==2.14.4 pydantic_core==2.50.5 \
  python-dateutil==4.0.0 tqdm==4.70.1 typing-inspection==0.4.5 \
  typing_extensions==4.16.0 tzdata==2026.6 urllib3==2.8.0
python -W ignore - <<'PY'
import sys

import lancedb
import pyarrow as pa

print("lancedb", lancedb.__version__, "pyarrow", pa.__version__)
print("Guess: refused each time.")
SCHEMA = pa.schema([("id", pa.string()), ("rate", pa.int64())])
table = lancedb.connect("home").create_table("scripts", schema=SCHEMA)
table.add([{"id": "s0", "rate": 1}])


def stored(name, write):
    try:
        write()
    except Exception:
        return "refused"
    rows = {row["id"]: row["rate"] for row in table.to_arrow().to_pylist()}
    return rows[name]


merge = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
seen = {
    "add": stored("s1", lambda: table.add([{"id": "s1", "rate": 0.9}])),
    "add Arrow": stored(
        "s2", lambda: table.add(pa.table({"id": ["s2"], "rate": [0.9]}))
    ),
    "update": stored("s0", lambda: table.update(where="id = 's0'", values={"rate": 0.9})),
    "merge_insert": stored("s3", lambda: merge.execute([{"id": "s3", "rate": 0.9}])),
}
print("Seen:", seen)
sys.exit([*seen.values()] != [0, 0, 0, "refused"])
PY
