#!/usr/bin/env bash
# Guessed: in a file of JSON lines, `extract: {jsonPath: …}` of a field gives that value
#   of each line, as it does in a JSON file.
# So: JSON lines are read as a table of their top-level names alone; with a jsonPath no
#   record can be read. `extract: {column: …}` with `transform: {jsonPath: …}` works, and
#   a transform of a list is applied to each of its members, not to the list.
# With: mlcroissant 1.1.1, pandas 3.1.1.
# Matters: a fine-tune file has `{"messages": [{"content": …}]}` a line. A description
#   that says where the words are in the way of JSON files validates and cannot be read.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv mlcroissant==1.1.1 \
  absl-py==2.5.1 etils==1.15.0 Jinja2==3.1.6 MarkupSafe==3.0.4 \
  jsonpath-rw==1.4.0 ply==3.11 decorator==5.3.1 six==1.17.0 networkx==3.6.1 \
  pandas==3.1.1 numpy==2.4.6 python-dateutil==4.0.0 rdflib==7.6.0 \
  pyparsing==3.3.3 requests==2.34.2 urllib3==2.8.0 idna==3.20 \
  certifi==2026.10.19.post1 charset-normalizer==3.5.3 scipy==1.17.1 \
  tqdm==4.70.1 fsspec==2026.9.0 importlib_resources==7.1.0 zipp==4.1.2 \
  typing_extensions==4.16.0
python -W ignore - <<'PY'
import hashlib
import json
import logging
import sys
from importlib.metadata import version
from pathlib import Path

import mlcroissant as mlc

logging.disable(logging.WARNING)
print("mlcroissant", version("mlcroissant"))
print("Guess: jsonPath reads the same value of a JSON file and of each JSON line.")
LINES = [
    {"messages": [{"role": "user", "content": text}]} for text in ("Look.", "Wait.")
]


def records(name, encoding, text, source):
    Path(name).write_text(text)
    file = mlc.FileObject(
        id="file",
        name="file",
        content_url=name,
        encoding_formats=[encoding],
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )
    field = mlc.Field(
        id="rows/words", name="words", data_types=[mlc.DataType.TEXT], source=source
    )
    about = mlc.Metadata(
        name="set",
        distribution=[file],
        record_sets=[mlc.RecordSet(id="rows", name="rows", fields=[field])],
    )
    Path("croissant.json").write_text(json.dumps(about.to_json(), default=str))
    try:
        read = mlc.Dataset("croissant.json").records("rows")
        return [record["rows/words"] for record in read]
    except Exception as error:
        return type(error).__name__


def plain(found):
    return json.loads(json.dumps(found, default=lambda b: b.decode()))


jsonl = "".join(json.dumps(line) + "\n" for line in LINES)
by_path = mlc.Source(
    file_object="file", extract=mlc.Extract(json_path="$.messages[0].content")
)
by_column = mlc.Source(
    file_object="file",
    extract=mlc.Extract(column="messages"),
    transforms=[mlc.Transform(json_path="$.content")],
)
in_json = mlc.Source(
    file_object="file", extract=mlc.Extract(json_path="$[*].messages[0].content")
)
whole = plain(records("f.json", "application/json", json.dumps(LINES), in_json))
lines = plain(records("f.jsonl", "application/jsonlines", jsonl, by_path))
column = plain(records("g.jsonl", "application/jsonlines", jsonl, by_column))
print("Seen: JSON file by jsonPath:", whole)
print("Seen: JSON lines by jsonPath:", lines)
print("Seen: JSON lines by column, then transform:", column)
sys.exit(whole != ["Look.", "Wait."] or lines == whole or "Look." not in str(column))
PY
