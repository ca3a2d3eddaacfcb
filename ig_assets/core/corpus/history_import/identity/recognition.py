"""Recognises that a file is another export of a known source, by the posts they share.

Exports are often named by date. If each file name were taken as a new source, the same
tests would be stored and decided once per file, and repeated looks make false winners
more likely. A file that shares posts with a known source therefore belongs to that
source. In doubt, a person has to state the source.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ig_assets.core.corpus.history_import.identity.file_posts import FilePost, image_id
from ig_assets.core.corpus.history_import.identity.known_posts import (
    TEST,
    KnownHistory,
    KnownPost,
    stored_test_name,
)
from ig_assets.core.corpus.history_import.identity.labels import (
    LONGEST_LABEL,
    SINGLE,
)
from ig_assets.core.corpus.history_import.identity.vendor_names import VendorName
from ig_assets.core.identity import stable_id
from ig_assets.errors import InputError

_NAMED_TESTS = 3


@dataclass
class _Overlap:
    """The numbers of posts, and the names of tests, that a file shares with one source.

    `named` posts share a vendor's name, `dated` posts share words and date, `undated`
    posts share words and have no date, `arms` share test and words. `elsewhere` posts
    share words and date, but belong to a test on one side only (file or source).
    `tests` are the names of the shared tests.
    """

    named: int = 0
    dated: int = 0
    undated: int = 0
    tests: set[str] = field(default_factory=set)
    arms: int = 0
    elsewhere: int = 0

    def is_certain(self, posts: int) -> bool:
        """Return whether a file of `posts` posts certainly belongs to the source."""
        return bool(self.named or self.dated or self.arms) or self.undated * 2 >= posts

    @property
    def count(self) -> int:
        return self.named + self.dated + self.undated + self.arms


def recognise_source(
    posts: Sequence[FilePost],
    known: KnownHistory,
    own: str,
    sources: Collection[str],
    file_name: str,
) -> tuple[str, str | None]:
    """Return (source of a file, note for the user or None).

    `own` is the source that the file's name implies; the note says why another source
    was chosen. `sources` are the known sources. Raises InputError if a person has to
    state the source.
    """
    overlaps = _overlaps(posts, known)
    certain = [s for s, o in overlaps.items() if o.count and o.is_certain(len(posts))]
    if own in certain:
        return own, None
    if len(certain) == 1:
        (source,) = certain
        return source, (
            f"{file_name} is another export of source {source}: "
            f"{overlaps[source].count:,} of its {len(posts):,} posts are known. "
            "If it is not, import it with --source NAME."
        )
    tests = {s: sorted(o.tests) for s, o in overlaps.items() if o.tests}
    if len(certain) > 1 and not any(source in tests for source in certain):
        return own, None  # each post is known by itself
    if len(certain) > 1:
        listed = "; ".join(
            f"{', '.join(tests.get(s, ['posts']))} of {s}" for s in certain
        )
        raise InputError(
            f"{file_name} has tests of several sources ({listed}). Split the file, and "
            "import each part with the --source of its tests, so that none is decided "
            "twice."
        )
    doubtful = [s for s, o in overlaps.items() if o.tests or o.undated or o.elsewhere]
    if not certain and _has_other_arms_only(posts, known, own):
        raise InputError(_question(file_name, [own], tests, own))
    if doubtful and own not in sources:
        raise InputError(_question(file_name, doubtful, tests, own))
    return own, None


def shares_posts(posts: Sequence[FilePost], known: KnownHistory, source: str) -> bool:
    """Return whether the posts show that the file certainly belongs to the source."""
    overlap = _overlaps(posts, known).get(source)
    return overlap is not None and bool(
        overlap.count and overlap.is_certain(len(posts))
    )


def is_same_post(post: FilePost, known: KnownPost) -> bool:
    """Return whether a post of a file and a known post of any source are the same post.

    Two posts are the same if they share a globally unique name, or a name and also
    words or date. Posts that have no vendor's name of the same kind are the same if
    words, image and date are equal.
    """
    shared = known.names.intersection(post.names)
    words = post.row.revision_hash in known.words
    date = post.row.posted_on == known.posted_on
    if shared:
        dated = date and known.posted_on is not None
        return words or dated or any(name.is_global for name in shared)
    if {name.kind for name in post.names} & {name.kind for name in known.names}:
        return False
    return words and date and image_id(post.row.image) == image_id(known.image)


def is_of_same_test(post: FilePost, known: KnownPost) -> bool:
    """Return whether a post and a known post in no experiment agree about their test.

    They agree if both name the same test, or if neither names a test. A post without a
    test is therefore not matched with an arm of the same words, whose counts differ.
    Older versions stored only the arm's name, not the test, of a test with a single
    arm; such a known post agrees with every test.
    """
    tests = {name.value for name in known.names if name.kind == TEST}
    if tests:
        return bool(post.experiment) and stored_test_name(post.experiment) in tests
    return not post.experiment or known.label != SINGLE


def is_same_lone_arm(post: FilePost, known: KnownPost) -> bool:
    """Return whether a post is the same as `known`, its test's only arm so far.

    Test, label, words and image must be equal, whatever the date. If the arm has no
    label, one of the two must also lack a date, as a date may be added later.
    """
    if not post.experiment or known.names.isdisjoint(_test_names(post)):
        return False
    if {name.kind for name in post.names} & {name.kind for name in known.names}:
        return False
    undated = post.row.posted_on is None or known.posted_on is None
    return (
        known.label == (post.row.arm or SINGLE)
        and (bool(post.row.arm) or undated)
        and post.row.revision_hash in known.words
        and image_id(post.row.image) == image_id(known.image)
    )


def _test_names(post: FilePost) -> set[VendorName]:
    return {VendorName(TEST, stored_test_name(post.experiment))}


def is_arm_of(post: FilePost, known: KnownPost) -> bool:
    """Return whether a known arm belongs to the test that the file names for `post`."""
    return known.experiment_id == stable_id("history", known.source, post.experiment)


def _overlaps(posts: Sequence[FilePost], known: KnownHistory) -> Mapping[str, _Overlap]:
    by_name = defaultdict(list)
    by_words = defaultdict(list)
    for found in known.posts:
        by_words[found.revision_hash].append(found)
        for name in found.names:
            by_name[name].append(found)
    tests: dict[str, set[str]] = defaultdict(set)
    for test in known.tests.values():
        tests[test.experiment_id].add(test.source)
    overlaps: dict[str, _Overlap] = defaultdict(_Overlap)
    names = {post.experiment for post in posts} - {""}
    for source in {test.source for test in known.tests.values()}:
        ids = {stable_id("history", source, name): name for name in names}
        overlaps[source].tests |= {ids[i] for i in ids.keys() & known.tests.keys()}
    waiting = {VendorName(TEST, stored_test_name(name)): name for name in names}
    for found in known.posts:
        for single in found.names & waiting.keys() if not found.experiment_id else ():
            overlaps[found.source].tests.add(waiting[single])
    for post in posts:
        of_words = by_words[post.row.revision_hash]
        of_name = [found for name in post.names for found in by_name[name]]
        for source in {found.source for found in (*of_words, *of_name)}:
            overlap = overlaps[source]
            mine = [f for f in of_name if f.source == source and is_same_post(post, f)]
            if mine:
                overlap.named += 1
                continue
            same = [f for f in of_words if f.source == source]
            if post.experiment and any(
                is_arm_of(post, f) and image_id(f.image) == image_id(post.row.image)
                for f in same
            ):
                overlap.arms += 1
                continue
            alike = [f for f in same if not f.experiment_id and is_same_post(post, f)]
            if any(is_of_same_test(post, f) for f in alike):
                overlap.dated += post.row.posted_on is not None
                overlap.undated += post.row.posted_on is None
            else:
                overlap.elsewhere += bool(alike)
    return overlaps


def _question(
    file_name: str,
    sources: Sequence[str],
    tests: Mapping[str, Sequence[str]],
    own: str,
) -> str:
    first = sources[0]
    shared = tests.get(first, ())[:_NAMED_TESTS]
    what = f"tests of the same names ({', '.join(shared)})" if shared else "posts"
    listed = ", ".join(sources)
    return (
        f"{file_name} shares {what} with source {listed}, but it is not clear that it "
        f"is an export of it. Say --source {first} where it is, or --source "
        f"{own if own not in sources else 'NAME'} where it is another one."
    )


def _has_other_arms_only(
    posts: Sequence[FilePost], known: KnownHistory, own: str
) -> bool:
    """Return whether the file has two or more arms of a known test, all of them new.

    Only tests of the source `own` are examined. An arm is new if neither its words nor
    its label are known. (A known label with new words is rejected at a later step.)
    """
    arms: dict[str, list[KnownPost]] = defaultdict(list)
    for arm in known.posts:
        if arm.source == own and arm.experiment_id:
            arms[arm.experiment_id].append(arm)
    tests: dict[str, list[FilePost]] = defaultdict(list)
    for post in posts:
        if post.experiment:
            tests[stable_id("history", own, post.experiment)].append(post)
    for experiment_id in arms.keys() & tests.keys():
        words = {arm.revision_hash for arm in arms[experiment_id]}
        labels = {arm.label for arm in arms[experiment_id]}
        new = [
            post
            for post in tests[experiment_id]
            if post.row.revision_hash not in words
            and post.arm[:LONGEST_LABEL] not in labels
        ]
        if len(new) == len(tests[experiment_id]) > 1:
            return True
    return False
