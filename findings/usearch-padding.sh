#!/usr/bin/env bash
# Guessed: fewer matches than asked for are marked in the matrix of keys, by -1 as in
#   FAISS or by the greatest key.
# So: for several queries at once, the places that are left in `keys` hold 0, which is a
#   key like any other, beside a distance of NaN. One query alone gives a shorter list,
#   and `counts` or a loop over the matches leaves the places out.
# With: usearch 2.26.6, numpy 2.4.6.
# Matters: examples that are taken from `matches.keys` hold script 0 several times, for
#   each topic with few scripts. Cut each row at its count.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv usearch==2.26.6 numkong==7.8.6 numpy==2.4.6 tqdm==4.70.1
python -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from usearch.index import Index

print("usearch", version("usearch"), "numpy", version("numpy"))
print("Guess: the last two of each row are no key.")
index = Index(ndim=2, dtype="f32", metric="ip")
index.add(np.array([0, 1, 2]), np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float32))
two = index.search(np.array([[1, 0], [0, 1]], dtype=np.float32), 5)
one = index.search(np.array([0, 1], dtype=np.float32), 5)
keys = two.keys.tolist()
loop = [[int(match.key) for match in row] for row in two]
print(f"Seen: keys {keys}, counts {two.counts.tolist()}, by a loop {loop};")
print(f"  distances {two.distances.tolist()}; one query {one.keys.tolist()}.")
sys.exit(
    (keys[0], sorted(keys[1]), [len(row) for row in loop], len(one.keys))
    != ([0, 1, 2, 0, 0], [0, 0, 0, 1, 2], [3, 3], 3)
    or not np.isnan(two.distances[:, 3:]).all()
)
PY
