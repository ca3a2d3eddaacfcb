"""Decides which rows of a file belong to one post, by vendor's names or words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ig_assets.core.corpus.history_import.identity.vendor_names import (
    PERMALINK,
    VendorName,
    vendor_names,
)
from ig_assets.core.corpus.history_import.reading.rows import HistoryRow
from ig_assets.errors import InputError


def image_id(image: str) -> str:
    """Return the image's id, or "" for a link: links change with every export."""
    return "" if "://" in image else image


def with_reading_times(
    rows: Sequence[HistoryRow], mapping: Mapping[str, str]
) -> tuple[Sequence[HistoryRow], tuple[str, ...]]:
    """Take the date column as reading times if it differs between rows of one post.

    Returns (rows, notes). Rows that have a reading time already are returned unchanged.
    Raises InputError if most of the posts with several dates also have several texts,
    since the column of ids is then the wrong one.
    """
    days: dict[VendorName, set[datetime]] = defaultdict(set)
    words: dict[VendorName, set[str]] = defaultdict(set)
    for row in rows:
        for name in vendor_names(row)[:1]:
            words[name].add(row.revision_hash)
            if row.posted_on is not None:
                days[name].add(row.posted_on)
    several = [name for name, found in days.items() if len(found) > 1]
    if not several:
        return rows, ()
    differing = sum(len(words[name]) > 1 for name in several)
    if differing * 2 > len(several):
        kind = "permalink" if several[0].kind == PERMALINK else "post_id"
        column = mapping.get(kind, kind)
        raise InputError(
            f"Column {column} is not the id of a post: its value {several[0].value!r} "
            f"has several texts and dates. Drop it with --map {kind}=, or say which "
            f"column is with --map {kind}=COLUMN."
        )
    if any(row.read_at is not None for row in rows):
        return rows, ()
    note = (
        f"Column {mapping.get('posted_on', 'posted_on')} differs between rows of one "
        "post, so it is taken as the time of the reading, not of the publication."
    )
    moved = [replace(row, read_at=row.posted_on, posted_on=None) for row in rows]
    return moved, (note,)


def keyed_rows(
    rows: Sequence[HistoryRow],
) -> Iterable[tuple[tuple[object, ...], HistoryRow]]:
    """Yield (key, row) for each row; rows with the same key belong to one post.

    A row that cannot be matched with others has a key of its own, made from its number.
    If the post of a row without a test is in several tests, the row is yielded once per
    test, each time with a new number.
    """
    ids: dict[VendorName, VendorName] = {}
    tests: dict[VendorName, set[str]] = defaultdict(set)
    for row in rows:
        names = vendor_names(row)
        for name in names[1:]:
            ids.setdefault(name, names[0])
    first = [_first_name(row, ids) for row in rows]
    for row, named in zip(rows, first, strict=True):
        if named is not None and row.experiment:
            tests[named].add(row.experiment)
    number = max((row.number for row in rows), default=0)
    for row, named in zip(rows, first, strict=True):
        if named is None:
            yield _unnamed_key(row), row
        elif len(tests[named]) < 2:
            yield ("named", named, ""), row
        elif row.experiment:
            yield ("named", named, row.experiment), row
        else:
            for test in sorted(tests[named]):
                number += 1
                yield ("named", named, test), replace(row, number=number)


def _unnamed_key(row: HistoryRow) -> tuple[object, ...]:
    image = image_id(row.image)
    if row.read_at is not None:
        words = (row.revision_hash, row.posted_on, image)
        return ("words", row.experiment, row.arm, *words)
    if not row.experiment and row.posted_on is not None:
        counts = tuple(sorted(row.counts.items()))
        return ("row", row.revision_hash, row.posted_on, image, counts)
    return ("number", row.number)


def _first_name(
    row: HistoryRow, ids: Mapping[VendorName, VendorName]
) -> VendorName | None:
    names = vendor_names(row)
    return ids.get(names[0], names[0]) if names else None
