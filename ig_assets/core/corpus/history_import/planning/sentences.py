"""Builds the notes of an import's summary: the assumptions, and their consequences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Sized
from datetime import datetime

from ig_assets.core.corpus.history_import.identity.file_posts import GroupedRows
from ig_assets.core.corpus.history_import.identity.known_posts import (
    KnownHistory,
    KnownTest,
)
from ig_assets.core.corpus.history_import.planning.arms import ImportedArm
from ig_assets.core.corpus.history_import.planning.experiments import (
    ImportedExperiment,
    Terms,
    has_other_rate,
)
from ig_assets.core.corpus.history_import.planning.rates import RatedPosts
from ig_assets.core.corpus.history_import.reading.rows import ParsedHistory

NAMED_TESTS = 3


def counted(things: int | Sized, noun: str) -> str:
    """Return a number with its noun: `1 post` or `1,200 posts`."""
    number = things if isinstance(things, int) else len(things)
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def rate_notes(
    rated: RatedPosts, history: ParsedHistory, apart: int
) -> tuple[str, ...]:
    """Return notes on how posts are rated, and on posts without a rate.

    `apart` is the number of arms that lack the counts of their test's rate.
    """
    notes = []
    numerator = history.numerator
    if len(rated.by_denominator) > 1:
        by = " and ".join(
            f"{counted(number, 'post')} by {name}"
            for name, number in rated.by_denominator.items()
        )
        notes.append(f"Rated apart: {by}; no rate mixes them.")
    if apart:
        notes.append(
            f"{counted(apart, 'post')} without the counts by which most arms of their "
            "test are rated: no part of the test, whatever file brings them, until "
            "these counts come."
        )
    if rated.unrated and numerator and history.denominator:
        notes.append(
            f"{counted(rated.unrated, 'post')} without {numerator} or without what it "
            "is divided by: no rate, so that they decide nothing."
        )
    return tuple(notes)


def experiment_notes(
    experiments: Sequence[ImportedExperiment],
    terms: Terms,
    known: Mapping[str, KnownTest],
    looked: Collection[str],
) -> tuple[str, ...]:
    """Return notes on what was assumed about the tests.

    `looked` are the ids of the experiments whose one permitted z-test has been used.
    """
    new = [e for e in experiments if e["experiment_id"] not in known]
    organic = [e for e in new if not e["randomised"]]
    split = [e for e in new if e["randomised"]]
    notes = []
    if terms.randomised is None and organic:
        sigma = organic[0]["sigma"]
        by = "" if sigma is None else f" (σ {sigma:.2f} from post to post)"
        notes.append(
            f"Taken as organic{by}: {counted(organic, 'test')} whose arms are posts "
            "of their own or ran at different times. --randomised says that one "
            "audience was split at random."
        )
    if terms.randomised is None and split:
        notes.append(
            f"Taken as one audience split at random: {counted(split, 'test')} whose "
            "arms ran at the same time. --no-randomised says that they were not."
        )
    notes += _judged_anew(experiments, known)
    other = [
        e
        for e in experiments
        if terms.randomised and e["experiment_id"] in known and not e["randomised"]
    ]
    if other:
        notes.append(
            f"{counted(other, 'known test')} stay organic, as was said before; "
            "import them with another --source to judge them otherwise."
        )
    larger = [
        e
        for e in experiments
        if terms.sigma is not None and (e["sigma"] or 0.0) > terms.sigma + 1e-6
    ]
    if larger:
        notes.append(
            f"{counted(larger, 'known test')} keep the larger σ that was given before."
        )
    kept_over = [e for e in experiments if terms.running and not e["is_running"]]
    if kept_over:
        notes.append(
            f"--running was not heard for {counted(kept_over, 'test')}: the file's own "
            "column, or newer counts that are known, say that they are over."
        )
    return (*notes, *_state_notes(experiments, known, looked))


def _judged_anew(
    experiments: Sequence[ImportedExperiment], known: Mapping[str, KnownTest]
) -> Iterable[str]:
    """Yield notes on known tests whose split or rate has changed."""
    changed: dict[bool, list[str]] = defaultdict(list)
    rated: dict[str, list[str]] = defaultdict(list)
    for e in experiments:
        test = known.get(e["experiment_id"])
        if test is None:
            continue
        if test.denominator is not None and has_other_rate(e, test):
            rate = f"{e['numerator']} per {e['denominator']}"
            rated[rate].append(e["intent_key"])
        if test.randomised != e["randomised"]:
            changed[e["randomised"]].append(e["intent_key"])
    for rate, tests in rated.items():
        yield (
            f"{counted(tests, 'known test')} rated by {rate} from now on "
            f"({listed(sorted(tests))}), which most of its arms have by now. Looks at "
            "the earlier rate count no more."
        )
    for randomised, tests in changed.items():
        now = (
            "one audience split at random, as a person said"
            if randomised
            else "organic: not all its arms, those of earlier files included, are "
            "parts of one audience at one time. --randomised says that they are"
        )
        yield (
            f"{counted(tests, 'known test')} judged anew ({listed(sorted(tests))}) as "
            f"{now}. Looks under the earlier terms count no more."
        )


def _state_notes(
    experiments: Sequence[ImportedExperiment],
    known: Mapping[str, KnownTest],
    looked: Collection[str],
) -> Iterable[str]:
    """Yield notes on tests that run or have ended, and on how they can be decided.

    `looked` are the ids of the experiments whose one permitted z-test has been used.
    """
    running = [e["experiment_id"] for e in experiments if e["is_running"]]
    over = [
        e["experiment_id"]
        for e in experiments
        if not e["is_running"]
        and e["experiment_id"] in known
        and known[e["experiment_id"]].is_running
    ]
    if waiting := [e for e in running if e not in looked]:
        yield (
            f"Running: {counted(waiting, 'test')}. Only e-values look at them until "
            "they are over; the single look at their end is not spent."
        )
    if spent := [e for e in running if e in looked]:
        yield (
            f"Running again: {counted(spent, 'test')} whose single look was spent when "
            "they were taken as over. Only e-values look at them, at their end too."
        )
    if ended := [e for e in over if e not in looked]:
        yield (
            f"Over now: {counted(ended, 'test')} that were running before; the single "
            "look at their end is taken once every arm has events enough."
        )
    if spent := [e for e in over if e in looked]:
        yield (
            f"Over now: {counted(spent, 'test')} whose single look was spent before; "
            "only e-values look at them."
        )


def arm_notes(arms: Sequence[ImportedArm], known: KnownHistory) -> tuple[str, ...]:
    """Return notes on tests with a single arm, or with arms from several files.

    `known` are the tests and posts of earlier files.
    """
    notes = []
    late: dict[str, list[str]] = defaultdict(list)
    for arm in arms:
        if arm.known is None and arm.experiment_id in known.tests:
            late[arm.post.experiment].append(arm.label)
    if late:
        tests = [f"{test} ({', '.join(sorted(late[test]))})" for test in sorted(late)]
        notes.append(
            f"{counted(late, 'known test')} with an arm that no earlier file has: "
            f"{listed(tests)}. Each is compared with the latest counts of the others; "
            "if this is another test, import it with another --source."
        )
    if apart := _new_at_other_times(arms, known):
        notes.append(
            f"{counted(apart, 'known test')} of one audience split at random with a "
            f"new arm that ran at another time, as no arm of a split does: "
            f"{listed(apart)}. It stays randomised, as was said of it; "
            "--no-randomised says that it is none."
        )
    joined = sorted({arm.post.experiment for arm in arms if arm.joined})
    if joined:
        notes.append(
            f"{counted(joined, 'test')} with arms in files of their own, an earlier "
            f"one and this: {listed(joined)}."
        )
    lone = sorted(
        {arm.post.experiment for arm in arms if arm.is_lone and not arm.is_apart}
    )
    if lone:
        notes.append(
            f"{counted(lone, 'test')} with one arm so far, which is compared with "
            f"nothing: {listed(lone)}. A file with another arm of the same test makes "
            "it one, if it is imported with the same --source."
        )
    return tuple(notes)


def _new_at_other_times(arms: Sequence[ImportedArm], known: KnownHistory) -> list[str]:
    """Return the names of split tests whose new arms were posted on another day.

    A split means that a person stated that one audience was divided at random. Only
    tests whose known arms were all posted on the same day are examined.
    """
    days: dict[str | None, set[datetime | None]] = defaultdict(set)
    given: dict[str | None, bool] = defaultdict(bool)
    for post in known.posts:
        days[post.experiment_id].add(post.posted_on)
        given[post.experiment_id] |= bool(post.split_given)
    return sorted(
        {
            arm.post.experiment
            for arm in arms
            if arm.known is None
            and (test := known.tests.get(arm.experiment_id or ""))
            and test.randomised
            and given[arm.experiment_id]
            and arm.split_given is not False
            and len(days[arm.experiment_id]) == 1
            and arm.row.posted_on not in days[arm.experiment_id]
        }
    )


def named_arms(labels: Sequence[str]) -> str:
    """Return a list of arms with its noun: `arm b` or `arms b, c`."""
    return f"{'arm' if len(labels) == 1 else 'arms'} {listed(labels)}"


def listed(names: Sequence[str]) -> str:
    """Return the first three names, and how many more there are."""
    more = len(names) - NAMED_TESTS
    first = ", ".join(names[:NAMED_TESTS])
    return first if more <= 0 else f"{first} and {more:,} more"


def identity_notes(grouped: GroupedRows) -> tuple[str, ...]:
    """Return notes on how the posts are identified, and on rows that repeat others."""
    notes = []
    by_words = sum(not post.names for post in grouped.posts)
    if grouped.rounded:
        notes.append(
            f"A spreadsheet has rounded {counted(grouped.rounded, 'id')} of posts (the "
            f"first is {grouped.rounded[0]}): these posts are known by their words and "
            "date. Import the export as it was downloaded, or open it in Excel with "
            "Data > From Text/CSV and the column as Text."
        )
    elif by_words == len(grouped.posts) and by_words:
        notes.append(
            "The file has no id or permalink of its posts: they are known by their "
            "words and date, and edited words are another post. --map post_id=COLUMN "
            "names one."
        )
    elif by_words:
        notes.append(
            f"{counted(by_words, 'post')} without an id or permalink: known by words "
            "and date."
        )
    several = sum(len(post.rows) > 1 for post in grouped.posts)
    if several:
        readings = len({row.line for post in grouped.posts for row in post.rows})
        notes.append(
            f"{counted(readings, 'row')} are readings of "
            f"{counted(len(grouped.posts), 'post')}; the latest counts for the rate."
        )
    if grouped.repeated:
        notes.append(
            f"{counted(grouped.repeated, 'row')} repeated: the same post at the same "
            "time, with the same or smaller counts."
        )
    return tuple(notes)
