"""A simulated audience in place of Instagram; all its figures are SIMULATED.

What was published is stored in a small SQLite file, which never contains text. Counters
can be read for any past moment, since each is a function of (seed, intent key, slot,
moment). If a reading is requested within two days of its moment, it may be late, empty
or wrong; a later request for the same moment returns the corrected figure. A post goes
out in its slot. `EffectModel` gives the true effects behind the figures, about half of
which come from the words (`taste.py`). Only tests read them; the loop does not.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import NormalDist

import numpy as np

from ig_assets.adapters.simulated.post_store import open_store
from ig_assets.adapters.simulated.taste import Taste
from ig_assets.core.identity import seeded_unit, stable_id
from ig_assets.core.ports import Published, PublishRequest, Reading

HALF_LIFE_DAYS = 2.0
REACTION_HALF_LIFE_DAYS = 1.8  # below the reach's, so that rates fall with age
REACH_RANGE = (2_000, 10_000)
VIEWS_PER_REACH = 1.3
BASE_RATES = {"likes": 0.05, "comments": 0.006, "shares": 0.009, "saved": 0.014}
EFFECT_SD = 0.27
REST_SD = 0.19  # with what words gain (sd about 0.19) an sd of EFFECT_SD
POST_SD = 0.2
MAX_LAG_HOURS = 48.0
EMPTY_SHARE = 0.02
RESTATED_SHARE = 0.03
RESTATED_BY = 0.02
CORRECTED_AFTER = timedelta(hours=MAX_LAG_HOURS)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS published (
    intent_key TEXT PRIMARY KEY,
    platform_post_id TEXT NOT NULL UNIQUE,
    hook_style TEXT NOT NULL,
    topic TEXT NOT NULL,
    published_at TEXT NOT NULL,
    effect REAL
)
"""


@dataclass(frozen=True)
class EffectModel:
    """The true effect of a script, on the log scale: a function of seed and words.

    `taste` are the preferences, by default those of the seed.
    """

    seed: int
    taste: Taste | None = None

    def effect(self, text: str, topic: str, brief: str = "") -> float:
        """Return the true effect of a script on its topic; sd about 0.27.

        Half of its variance is the `Taste` of the words. The other half is specific to
        hook and topic, so it cannot be learnt from other hooks.
        """
        taste = self.taste or Taste(self.seed)
        hook = text.split("\n\n", 1)[0]
        rest = REST_SD * self._normal("rest", hook, topic)
        return taste.of_text(text, f"{topic} {brief}") + rest

    def effect_of_label(self, hook_style: str, topic: str) -> float:
        """Return the effect that a hook style has on a topic.

        It is used for posts that an earlier release stored without an effect.
        """
        return EFFECT_SD * self._normal("effect", hook_style, topic)

    def luck(self, intent_key: str) -> float:
        """Return the random effect of one post, independent of its script; sd 0.2."""
        return POST_SD * self._normal("luck", intent_key)

    def rate(self, metric: str, effect: float) -> float:
        """Return the share of people reached who finally react.

        The effect changes likes fully and other metrics by half of it, on the log
        scale.
        """
        strength = 1.0 if metric == "likes" else 0.5
        return float(min(0.5, BASE_RATES[metric] * np.exp(strength * effect)))

    def draw(self, *parts: object) -> np.random.RandomState:
        """Return a random generator seeded by the audience's seed and `parts`.

        `parts` are the name of the purpose and ids: equal parts draw equal numbers.
        RandomState is used because its stream never changes (NumPy NEP 19), so that the
        same seed gives the same audience on any machine and version.
        """
        key = "\x1f".join(map(str, (self.seed, *parts))).encode()
        digest = hashlib.sha256(key).digest()
        return np.random.RandomState(int.from_bytes(digest[:4], "big"))

    def _normal(self, *parts: object) -> float:
        unit = seeded_unit(self.seed, *parts)
        return NormalDist().inv_cdf(min(max(unit, 1e-12), 1 - 1e-12))


@dataclass(frozen=True)
class _Post:
    intent_key: str
    platform_post_id: str
    hook_style: str
    topic: str
    published_at: datetime
    effect: float | None


class SimulatedAudience:
    """A simulated `SocialPlatform`; safe between threads and processes.

    `now` returns the present. A figure is corrected if its moment is over two days
    before the present; without `now`, figures are never corrected.
    """

    platform = "simulated_audience"
    can_read_the_past = True
    source_note = None
    metrics: Sequence[str] = ("views", "reach", *BASE_RATES)

    def __init__(
        self, store: Path, seed: int, now: Callable[[], datetime] | None = None
    ) -> None:
        self.store = store
        self.seed = seed
        self._now = now
        self._model = EffectModel(seed)

    def find(self, intent_key: str) -> Published | None:
        """Return what was published with this key, or None."""
        with self._connect() as con:
            post = _one(con, intent_key)
        return None if post is None else _published(post)

    def publish(self, request: PublishRequest) -> Published:
        """Publish in the request's slot; a repeated key returns the same post.

        The effect of the words is computed and stored; the words are not.
        """
        key, labels = request.intent_key, request.labels
        topic = labels.get("topic", "")
        row = (
            key,
            f"sim_{stable_id('simulated post', self.seed, key)}",
            labels.get("hook_style", ""),
            topic,
            request.slot.isoformat(),
            self._model.effect(request.text, topic, labels.get("brief", "")),
        )
        with self._connect() as con:
            con.execute(
                "INSERT OR IGNORE INTO published VALUES (?, ?, ?, ?, ?, ?)", row
            )
            post = _one(con, key)
        assert post is not None
        return _published(post)

    def insights(
        self, platform_post_ids: Sequence[str], as_of: datetime
    ) -> list[Reading]:
        """Return the counters as of `as_of`; unknown posts are left out."""
        with self._connect() as con:
            posts = [p for i in platform_post_ids if (p := _one(con, i)) is not None]
        is_late = self._now is not None and self._now() - as_of > CORRECTED_AFTER
        count = self._corrected if is_late else self._reported
        return [
            Reading(post.platform_post_id, metric, as_of, count(post, metric, as_of))
            for post in posts
            for metric in self.metrics
        ]

    def _reported(self, post: _Post, metric: str, as_of: datetime) -> float | None:
        """Return the count as first reported: late, missing or slightly wrong."""
        age = as_of - post.published_at
        key, moment = post.intent_key, as_of.isoformat()
        lag = MAX_LAG_HOURS * seeded_unit(self.seed, "lag", key)
        if age <= timedelta(hours=lag):
            return None
        if seeded_unit(self.seed, "empty", key, moment) < EMPTY_SHARE:
            return None
        count = float(self._count(post, metric, age / timedelta(days=1)))
        wobble = seeded_unit(self.seed, "restated", key, metric, moment)
        if wobble < RESTATED_SHARE:
            sign = 1 if wobble < RESTATED_SHARE / 2 else -1
            count = float(round(count * (1 + sign * RESTATED_BY)))
        return count

    def _corrected(self, post: _Post, metric: str, as_of: datetime) -> float | None:
        """Return the true count; None before the post was out."""
        age = as_of - post.published_at
        if age <= timedelta(0):
            return None
        return float(self._count(post, metric, age / timedelta(days=1)))

    def _count(self, post: _Post, metric: str, age_days: float) -> int:
        """Return the true cumulative count, which never falls with age."""
        low, high = REACH_RANGE
        unit = seeded_unit(self.seed, "reach", post.intent_key)
        total = int(low * (high / low) ** unit)
        arrived = 1 - 2 ** (-age_days / HALF_LIFE_DAYS)
        if metric == "reach":
            return int(total * arrived)
        if metric == "views":
            return int(total * VIEWS_PER_REACH * arrived)
        effect = post.effect
        if effect is None:
            effect = self._model.effect_of_label(post.hook_style, post.topic)
        effect += self._model.luck(post.intent_key)
        draw = self._model.draw("count", post.intent_key, metric)
        reactions = int(draw.binomial(total, self._model.rate(metric, effect)))
        moments = draw.random_sample(reactions)
        reacted = 1 - 2 ** (-age_days / REACTION_HALF_LIFE_DAYS)
        return int(np.count_nonzero(moments < reacted))

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        with open_store(self.store, _SCHEMA) as con:
            columns = {row[1] for row in con.execute("PRAGMA table_info(published)")}
            if "effect" not in columns:  # a store of an earlier release
                con.execute("ALTER TABLE published ADD COLUMN effect REAL")
            yield con


def _one(con: sqlite3.Connection, key: str) -> _Post | None:
    row = con.execute(
        """
        SELECT intent_key, platform_post_id, hook_style, topic, published_at, effect
        FROM published
        WHERE intent_key = ? OR platform_post_id = ?
        """,
        (key, key),
    ).fetchone()
    if row is None:
        return None
    intent_key, platform_post_id, hook_style, topic, at, effect = row
    published_at = datetime.fromisoformat(at)
    return _Post(intent_key, platform_post_id, hook_style, topic, published_at, effect)


def _published(post: _Post) -> Published:
    return Published(post.platform_post_id, post.published_at)
