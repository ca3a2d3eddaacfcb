"""Reads the posts and tests of earlier imports that a file may repeat."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ig_assets.core.corpus.history_import.identity.vendor_names import VendorName
from ig_assets.core.corpus.history_import.reading.sources import PastImport
from ig_assets.core.identity import stable_id
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

TEST_NAME_LENGTH = 200
SIGMA_DIGITS = 6
"""Number of digits after the decimal point to which a stated σ is rounded."""
TEST = "test"
"""Kind of a row of `vendor_post_names` that names the test of a post in no experiment.
"""
IMAGE = "image:"
"""Prefix of `posts.detail` for a post that is known to show an image."""

_TESTS = """
SELECT experiment_id, intent_key, numerator, denominator, randomised, sigma,
       ends_at, is_running
FROM experiments
WHERE segment = 'history'
  AND (
      intent_key IN (SELECT unnest(?::TEXT[]))
      OR experiment_id IN (SELECT unnest(?::TEXT[]))
      OR experiment_id IN (
          SELECT experiment_id
          FROM posts
          WHERE platform = 'history'
            AND published_revision_hash IN (SELECT unnest(?::TEXT[]))
      )
  )
"""

_POSTS = """
SELECT post_id, experiment_id, arm, script_id, published_revision_hash AS revision_hash,
       published_at AS posted_on, detail, split_given, sigma_given
FROM posts
WHERE platform = 'history'
  AND (
      experiment_id IN (SELECT unnest(?::TEXT[]))
      OR experiment_id IS NULL
         AND published_revision_hash IN (SELECT unnest(?::TEXT[]))
      OR post_id IN (
          SELECT post_id
          FROM vendor_post_names
          WHERE value IN (SELECT unnest(?::TEXT[]))
      )
  )
ORDER BY post_id
"""

_NAMES = """
SELECT source, kind, value, post_id
FROM vendor_post_names
WHERE post_id IN (SELECT unnest(?::TEXT[]))
ORDER BY post_id, kind, value
"""

_REVISIONS = """
SELECT script_id, revision_hash
FROM scripts
WHERE script_id IN (SELECT unnest(?::TEXT[]))
"""

_COUNTS = """
SELECT post_id, metric, value, as_of
FROM current_readings
WHERE post_id IN (SELECT unnest(?::TEXT[]))
  AND age_hours IS NULL
ORDER BY post_id, as_of
"""


@dataclass(frozen=True)
class KnownTest:
    """A test of earlier imports, as it is stored now.

    `name` is the name from the file, in its stored spelling.
    """

    experiment_id: str
    source: str
    numerator: str | None
    denominator: str | None
    randomised: bool
    sigma: float | None
    ends_at: datetime | None
    is_running: bool
    name: str = ""


@dataclass(frozen=True)
class KnownPost:
    """A post of earlier imports with the counts of all its readings.

    `label` is the arm's label. `revision_hash` identifies the words at publication;
    `words` holds the hashes of all revisions of the script. `readings` maps each
    reading time to its counts. `split_given` and `sigma_given` are what a person stated
    about the test.
    """

    post_id: str
    source: str
    experiment_id: str | None
    label: str
    script_id: str
    revision_hash: str
    words: frozenset[str]
    posted_on: datetime | None
    image: str
    names: frozenset[VendorName]
    readings: Mapping[datetime, Mapping[str, float]]
    split_given: bool | None = None
    sigma_given: float | None = None

    @property
    def read_at(self) -> datetime | None:
        """Return the reading time of the latest reading; None without readings."""
        return max(self.readings, default=None)

    @property
    def counts(self) -> Mapping[str, float]:
        """Return {metric: its latest known value}."""
        latest: dict[str, float] = {}
        for time in sorted(self.readings):
            latest |= self.readings[time]
        return latest


@dataclass(frozen=True)
class KnownHistory:
    """The posts and tests of earlier imports that a file may repeat.

    `tests` is {experiment_id: test}.
    """

    tests: Mapping[str, KnownTest] = field(default_factory=dict)
    posts: Sequence[KnownPost] = ()


def known_history(
    con: Connection,
    past: Sequence[PastImport],
    sources: Collection[str],
    tests: Collection[str],
    revisions: Collection[str],
    names: Iterable[VendorName],
) -> KnownHistory:
    """Read the posts and tests of earlier imports that a file may repeat.

    `tests` (names of tests), `revisions` (hashes of words) and `names` are those of the
    file; a stored post or test is read if it shares one of them. `past` are all earlier
    imports. `sources` are the sources to which the file may belong; stored posts and
    tests of other sources are read too, but not those whose source cannot be
    determined.
    """
    every = list(dict.fromkeys([*sources, *(done.source for done in past)]))
    own = {
        stable_id("history", source, test): source
        for source in sources
        for test in tests
    }
    found = _tests(con, every, tests, own, revisions)
    posts = fetch_dicts(
        con,
        _POSTS,
        [
            list(found),
            list(revisions),
            sorted({*(name.value for name in names), *map(stored_test_name, tests)}),
        ],
    )
    ids = [post["post_id"] for post in posts]
    named, source_of_name = _names(con, ids)
    readings = _readings(con, ids)
    words: dict[str, list[str]] = defaultdict(list)
    scripts = sorted({post["script_id"] for post in posts if post["script_id"]})
    for script_id, revision_hash in con.execute(_REVISIONS, [scripts]).fetchall():
        words[script_id].append(revision_hash)
    unnamed = {
        stable_id("post", "history", done.import_id, number): done.source
        for done in past
        if done.source == done.content_hash
        for number in range(1, done.rows_read + 1)
    }
    same = Counter(_content(post) for post in posts)
    known = []
    for post in posts:
        post_id, experiment_id = post["post_id"], post["experiment_id"]
        test = found.get(experiment_id)
        source = (
            test.source
            if test is not None
            else source_of_name.get(post_id)
            or unnamed.get(post_id)
            or _source_of_single(post, every, same[_content(post)])
        )
        if source is None:
            continue
        image = (post["detail"] or "").removeprefix(IMAGE)
        known.append(
            KnownPost(
                post_id=post_id,
                source=source,
                experiment_id=experiment_id,
                label=post["arm"],
                script_id=post["script_id"],
                revision_hash=post["revision_hash"],
                words=frozenset((post["revision_hash"], *words[post["script_id"]])),
                posted_on=post["posted_on"],
                image=image,
                names=frozenset(named.get(post_id, ())),
                readings=readings.get(post_id, {}),
                split_given=post["split_given"],
                sigma_given=_rounded(post["sigma_given"]),
            )
        )
    return KnownHistory(found, known)


def _rounded(sigma: float | None) -> float | None:
    """Return a stored σ with the precision in which people state it."""
    return None if sigma is None else round(sigma, SIGMA_DIGITS)


def _tests(
    con: Connection,
    sources: Sequence[str],
    tests: Collection[str],
    own: Mapping[str, str],
    revisions: Collection[str],
) -> dict[str, KnownTest]:
    """Return {experiment id: test} of the stored tests that a file may repeat.

    These are tests with a name in `tests`, an id in `own` or a text in `revisions`
    (hashes of words). `own` is {id that a test of the file would have: source}. For any
    other id, the source is found by trying `sources`; if none of them yields the id,
    the test is left out.
    """
    stored = {stored_test_name(test): test for test in tests}
    found = {}
    values = [list(stored), list(own), list(revisions)]
    for row in fetch_dicts(con, _TESTS, values):
        experiment_id, name = row["experiment_id"], row.pop("intent_key")
        test = stored.get(name, name)
        source = own.get(experiment_id) or next(
            (s for s in sources if stable_id("history", s, test) == experiment_id), None
        )
        if source is not None:
            running = bool(row.pop("is_running"))
            found[experiment_id] = KnownTest(
                source=source, is_running=running, name=name, **row
            )
    return found


def stored_test_name(test: str) -> str:
    """Return a test's name as it is stored: at most 200 characters and without NUL."""
    return test.replace("\x00", "")[:TEST_NAME_LENGTH]


def _names(
    con: Connection, post_ids: Sequence[str]
) -> tuple[dict[str, list[VendorName]], dict[str, str]]:
    """Return ({post_id: names}, {post_id: source})."""
    names: dict[str, list[VendorName]] = defaultdict(list)
    sources: dict[str, str] = {}
    for row in fetch_dicts(con, _NAMES, [list(post_ids)]):
        names[row["post_id"]].append(VendorName(row["kind"], row["value"]))
        sources.setdefault(row["post_id"], row["source"])
    return names, sources


def _readings(
    con: Connection, post_ids: Sequence[str]
) -> dict[str, dict[datetime, dict[str, float]]]:
    """Return {post_id: {reading time: {metric: value}}}."""
    readings: dict[str, dict[datetime, dict[str, float]]] = {}
    for post_id, metric, value, as_of in con.execute(
        _COUNTS, [list(post_ids)]
    ).fetchall():
        if value is not None:
            times = readings.setdefault(post_id, {})
            times.setdefault(as_of, {})[metric] = value
    return readings


def _source_of_single(
    post: Mapping[str, Any], sources: Sequence[str], same: int
) -> str | None:
    """Return the source of a post that belongs to no test, or None if no source fits.

    Such a post's id is a hash of source, content and a running number. All `sources`
    are tried, with the numbers below `same`, the number of posts with this content.
    """
    for source in sources:
        for nth in range(same):
            if stable_id("post", "history", source, *_content(post), nth) == (
                post["post_id"]
            ):
                return source
    return None


def _content(post: Mapping[str, Any]) -> tuple[object, ...]:
    return (post["revision_hash"], post["posted_on"], post["detail"])
