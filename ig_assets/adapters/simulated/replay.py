"""Replays a recorded history: real counters of real posts, day by day.

The recorded posts themselves can be read (`recorded`). In addition, each post of the
loop is assigned one of them, drawn by (seed, intent key), and shows that post's
counters at the same age. These counters say nothing about the loop's words, so
experiments on them are marked as simulated. The assignments are stored in a small
SQLite file that never contains text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np

from ig_assets.adapters.simulated.post_store import open_store
from ig_assets.core.experiments.engagement.recording import (
    Recording,
    as_datetime,
    read_recording,
)
from ig_assets.core.identity import seeded_unit, stable_id
from ig_assets.core.ports import Published, PublishRequest, Reading

ENOUGH_SNAPSHOTS = 3
"""A loop's post gets a recorded post with so many snapshots, if there is one."""

ANSWERS_FOR = timedelta(days=1)
"""How long a snapshot is valid; later its counters are unknown until the next one."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS published (
    intent_key TEXT PRIMARY KEY,
    platform_post_id TEXT NOT NULL UNIQUE,
    recorded_id TEXT NOT NULL,
    published_at TEXT NOT NULL
)
"""


class ReplayedHistory:
    """A `SocialPlatform` from a recording; safe between threads and processes.

    The file is read at first use. Raises InputError if it is not a recording.
    """

    platform = "replay"
    can_read_the_past = True

    def __init__(
        self,
        file: Path,
        store: Path,
        seed: int,
        columns: Mapping[str, str] | None = None,
        today: datetime | None = None,
    ) -> None:
        self.file = file
        self.store = store
        self.seed = seed
        self._columns = columns
        self._today = today

    @cached_property
    def recording(self) -> Recording:
        """The recording in the file."""
        return read_recording(self.file, self._columns, self._today)

    @cached_property
    def metrics(self) -> Sequence[str]:
        """The counters that the recording has."""
        return tuple(self.recording.counters)

    @property
    def source_note(self) -> str:
        """How many rows of the file were accepted, rejected and skipped."""
        return f"{self.file.name}: {self.recording.row_sum()}"

    def recorded(self, since: datetime, until: datetime) -> list[Published]:
        """Return the recorded posts published in [since, until), oldest first."""
        births = self.recording.published_at
        chosen = (births >= np.datetime64(since)) & (births < np.datetime64(until))
        return sorted(
            (
                Published(self.recording.post_ids[n], as_datetime(births[n]))
                for n in np.flatnonzero(chosen)
            ),
            key=lambda post: (post.published_at, post.platform_post_id),
        )

    def find(self, intent_key: str) -> Published | None:
        """Return what was published with this key, or None."""
        with open_store(self.store, _SCHEMA) as con:
            rows = con.execute(
                "SELECT platform_post_id, published_at FROM published "
                "WHERE intent_key = ?",
                (intent_key,),
            ).fetchall()
        return (
            Published(rows[0][0], datetime.fromisoformat(rows[0][1])) if rows else None
        )

    def publish(self, request: PublishRequest) -> Published:
        """Assign a recorded post to the request's post, which goes out in its slot."""
        key = request.intent_key
        row = (
            key,
            f"replay_{stable_id('replayed post', self.seed, key)}",
            self._drawn(key),
            request.slot.isoformat(),
        )
        with open_store(self.store, _SCHEMA) as con:
            con.execute("INSERT OR IGNORE INTO published VALUES (?, ?, ?, ?)", row)
        published = self.find(key)
        assert published is not None
        return published

    def insights(
        self, platform_post_ids: Sequence[str], as_of: datetime
    ) -> list[Reading]:
        """Return the counters of each post's last snapshot in the day before `as_of`.

        For a post of the loop, that day ends when its recorded post had the age that
        the post has at `as_of`. A counter without a snapshot is None. Unknown posts are
        left out.
        """
        given = self._given(platform_post_ids)
        answers = []
        for post_id in platform_post_ids:
            recorded_id, slot = given.get(post_id, (post_id, None))
            post = self._number.get(recorded_id)
            if post is None:
                continue
            birth = as_datetime(self.recording.published_at[post])
            moment = as_of if slot is None else birth + (as_of - slot)
            row = self._row(post, moment)
            for metric, counter in self.recording.counters.items():
                value = None if row is None else float(counter[row])
                if value is not None and np.isnan(value):
                    value = None
                answers.append(Reading(post_id, metric, as_of, value))
        return answers

    @cached_property
    def _number(self) -> dict[str, int]:
        return {name: n for n, name in enumerate(self.recording.post_ids)}

    @cached_property
    def _candidates(self) -> list[str]:
        counts = np.diff(self.recording.starts)
        names = self.recording.post_ids
        rich = [names[n] for n in np.flatnonzero(counts >= ENOUGH_SNAPSHOTS)]
        return rich or names

    def _drawn(self, intent_key: str) -> str:
        """Draw a recorded post for the key, independent of the order of publishing."""
        unit = seeded_unit(self.seed, "replay", intent_key)
        return self._candidates[int(unit * len(self._candidates))]

    def _row(self, post: int, moment: datetime) -> int | None:
        """Return the index of a post's last snapshot in the day before a moment.

        None if there is no such snapshot.
        """
        of = self.recording.snapshots(post)
        observed = self.recording.observed_at[of]
        last = int(np.searchsorted(observed, np.datetime64(moment), side="right")) - 1
        if last < 0 or moment - as_datetime(observed[last]) >= ANSWERS_FOR:
            return None
        return int(of.start) + last

    def _given(self, ids: Sequence[str]) -> dict[str, tuple[str, datetime]]:
        """Return {id: (recorded id, slot)} of those ids that are posts of the loop."""
        with open_store(self.store, _SCHEMA) as con:
            rows = con.execute(
                f"""
                SELECT platform_post_id, recorded_id, published_at
                FROM published
                WHERE platform_post_id IN ({", ".join("?" * len(ids))})
                """,
                tuple(ids),
            ).fetchall()
        return {
            post: (recorded, datetime.fromisoformat(slot))
            for post, recorded, slot in rows
        }
