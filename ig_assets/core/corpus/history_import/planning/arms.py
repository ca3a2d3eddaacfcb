"""Matches the posts of a file with known posts, and makes them arms of experiments.

A post is matched by the vendor's names; an arm also by its name in the file, and by
words and image. Posts that agree in all of these are matched by their counts, or
rejected as undecided. The arms of a test may come in separate files: the first arm is
stored in no experiment until another arm comes. The order of a file's rows does not
matter.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ig_assets.core.corpus.history_import.identity.file_posts import (
    FilePost,
    image_id,
    posts_by,
    published_as,
    words_and_arm,
)
from ig_assets.core.corpus.history_import.identity.known_posts import (
    IMAGE,
    TEST,
    KnownHistory,
    KnownPost,
    stored_test_name,
)
from ig_assets.core.corpus.history_import.identity.labels import (
    LONGEST_LABEL,
    SINGLE,
    label_of_known,
    may_be_labelled,
    new_label,
)
from ig_assets.core.corpus.history_import.identity.matching import (
    KnownLookup,
    differs_by_name,
    match_alike,
)
from ig_assets.core.corpus.history_import.identity.renamed_arms import match_renamed
from ig_assets.core.corpus.history_import.identity.vendor_names import VendorName
from ig_assets.core.corpus.history_import.reading.rows import HistoryRow
from ig_assets.core.identity import ID_LENGTH, stable_id


class JoinedArm(NamedTuple):
    """A test's only arm in earlier files, which now becomes an arm of an experiment."""

    known: KnownPost
    label: str


@dataclass(frozen=True)
class ImportedArm:
    """A post of a file, and its place among the arms of experiments.

    `experiment_id` is None for a post in no experiment. `known` is the same post in
    earlier imports, or None. `joined` are single arms of earlier files that become arms
    of the same experiment. `split_given` and `sigma_given` are a person's statements
    about the test, or None. `is_apart` is true if the post was taken out of its test,
    because it lacks the counts of the test's rate.
    """

    post: FilePost
    post_id: str
    script_id: str
    experiment_id: str | None
    label: str
    known: KnownPost | None = None
    joined: tuple[JoinedArm, ...] = ()
    split_given: bool | None = None
    sigma_given: float | None = None
    is_apart: bool = False

    @property
    def is_lone(self) -> bool:
        """Whether the post names a test but is in no experiment."""
        return self.experiment_id is None and bool(self.post.experiment)

    @property
    def names(self) -> tuple[VendorName, ...]:
        """The vendor's names of the post.

        If the post is the only arm of its test, the name of the test is added.
        """
        if not self.is_lone:
            return self.post.names
        test = VendorName(TEST, stored_test_name(self.post.experiment))
        return (*self.post.names, test)

    @property
    def row(self) -> HistoryRow:
        """The newest row of the post."""
        return self.post.row


@dataclass
class ArmPlan:
    """The arms of a file, and the posts that are rejected.

    `other_words` are all posts of the tests in which a known arm now has other words.
    `alike` are all posts of the tests in which some posts cannot be distinguished, and
    indistinguishable posts without a test.
    """

    arms: list[ImportedArm] = field(default_factory=list)
    other_words: list[FilePost] = field(default_factory=list)
    alike: list[FilePost] = field(default_factory=list)


def script_id_of(row: HistoryRow) -> str:
    """Return the script id of a published text: `history/` and a hash of its words."""
    return f"history/{row.revision_hash[:ID_LENGTH]}"


def image_of(row: HistoryRow) -> str | None:
    """Return the post's image in the form of `posts.detail`, `image:<id>`, or None."""
    return f"{IMAGE}{row.image}" if row.image else None


def experiment_id_of(test: str, source: str) -> str:
    """Return the experiment id of a test, a hash of the source and the test's name."""
    return stable_id("history", source, test)


def make_arms(
    posts: Sequence[FilePost],
    source: str,
    import_id: str,
    known: KnownHistory,
    across_sources: bool,
) -> ArmPlan:
    """Match the posts with known posts, and give new posts an id.

    A test with one arm becomes an experiment when a second arm comes, in this file or
    in another file of the source. Posts are matched within `source`; with
    `across_sources` also with posts of other sources, by the vendor's names.
    """
    plan = ArmPlan()
    ordered = sorted(posts, key=lambda post: post.order)
    lookup = KnownLookup(known, source, across_sources)
    sizes = Counter(post.experiment for post in ordered if post.experiment)
    tests: dict[str, list[FilePost]] = defaultdict(list)
    singles = []
    for post in ordered:
        experiment_id = experiment_id_of(post.experiment, source)
        if post.experiment and (
            sizes[post.experiment] > 1
            or experiment_id in lookup.arms
            or lookup.has_other_arm(post)
        ):
            tests[experiment_id].append(post)
        else:
            singles.append(post)
    for experiment_id, arms in tests.items():
        _add_experiment(plan, experiment_id, arms, lookup)
    _add_singles(plan, singles, source, import_id, lookup)
    return plan


def _add_experiment(
    plan: ArmPlan, experiment_id: str, posts: Sequence[FilePost], lookup: KnownLookup
) -> None:
    """Match the posts of one experiment with known arms, and add them to the plan.

    If one post is undecided, all posts of the experiment are rejected: otherwise the
    new counts of some arms would be compared with older counts of the undecided one.
    """
    made: list[ImportedArm] = []
    waiting = lookup.waiting(posts[0].experiment)
    labels = {known.label for known in lookup.arms[experiment_id]}
    arms = [*lookup.arms[experiment_id], *waiting]

    def add(post: FilePost, known: KnownPost) -> None:
        label = known.label if known.experiment_id else new_label(post, labels)
        script_id = known.script_id
        made.append(
            ImportedArm(post, known.post_id, script_id, experiment_id, label, known)
        )

    left = []
    for post in posts:
        known = lookup.by_name(post, experiment_id)
        if known is None:
            left.append(post)
        else:
            add(post, known)
    new, undecided = [], []
    given = {post.arm[:LONGEST_LABEL] for post in posts}
    for group in posts_by(left, words_and_arm):
        mine = group[0].row.arm[:LONGEST_LABEL]
        candidates = [
            known
            for known in lookup.unused(arms)
            if (known.label == mine or known.label not in given)
            and known.revision_hash == group[0].row.revision_hash
            and image_id(known.image) == image_id(group[0].row.image)
            and may_be_labelled(group[0].row.arm, known.label)
            and not differs_by_name(group[0], known)
        ]
        pairs, rest, alike = match_alike(group, candidates)
        for post, known in pairs:
            add(post, lookup.use(known))
        undecided += alike
        new += rest
    others = lookup.unused(lookup.arms[experiment_id])
    pairs, new, alike = match_renamed(new, others, given)
    for post, known in pairs:
        add(post, lookup.use(known))
    undecided += alike
    pairs, new, alike = _match_singles(new, lookup)
    for post, known in pairs:
        add(post, known)
    if undecided + alike:
        plan.alike += posts
        return
    for post in new:
        if (
            not post.names
            and post.row.arm
            and any(
                may_be_labelled(post.row.arm, known.label)
                for known in lookup.unused(arms)
            )
        ):
            plan.other_words += posts
            return
        label = new_label(post, labels)
        post_id = stable_id("post", "history", experiment_id, label)
        script_id = script_id_of(post.row)
        made.append(ImportedArm(post, post_id, script_id, experiment_id, label))
    joined = tuple(
        JoinedArm(known, label_of_known(known, labels))
        for known in lookup.unused(waiting)
    )
    plan.arms += [*made[:-1], replace(made[-1], joined=joined)]


def _add_singles(
    plan: ArmPlan,
    posts: Sequence[FilePost],
    source: str,
    import_id: str,
    lookup: KnownLookup,
) -> None:
    """Add the file's posts that are in no experiment; some may be known arms."""
    left = []
    for post in posts:
        known = lookup.by_name(post, None)
        if known is None:
            left.append(post)
            continue
        same = [known, *(lookup.arms_by_name(post) if known.experiment_id else ())]
        plan.arms += [
            ImportedArm(post, k.post_id, k.script_id, k.experiment_id, k.label, k)
            for k in same
        ]
    pairs, new, alike = _match_singles(left, lookup)
    plan.alike += alike
    for post, known in pairs:
        plan.arms.append(
            ImportedArm(post, known.post_id, known.script_id, None, known.label, known)
        )
    for group in posts_by(new, published_as):
        first = len(lookup.singles_like(group[0]))
        for nth, post in enumerate(group, first):
            plan.arms.append(
                ImportedArm(
                    post,
                    _single_id(post, source, import_id, nth),
                    script_id_of(post.row),
                    None,
                    post.row.arm or SINGLE,
                )
            )


def _match_singles(
    posts: Sequence[FilePost], lookup: KnownLookup
) -> tuple[list[tuple[FilePost, KnownPost]], list[FilePost], list[FilePost]]:
    """Match posts with known posts that are in no experiment.

    Returns (pairs, new posts, undecided posts).
    """
    pairs, new, undecided = [], [], []
    for group in posts_by(posts, lambda post: (post.experiment, *published_as(post))):
        candidates = lookup.unused(lookup.singles_of(group[0]))
        found, rest, alike = match_alike(group, candidates)
        pairs += [(post, lookup.use(known)) for post, known in found]
        new += rest
        undecided += alike
    return pairs, new, undecided


def _single_id(post: FilePost, source: str, import_id: str, nth: int) -> str:
    """Return the id of a new post in no experiment.

    The id is a hash of the vendor's name if the post has one. Otherwise, in a source
    that has a name, it is a hash of words, date and image, and in a source without a
    name a hash of the row's number. `nth` distinguishes posts with equal words, date
    and image.
    """
    row = post.row
    if post.names:
        return stable_id("post", "history", source, *post.names[0])
    if import_id == stable_id("import", source):
        return stable_id("post", "history", import_id, row.number)
    content = (row.revision_hash, row.posted_on, image_of(row))
    return stable_id("post", "history", source, *content, nth)
