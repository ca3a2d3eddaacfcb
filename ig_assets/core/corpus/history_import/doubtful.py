"""Finds counts that an earlier version of this program lowered, perhaps by mistake.

That version treated the file that was imported last as the newest, even if it was
older. Where the posts' dates show which file is newer, a migration has corrected the
order of the readings. The table `lowered_counts` lists the other readings. Their lower
counts remain the latest until a person, who alone knows which file is newest, imports
that file again.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ig_assets.core.corpus.history_import.planning.sentences import listed
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

_UNSETTLED = """
SELECT l.post_id, l.files, l.as_of, e.intent_key AS test,
       date_trunc('day', l.lowered_at) AS lowered_on
FROM lowered_counts AS l
JOIN posts AS p
  ON p.post_id = l.post_id
LEFT JOIN experiments AS e
  ON e.experiment_id = p.experiment_id
WHERE NOT EXISTS (
    SELECT 1
    FROM engagement AS g
    WHERE g.post_id = l.post_id
      AND g.age_hours IS NULL
      AND (g.as_of > l.as_of OR g.as_of = l.as_of AND g.observed_at > l.lowered_at)
)
ORDER BY lowered_on, l.files, test, l.post_id
"""


@dataclass(frozen=True)
class DoubtfulFiles:
    """Imported files that lowered counts, although they may not be the newest.

    `lowered_on` is the time of that import and `as_of` the latest reading time of the
    lowered counts. `tests` are the names of the affected tests; `posts` is the number
    of affected posts that belong to no test.
    """

    files: str
    lowered_on: datetime
    as_of: datetime
    tests: tuple[str, ...]
    posts: int

    @property
    def sentence(self) -> str:
        """A sentence for the user: which counts fell, which file to import again."""
        what = [f"tests {listed(self.tests)}"] if self.tests else []
        what += [f"{self.posts:,} posts in no test"] if self.posts else []
        newest = self.as_of.replace(microsecond=0) + timedelta(seconds=1)
        return (
            f"Counts of {' and '.join(what)} fell at an import of "
            f"{self.lowered_on:%Y-%m-%d}, by a version that took the file that came "
            f"last for the newest. Import the newest of {self.files} again with "
            f"--as-of {newest:%Y-%m-%dT%H:%M:%S}, whichever it is"
        )


def doubtful_files(con: Connection) -> list[DoubtfulFiles]:
    """Return the imported files that may have lowered counts by mistake.

    Files are left out if a later import has confirmed or corrected the counts.
    """
    groups: dict[tuple[str, datetime], list[dict[str, Any]]] = defaultdict(list)
    for row in fetch_dicts(con, _UNSETTLED):
        groups[row["files"], row["lowered_on"]].append(row)
    return [
        DoubtfulFiles(
            files,
            day,
            max(row["as_of"] for row in rows),
            tuple(sorted({row["test"] for row in rows if row["test"]})),
            sum(not row["test"] for row in rows),
        )
        for (files, day), rows in groups.items()
    ]
