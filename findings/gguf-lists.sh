#!/usr/bin/env bash
# Guessed: a list written into a GGUF file's metadata is there when the file is read.
# So: an empty list is not written at all, without a word, so that "none" and "unknown"
#   are the same; and `contents()` gives a list of lists back as one flat list.
# With: gguf 0.19.0, numpy 2.4.6.
# Matters: which data sets and scripts a model was trained on is kept there; [] of a model
#   without any looks like a model that nobody described. Write JSON in a string.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv gguf==0.19.0 numpy==2.4.6 PyYAML==6.0.4 tqdm==4.70.1 requests==2.34.2 \
  urllib3==2.8.0 idna==3.20 certifi==2026.10.19.post1 charset-normalizer==3.5.3
python -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from gguf import GGUFReader, GGUFWriter

print("gguf", version("gguf"))
print("Guess: each list comes back as it was written.")
LISTS = {"full": ["a", "b"], "empty": [], "nested": [[1, 2], [3]]}
writer = GGUFWriter("model.gguf", "llama")
for name, values in LISTS.items():
    writer.add_array(f"trained.{name}", values)
writer.add_tensor("weights", np.zeros(32, dtype=np.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
fields = GGUFReader("model.gguf").fields
seen = {
    name: fields[f"trained.{name}"].contents() if f"trained.{name}" in fields else "missing"
    for name in LISTS
}
print(f"Seen: {seen}.")
sys.exit(seen != {"full": ["a", "b"], "empty": "missing", "nested": [1, 2, 3]})
PY
