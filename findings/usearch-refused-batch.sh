#!/usr/bin/env bash
# Guessed: `add` of many keys that raises, since one of them is there already, has added
#   none; or it has added all the others.
# So: with one thread the keys that stand before the known one are in, those after it are
#   not; with several, some of those after it are in too. The same batch without the
#   known key is then refused as well.
# With: usearch 2.26.6, numpy 2.4.6.
# Matters: a sync that caught the error and goes on, or a retry, leaves scripts that no
#   search can find. Take out of a batch what `contains` says is there.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv usearch==2.26.6 numkong==7.8.6 numpy==2.4.6 tqdm==4.70.1
python -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from usearch.index import Index

print("usearch", version("usearch"), "numpy", version("numpy"))
print("Guess: [7] or [5, 6, 7, 8, 9] after the refused batch; the rest is then taken.")
index = Index(ndim=2, dtype="f32", metric="ip")
index.add(7, np.ones(2, dtype=np.float32))


def added(*keys):
    vectors = np.ones((len(keys), 2), dtype=np.float32)
    try:
        index.add(np.array(keys), vectors, threads=1)
    except RuntimeError:
        return "refused", sorted(int(key) for key in index.keys)
    return "taken", sorted(int(key) for key in index.keys)


refused = added(5, 6, 7, 8, 9)
without = added(5, 6, 8, 9)
print(f"Seen: with the known key {refused}, then without it {without}.")
sys.exit((refused, without) != (("refused", [5, 6, 7]),) * 2)
PY
