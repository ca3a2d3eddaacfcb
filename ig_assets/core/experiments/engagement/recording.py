"""Reads a recorded history: cumulative counters of posts, one snapshot per row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ig_assets.core.experiments.engagement.columns import (
    AUDIENCES,
    COUNTERS,
    OPTIONS,
    map_columns,
)
from ig_assets.core.experiments.engagement.snapshots import SnapshotReader
from ig_assets.core.experiments.stats.e_values import Floats
from ig_assets.core.tabular import (
    AmbiguousColumnError,
    UnreadableTableError,
    ambiguous_sentence,
    check_totals,
    decide_formats,
    open_table,
    posted_only,
    profile_table,
    value_options,
    with_times,
    with_zone_column,
)
from ig_assets.errors import InputError

Instants = npt.NDArray[np.datetime64]
DAY = np.timedelta64(1, "D")

_DATES = ("published_at", "observed_on")


@dataclass(frozen=True)
class Recording:
    """Recorded posts and their snapshots, grouped by post in order of time.

    `post_ids` and `published_at` (posts) describe the posts. `starts` (posts + 1) has
    the index of each post's first snapshot. `observed_at` (snapshots) is when the
    counters were read, the end of the day if no time was given. `counters` have one
    value per snapshot, NaN if missing. `rejects` are the rejected rows as (line,
    reason). `rows_read` is the number of all physical rows: taken, rejected and
    skipped. `skipped` is {kind: rows}, with the kinds blank, heading, totals, deleted
    and not posted. `falling` is a sentence on counters that fall, or "". `errors` is
    {counter: number of values that are spreadsheet errors such as #REF!}, and `hidden`
    {counter: number of values that the account hides}.
    """

    post_ids: list[str]
    published_at: Instants
    starts: npt.NDArray[np.int64]
    observed_at: Instants
    counters: Mapping[str, Floats]
    rejects: Sequence[tuple[int, str]]
    rows_read: int
    mapping: Mapping[str, str]
    skipped: Mapping[str, int] = field(default_factory=dict)
    falling: str = ""
    errors: Mapping[str, int] = field(default_factory=dict)
    hidden: Mapping[str, int] = field(default_factory=dict)

    def row_sum(self) -> str:
        """Return a sentence on the rows: how many were taken, rejected and skipped."""
        skipped = sum(self.skipped.values())
        taken = self.rows_read - len(self.rejects) - skipped
        words = (
            f"{self.rows_read} rows: {taken} taken, {len(self.rejects)} rejected, "
            f"{skipped} skipped"
        )
        for kind, count in self.skipped.items():
            words += f" ({kind} {count})"
        if self.rejects:
            line, reason = self.rejects[0]
            words += f"; the first rejected is line {line}: {reason}"
        for name, count in self.errors.items():
            words += f"; {count} of {name} left out as errors of the spreadsheet"
        for name, count in self.hidden.items():
            words += f"; {count} of {name} left out, hidden by their account"
        return f"{words}. {self.falling}".rstrip()

    def snapshots(self, post: int) -> slice:
        """Return the slice of `observed_at` and of each counter for the post `post`."""
        return slice(int(self.starts[post]), int(self.starts[post + 1]))


def read_recording(
    file: Path,
    columns: Mapping[str, str] | None = None,
    today: datetime | None = None,
) -> Recording:
    """Read a CSV, JSON, Parquet or Excel file with one row per post and reading.

    `columns` ({our name: the file's column}) overrides the guess and says how values
    are written. A row that was read after `today` (naive UTC, with a day of tolerance
    for time zones) is rejected; None rejects none. Without a post_id, a post is
    identified by its title, author and time of publication. Of several rows of one post
    and instant the last one counts.

    Raises InputError if the file cannot be read; if it has no usable row, or lacks a
    column of posts, days or counters; if a column's values are ambiguous; and if its
    counters are daily instead of cumulative.
    """
    columns = columns or {}
    try:
        options = value_options(*map(columns.get, OPTIONS))
    except ValueError as error:
        raise InputError(f"IG_REPLAY_COLUMNS: {error}.") from None
    try:
        table = posted_only(open_table(file, file.name))
        table = with_times(table, [*columns.values()])
        profiles = profile_table(table)
        options, _ = with_zone_column(options, profiles)
        indices = map_columns(profiles, columns, file.name)
        formats = decide_formats(
            table,
            {name: at for name, at in indices.items() if name in COUNTERS},
            {name: at for name, at in indices.items() if name in _DATES},
            options,
        )
        found = SnapshotReader(indices, formats, options, today)
        for batch in table.batches():
            found.read(batch)
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(f"The file {file} does not exist.") from None
    except OSError:
        raise InputError(f"The file {file} cannot be opened.") from None
    except UnreadableTableError as error:
        raise InputError(f"{file.name} cannot be read: {error}.") from None
    except AmbiguousColumnError as error:
        how = "{option}=… ({choices}) in IG_REPLAY_COLUMNS"
        raise InputError(ambiguous_sentence(error, file.name, how)) from None
    if not found.posts:
        first = min(found.rejects, default=None)
        raise InputError(
            f"No row of {file.name} is a snapshot of a post"
            + (f" (line {first[0]}: {first[1]})." if first else ".")
        )
    mapping = {ours: table.columns[at] for ours, at in indices.items()}
    hidden = {name: count for name, count in table.hidden.items() if count}
    recording = replace(_recording(found, mapping), hidden=hidden)
    return replace(recording, falling=check_totals(_series(recording), file.name))


def _series(recording: Recording) -> Iterator[tuple[list[list[float]], list[float]]]:
    """Yield (series of views and of reach, series of likes) for each post.

    The first is a list with one series per counter that the file has. Missing values
    are dropped from every series.
    """
    for post in range(len(recording.post_ids)):
        at = recording.snapshots(post)
        found = {name: counts[at] for name, counts in recording.counters.items()}
        known = {name: v[~np.isnan(v)].tolist() for name, v in found.items()}
        yield [known[n] for n in AUDIENCES if n in known], known.get("likes", [])


def _recording(found: SnapshotReader, mapping: Mapping[str, str]) -> Recording:
    import pandas as pd

    table = pd.DataFrame(
        {
            "post": found.posts,
            "observed_at": np.array(found.observed_at, "datetime64[us]"),
            "published_at": np.array(found.published_at, "datetime64[us]"),
            **{name: np.array(v, np.float64) for name, v in found.counters.items()},
        }
    )
    table = table.drop_duplicates(["post", "observed_at"], keep="last")
    table = table.sort_values(["post", "observed_at"], kind="stable")
    posts, firsts = np.unique(table["post"].to_numpy(str), return_index=True)
    grouped = table.groupby("post", sort=True)
    first_seen = grouped["observed_at"].min().to_numpy("datetime64[us]")
    births = grouped["published_at"].min().to_numpy("datetime64[us]")
    # A missing time of publication is taken as one day before the first snapshot.
    births = np.where(np.isnat(births), first_seen - DAY, births)
    return Recording(
        post_ids=posts.tolist(),
        published_at=births,
        starts=np.append(firsts, len(table)).astype(np.int64),
        observed_at=table["observed_at"].to_numpy("datetime64[us]"),
        counters={name: table[name].to_numpy(np.float64) for name in found.counters},
        rejects=tuple(sorted(found.rejects)),
        rows_read=found.rows_read,
        mapping=mapping,
        skipped=dict(found.skipped),
        errors=dict(found.errors),
    )


def as_datetime(instant: Any) -> datetime:
    """Return a numpy instant as a naive UTC datetime."""
    found: datetime = instant.astype("datetime64[us]").item()
    return found
