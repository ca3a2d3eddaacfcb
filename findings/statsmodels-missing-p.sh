#!/usr/bin/env bash
# Guessed: `multipletests` refuses a p-value of NaN, or corrects the others as if it were
#   not there.
# So: it counts as a test that failed, and by "fdr_bh" every corrected p-value is NaN while
#   `reject` still says yes to some; by "hommel" nothing is rejected at all. Three values
#   that are all significant without it are two, one or none with it.
# With: statsmodels 0.15.0, numpy 2.4.6.
# Matters: an arm without reach has no p-value. It takes the result of other arms with it,
#   and the two answers of one call disagree. Leave NaN out before the correction.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv statsmodels==0.15.0 formulaic==1.2.2 interface_meta==2.0.1 narwhals==2.29.0 \
  numpy==2.4.6 packaging==26.4 pandas==3.1.1 patsy==1.0.3 python-dateutil==4.0.0 \
  scipy==1.17.1 typing_extensions==4.16.0 tzdata==2026.6 wrapt==2.5.2
python -W ignore - <<'PY'
import math
import sys
from importlib.metadata import version

from statsmodels.stats.multitest import multipletests

print("statsmodels", version("statsmodels"), "numpy", version("numpy"))
print("Guess: an error, or 3 rejected with their corrected p-values.")
P = [0.001, 0.02, 0.04]
seen = {}
for method in ("fdr_bh", "holm", "hommel"):
    without = multipletests(P, method=method)[0]
    rejected, corrected = multipletests([*P, math.nan], method=method)[:2]
    lost = sum(math.isnan(p) for p in corrected)
    seen[method] = (int(without.sum()), int(rejected.sum()), lost)
for method, counts in seen.items():
    print("Seen, {}: {} rejected without it, {} with; {} of 4 NaN".format(method, *counts))
sys.exit(seen != {"fdr_bh": (3, 2, 4), "holm": (3, 1, 1), "hommel": (3, 0, 4)})
PY
