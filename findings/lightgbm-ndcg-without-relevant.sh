#!/usr/bin/env bash
# Guessed: a query without any relevant item counts as 0 in NDCG, or not at all.
# So: in LightGBM it counts as 1, a perfect ranking; scikit-learn's `ndcg_score` gives 0
#   for the same. Nine empty queries and one ranked upside down are 0.93 and 0.03.
# With: lightgbm 4.7.0, scikit-learn 1.9.1.
# Matters: most tests of hooks have no winner. Early stopping and the model that is kept
#   then follow the share of undecided tests. Leave such queries out of the evaluation.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv lightgbm==4.7.0 scikit-learn==1.9.1 cloudpickle==3.1.3 joblib==1.6.0 \
  narwhals==2.29.0 numpy==2.4.6 scipy==1.17.1 threadpoolctl==3.8.0
python -W ignore - <<'PY'
import sys

import lightgbm
import numpy as np
import sklearn
from sklearn.metrics import ndcg_score

print("lightgbm", lightgbm.__version__, "scikit-learn", sklearn.__version__)
print("Guess: both the same.")
SIZE = 10
feature = np.tile(np.arange(SIZE, dtype=float), 10).reshape(-1, 1)
better = np.tile(np.arange(SIZE), 10)  # the last of each query is the best
ranker = lightgbm.LGBMRanker(
    n_estimators=9, min_child_samples=1, label_gain=[*range(SIZE)], verbose=-1
)
winner = np.zeros(100, dtype=int)
winner[0] = 1  # in the first query the one that is ranked last; none elsewhere
history = {}
ranker.fit(
    feature,
    better,
    group=[SIZE] * 10,
    eval_set=[(feature, winner)],
    eval_group=[[SIZE] * 10],
    eval_at=[SIZE],
    callbacks=[lightgbm.record_evaluation(history)],
)
measured = float(history["valid_0"][f"ndcg@{SIZE}"][-1])
scores = ranker.predict(feature).reshape(10, SIZE)
by_sklearn = float(ndcg_score(winner.reshape(10, SIZE), scores))
print(f"Seen: {measured:.2f} by LightGBM, {by_sklearn:.2f} by scikit-learn.")
sys.exit(not (measured > 0.9 and by_sklearn < 0.1))
PY
