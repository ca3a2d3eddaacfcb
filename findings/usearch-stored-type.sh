#!/usr/bin/env bash
# Guessed: `Index(ndim=…)` keeps float32 vectors as they are given.
# So: it chooses the type by the processor, bf16 where that is fast, and `get` gives the
#   vectors back with what is left of them. With dtype i8 a vector is normalised first,
#   for `l2sq` too, so that one and its tenfold are at distance 0.
# With: usearch 2.26.6, numpy 2.4.6.
# Matters: vectors that are read back to build another index are not those that were paid
#   for, and two machines keep different ones. Say dtype="f32".
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv usearch==2.26.6 numpy==2.4.6 numkong==7.8.6 tqdm==4.70.1
python -W ignore - <<'PY'
import sys

import numpy as np
import usearch
from usearch.index import Index

print("usearch", usearch.__version__)
print("Guess: the vectors come back as they were, and the longer one is farther away.")
vectors = np.random.default_rng(0).normal(size=(100, 64)).astype(np.float32)
kept = {}
for kind in (None, "f32", "bf16"):
    index = Index(ndim=64, metric="cos") if kind is None else Index(
        ndim=64, metric="cos", dtype=kind
    )
    index.add(np.arange(100), vectors)
    kept[kind] = str(index.dtype), float(np.abs(index.get(3) - vectors[3]).max())
lengths = {}
for kind in ("f32", "i8"):
    index = Index(ndim=64, metric="l2sq", dtype=kind)
    index.add(np.arange(2), np.stack([vectors[0], 10 * vectors[0]]))
    found = index.search(vectors[0], 2)
    lengths[kind] = sorted(zip(found.keys.tolist(), found.distances.tolist()))
print(f"Seen: by default {kept[None]}; asked for f32 {kept['f32']}, bf16 {kept['bf16']};")
print(f"  a vector and ten times it, l2sq: f32 {lengths['f32']}, i8 {lengths['i8']}.")
wide = "F32" in kept[None][0]  # a processor without bf16 keeps what it is given
sys.exit(
    kept["f32"][1] != 0
    or kept["bf16"][1] == 0
    or (not wide and kept[None][1] == 0)
    or lengths["f32"][1][1] < 1000
    or lengths["i8"][1][1] != 0
)
PY
