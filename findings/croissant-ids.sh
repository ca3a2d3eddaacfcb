#!/usr/bin/env bash
# Guessed: a field declared sc:Text gives the file's characters, sc:Integer the number.
# So: pandas guesses each column's type before the declared one is applied. Ids lose
#   their leading zeros, and one empty cell makes a column of ids floating: as text they
#   turn into 1.7e+16, as integers their last digits change.
# With: mlcroissant 1.1.1, pandas 3.1.1.
# Matters: ids of Instagram media have 17 digits. Give ids a letter before they are
#   published as a data set, and read the records back to compare.
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
print("Guess: 007 and 17841405793187219 come back as they are in the file.")


def records(column, kind):
    text = "id,hook\n" + "".join(f"{value},Look\n" for value in column)
    Path("posts.csv").write_text(text)
    source = mlc.Source(file_object="posts", extract=mlc.Extract(column="id"))
    field = mlc.Field(id="rows/id", name="id", data_types=[kind], source=source)
    file = mlc.FileObject(
        id="posts",
        name="posts",
        content_url="posts.csv",
        encoding_formats=["text/csv"],
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )
    described = mlc.Metadata(
        name="posts",
        url="https://example.org/posts",
        distribution=[file],
        record_sets=[mlc.RecordSet(id="rows", name="rows", fields=[field])],
    )
    Path("croissant.json").write_text(json.dumps(described.to_json(), default=str))
    return [row["rows/id"] for row in mlc.Dataset("croissant.json").records("rows")]


TEXT, INTEGER = mlc.DataType.TEXT, mlc.DataType.INTEGER
media = ["17841405793187219", ""]
seen = [records(["007"], TEXT), records(media, TEXT), records(media, INTEGER)]
print(f"Seen: 007 as text {seen[0]}; with an empty cell below, the media id is "
      f"{seen[1]} as text and {seen[2]} as integer.")
sys.exit(
    seen != [[b"7"], [b"1.784140579318722e+16", None], [17841405793187220, None]]
)
PY
