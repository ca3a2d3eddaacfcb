#!/usr/bin/env bash
# Guessed: a text in a JSON line stays a text, whatever other lines have in its place.
# So: if a field has texts in some lines and lists (or numbers) in others, it becomes a
#   Json column, and a text that is itself JSON is read as such: "007" becomes 7, "true"
#   True, "null" None, '{"a": 1}' an object.
# With: datasets 5.2.0, pyarrow 26.0.1.
# Matters: in chat files `content` is a text or a list of parts. Once one example has
#   parts, answers such as "42" or a JSON object are no texts any more in any of them.
#   Give all lines the same form.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6 \
  huggingface_hub==2.4.0 PyYAML==6.0.4 anyio==4.16.0 certifi==2026.10.19.post1 \
  dill==0.4.1 filelock==4.3.1 fsspec==2026.9.0 h11==0.16.0 httpcore2==2.16.2 \
  httpx2==2.16.2 idna==3.20 multiprocess==0.70.19 packaging==26.4 \
  python-dateutil==4.0.0 six==1.17.0 tqdm==4.70.1 truststore==0.10.5 \
  typing_extensions==4.16.0 xxhash==4.1.0
export HF_HUB_OFFLINE=1 HF_HOME="$work/hub" HF_DATASETS_DISABLE_PROGRESS_BARS=1
python -W ignore - <<'PY'
import json
import sys
from pathlib import Path

import datasets
import pyarrow as pa

datasets.disable_progress_bars()
print("datasets", datasets.__version__, "pyarrow", pa.__version__)
print("Guess: the answers come back as the texts that they are.")
ANSWERS = ["007", "true", "null", '{"a": 1}', "1.10", "Three."]
PARTS = [{"type": "text", "text": "Which?"}]


def read_back(name, question):
    lines = [
        {"messages": [{"content": question}, {"content": answer}]} for answer in ANSWERS
    ]
    lines[0]["messages"][0]["content"] = "Which?"
    Path(name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = datasets.load_dataset("json", data_files=name, split="train")
    return [row["messages"][1]["content"] for row in rows]


texts, parts = read_back("texts.jsonl", "Which?"), read_back("parts.jsonl", PARTS)
print(f"Seen: all questions texts: {texts}; some in parts: {parts}.")
sys.exit((texts, parts) != (ANSWERS, [7, True, None, {"a": 1}, 1.1, "Three."]))
PY
