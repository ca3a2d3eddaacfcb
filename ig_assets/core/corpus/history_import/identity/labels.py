"""Gives arms their labels.

A label is the arm's name in the file, else the vendor's name of the post, else a hash
of the words.
"""

from __future__ import annotations

import re

from ig_assets.core.corpus.history_import.identity.file_posts import FilePost, image_id
from ig_assets.core.corpus.history_import.identity.known_posts import KnownPost
from ig_assets.core.identity import stable_id

LONGEST_LABEL = 40
SINGLE = "single"
"""The label of a post in no experiment whose file names no arm."""


def new_label(post: FilePost, labels: set[str]) -> str:
    """Return a new unique label for a post of a file.

    The label differs from all in `labels`, and is added to them.
    """
    row = post.row
    label = post.arm[:LONGEST_LABEL] or _of_words(row.revision_hash, row.image)
    return _unique(label, labels)


def label_of_known(known: KnownPost, labels: set[str]) -> str:
    """Return a new unique label for a known post that becomes an arm.

    The label differs from all in `labels`, and is added to them.
    """
    label = known.label[:LONGEST_LABEL]
    if label == SINGLE:
        label = _of_words(known.revision_hash, known.image)
    return _unique(label, labels)


def may_be_labelled(given: str, label: str) -> bool:
    """Return whether a row may be the arm that is stored with `label`.

    `given` is the row's name of the arm, or "". True if `given` is "", or if `label` is
    `given`, perhaps followed by a number that made it unique.
    """
    given = given[:LONGEST_LABEL]
    return given in ("", label) or bool(
        re.fullmatch(f"{re.escape(given)}-[0-9]+", label)
    )


def is_made_of_words(known: KnownPost) -> bool:
    """Return whether a known arm's label is a hash of its words.

    The label is such a hash if no file named the arm.
    """
    made = _of_words(known.revision_hash, known.image)
    return known.label == made or known.label.startswith(f"{made}-")


def _of_words(revision_hash: str, image: str) -> str:
    return f"arm-{stable_id('arm', revision_hash, image_id(image))[:6]}"


def _unique(label: str, labels: set[str]) -> str:
    if label in labels:
        nth = next(n for n in range(2, len(labels) + 3) if f"{label}-{n}" not in labels)
        label = f"{label}-{nth}"
    labels.add(label)
    return label
