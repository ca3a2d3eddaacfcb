#!/usr/bin/env bash
# Guessed: a ranking is measured in the order of its scores, equal ones in the order in
#   which they are given.
# So: scores are compared as float32 and ties are broken by document id, last in the
#   alphabet first. Scores that differ in the ninth digit are a tie, so a right first
#   answer counts as second; renaming the documents changes the figure.
# With: ir-measures 0.4.3, pytrec-eval-terrier 0.5.11.
# Matters: reposts and near-duplicates have almost equal similarities; retrieval looks
#   better or worse by their ids. Pass ranks (n, n - 1, …, 1) as scores.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv ir-measures==0.4.3 pytrec-eval-terrier==0.5.11 numpy==2.4.6
python -W ignore - <<'PY'
import sys
from importlib.metadata import version

import ir_measures
from ir_measures import RR

print("ir-measures", version("ir-measures"), "pytrec-eval-terrier", version("pytrec-eval-terrier"))
print("Guess: the right script is first in each run, so RR is 1.")


def rr(right, other, difference):
    run = {"q": {right: 0.9, other: 0.9 - difference}}
    return ir_measures.calc_aggregate([RR], {"q": {right: 1}}, run)[RR]


seen = {
    (right, other, difference): rr(right, other, difference)
    for right, other in (("a", "b"), ("b", "a"))
    for difference in (1e-3, 1e-9, 0.0)
}
for (right, other, difference), value in seen.items():
    print(f"Seen: {right} before {other} by {difference}: RR {value}")
sys.exit(list(seen.values()) != [1.0, 0.5, 0.5, 1.0, 1.0, 1.0])
PY
