#!/usr/bin/env bash
# Guessed: texts of JSON lines come back as texts.
# So: a column whose texts all look like ISO dates or times becomes a timestamp: 2026-01-02
#   comes back as a datetime at midnight, 10:00:00+02:00 as 08:00 without a zone. One
#   other text in the file, and all stay texts. Features named as strings come too late:
#   the text is then "2026-01-02 00:00:00".
# With: datasets 5.2.0, pyarrow 26.0.1.
# Matters: a column's type depends on the month's rows; hooks and answers that are dates
#   are no texts for a trainer, and times lose their zone. Hand over Parquet, whose
#   types are in the file, or rows read by `json` (`Dataset.from_list`).
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
print("Guess: the texts of the file.")


def read_back(name, texts, features=None):
    Path(name).write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    rows = datasets.load_dataset(
        "json", data_files=name, split="train", features=features
    )
    return [value if isinstance(value, str) else value.isoformat() for value in rows["text"]]


DAYS = ["2026-01-02", "2026-01-03"]
TIMES = ["2026-01-02T10:00:00+02:00", "2026-01-02T10:00:00Z"]
named = datasets.Features({"text": datasets.Value("string")})
seen = {
    "days": read_back("days.jsonl", DAYS),
    "times": read_back("times.jsonl", TIMES),
    "days and a word": read_back("words.jsonl", [*DAYS, "soon"]),
    "days, features named": read_back("named.jsonl", DAYS, named),
}
for what, texts in seen.items():
    print(f"Seen: {what}: {texts}")
sys.exit(
    list(seen.values())
    != [
        ["2026-01-02T00:00:00", "2026-01-03T00:00:00"],
        ["2026-01-02T08:00:00", "2026-01-02T10:00:00"],
        [*DAYS, "soon"],
        ["2026-01-02 00:00:00", "2026-01-03 00:00:00"],
    ]
)
PY
