#!/usr/bin/env bash
# Guessed: dayfirst=True leaves ISO dates alone, for they begin with the year.
# So: 2026-01-02 becomes 1 February, with only a warning, or 2 January where an earlier
#   row has a 13th day: the first row decides for all.
# With: pandas 3.1.1, numpy 2.4.6.
# Matters: one column of mixed exports (German sheets, ISO from an API) moves posts by
#   months. Name the format, and use ISO8601 for ISO.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv pandas==3.1.1 numpy==2.4.6 python-dateutil==2.9.0.post0 six==1.17.0
python -W ignore - <<'PY'
import sys

import pandas as pd

print("pandas", pd.__version__)
print("Guess: 2026-01-02 is 2 January, with dayfirst=True too.")
alone = pd.to_datetime(pd.Series(["2026-01-02"]), dayfirst=True).iloc[-1]
after = pd.to_datetime(pd.Series(["2026-01-13", "2026-01-02"]), dayfirst=True).iloc[-1]
named = pd.to_datetime(pd.Series(["2026-01-02"]), format="ISO8601", dayfirst=True).iloc[-1]
seen = [f"{day:%d %B}" for day in (alone, after, named)]
print(f"Seen: alone {seen[0]}, after 2026-01-13 {seen[1]}, as ISO8601 {seen[2]}.")
sys.exit(seen != ["01 February", "02 January", "02 January"])
PY
