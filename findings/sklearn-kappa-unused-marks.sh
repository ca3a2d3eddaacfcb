#!/usr/bin/env bash
# Guessed: `cohen_kappa_score(weights="quadratic")` weighs a disagreement by the distance
#   of the two marks.
# So: by the distance of their places among the marks that were given. If nobody gave a 2
#   or a 3, then 1 against 4 costs as much as 4 against 5. `labels=` names the scale.
# With: scikit-learn 1.9.1.
# Matters: agreement of two readers, or of a judge with a reader, changes with marks that
#   a third script happens to get, and cannot be compared between months.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv scikit-learn==1.9.1 cloudpickle==3.1.3 joblib==1.6.0 narwhals==2.29.0 \
  numpy==2.4.6 scipy==1.17.1 threadpoolctl==3.8.0
python -W ignore - <<'PY'
import sys

import sklearn
from sklearn.metrics import cohen_kappa_score

print("scikit-learn", sklearn.__version__)
print("Guess: the same with and without labels; another if 4 and 5 are called 2 and 3.")
ONE, OTHER = [1, 4, 5, 5, 1, 4, 1, 5], [1, 5, 5, 4, 4, 4, 1, 5]
NEAR = {1: 1, 4: 2, 5: 3}
near = [[NEAR[mark] for mark in marks] for marks in (ONE, OTHER)]


def kappa(*marks, **options):
    return round(float(cohen_kappa_score(*marks, weights="quadratic", **options)), 3)


plain, called_otherwise = kappa(ONE, OTHER), kappa(*near)
named = kappa(ONE, OTHER, labels=[1, 2, 3, 4, 5])
print(f"Seen: {plain}; called 2 and 3 {called_otherwise}; with labels 1 to 5 {named}.")
sys.exit((plain, called_otherwise, named) != (0.727, 0.727, 0.763))
PY
