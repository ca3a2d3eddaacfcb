#!/usr/bin/env bash
# Guessed: equal vectors come in the order in which they were added, and the best k are
#   the beginning of the best k + 1.
# So: an inner-product index keeps the first added of equal ones, but lists them last
#   added first: the best of k = 1 is the last of k = 3. An L2 index lists them first
#   added first.
# With: faiss-cpu 1.15.1, numpy 2.4.6.
# Matters: identical scripts (reposts, one hook twice) change places with k, so the
#   examples in a prompt do too. Sort by score and id, and ask for more than you need.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv faiss-cpu==1.15.1 numpy==2.4.6 packaging==26.3
python - <<'PY'
import sys

import faiss
import numpy as np

print("faiss", faiss.__version__)
print("Guess: the equal ones are 3, 10, 500 in this order, for every k.")
vectors = np.random.default_rng(0).normal(size=(1000, 384)).astype(np.float32)
faiss.normalize_L2(vectors)
vectors[[10, 500, 900]] = vectors[3]
seen = {}
for index in (faiss.IndexFlatIP(384), faiss.IndexFlatL2(384)):
    index.add(vectors)
    seen[type(index).__name__] = [
        index.search(vectors[3:4], k)[1][0].tolist() for k in (1, 2, 3)
    ]
print(f"Seen: the best 1, 2 and 3 are {seen}.")
sys.exit(
    seen
    != {
        "IndexFlatIP": [[3], [10, 3], [500, 10, 3]],
        "IndexFlatL2": [[3], [3, 10], [3, 10, 500]],
    }
)
PY
