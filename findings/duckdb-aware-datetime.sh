#!/usr/bin/env bash
# Guessed: an aware datetime put into a TIMESTAMP column is stored as UTC.
# So: it is stored as the wall time of the session's time zone, which is the machine's
#   unless it is set; two machines write different rows for one instant.
# With: duckdb 1.5.5 (and pytz 2026.2, which it needs for aware values).
# Matters: ages of posts, and comparisons at equal age, are off by hours as soon as a
#   laptop and a server write into one home. Bind naive UTC, or use TIMESTAMPTZ.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv duckdb==1.5.5 pytz==2026.2
python - <<'PY'
import sys
from datetime import datetime, timezone

import duckdb

print("duckdb", duckdb.__version__)
print("Guess: 12:00 UTC is stored as 12:00 in a TIMESTAMP, whatever the session's zone.")
con = duckdb.connect()
con.execute("CREATE TABLE posts (zone TEXT, published_at TIMESTAMP)")
noon = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
    con.execute(f"SET TimeZone = '{zone}'")
    con.execute("INSERT INTO posts VALUES (?, ?)", [zone, noon])
seen = {zone: at.hour for zone, at in con.execute("FROM posts").fetchall()}
print(f"Seen: the hours stored for one instant are {seen}.")
sys.exit(seen != {"UTC": 12, "Asia/Tokyo": 21, "America/New_York": 7})
PY
