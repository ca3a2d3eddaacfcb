"""Reads a recorded history: cumulative counters of posts, one snapshot per row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ig_assets.core.corpus.history_import.tables import BROKEN_LINE, read_frame
from ig_assets.core.experiments.engagement.columns import COUNTERS, map_columns
from ig_assets.core.experiments.stats.e_values import Floats
from ig_assets.core.identity import stable_id
from ig_assets.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Instants = npt.NDArray[np.datetime64]
DAY = np.timedelta64(1, "D")

_ISO_DAY = r"\d{4}-\d{2}-\d{2}"
_ISO_INSTANT = _ISO_DAY + r"([T ].+)?"


@dataclass(frozen=True)
class Recording:
    """Recorded posts and their snapshots; a post's lie together, in time's order.

    `post_ids` (posts) name the recorded posts, `published_at` their birth, `starts`
    (posts + 1) delimits their snapshots. `observed_at` (snapshots) is by when a
    counter was read: a day without a time means that day's end. `counters` hold one
    value per snapshot, NaN where nothing was recorded. `rejects` says why rows were
    left out: (row number, reason).
    """

    post_ids: list[str]
    published_at: Instants
    starts: npt.NDArray[np.int64]
    observed_at: Instants
    counters: Mapping[str, Floats]
    rejects: Sequence[tuple[int, str]]
    rows_read: int
    mapping: Mapping[str, str]

    def snapshots(self, post: int) -> slice:
        """Where a post's snapshots lie."""
        return slice(int(self.starts[post]), int(self.starts[post + 1]))


def read_recording(file: Path, columns: Mapping[str, str] | None = None) -> Recording:
    """Read CSV(.gz), JSONL(.gz) or Parquet with one row per post and reading.

    `columns` ({ours: theirs}) is put over the guess. Without a post_id, title, author
    and birth together are the post. Of several rows of one post and instant the last
    one counts. Raises InputError when the file cannot be read, when it names no post,
    no day or no counter, or when no row of it can be used.
    """
    frame, bad_lines = read_frame(file)
    mapping = map_columns([str(c) for c in frame.columns], columns or {}, file.name)
    table, rejects = _usable(frame, mapping)
    rejects += [(len(frame) + n, "broken row") for n in range(1, len(bad_lines) + 1)]
    if table.empty:
        raise InputError(
            f"No row of {file.name} is a snapshot of a post"
            + (f" (row {rejects[0][0]}: {rejects[0][1]})." if rejects else ".")
        )
    return _recording(table, rejects, len(frame) + len(bad_lines), mapping)


def _usable(
    frame: pd.DataFrame, mapping: Mapping[str, str]
) -> tuple[pd.DataFrame, list[tuple[int, str]]]:
    """The rows that are snapshots, parsed; and why the others are not."""
    import pandas as pd

    text = pd.DataFrame(
        {
            ours: frame[theirs].astype(str).str.strip()
            for ours, theirs in mapping.items()
        }
    )
    table = pd.DataFrame(index=text.index)
    table["post"] = _posts(text)
    table["observed_at"], is_day = _instants(text["observed_on"])
    table.loc[is_day, "observed_at"] += pd.Timedelta(days=1)
    table["published_at"] = pd.NaT
    if "published_at" in text:
        table["published_at"], _ = _instants(text["published_at"])
    why = pd.Series("", index=text.index)
    if BROKEN_LINE in frame.columns:
        why[frame[BROKEN_LINE] != ""] = "broken row"
    why[(why == "") & (table["post"] == "")] = "names no post"
    why[(why == "") & table["observed_at"].isna()] = "not a day such as 2026-01-31"
    if "published_at" in text:
        bad = (text["published_at"] != "") & table["published_at"].isna()
        why[(why == "") & bad] = "not a time of publication"
    for name in set(COUNTERS) & set(mapping):
        table[name] = pd.to_numeric(text[name], errors="coerce").astype(float)
        bad = (text[name] != "") & ~np.isfinite(table[name])
        why[(why == "") & bad] = f"`{name}` is not a number"
        why[(why == "") & (table[name] < 0)] = f"`{name}` is below 0"
    early = table["observed_at"] < table["published_at"]
    why[(why == "") & early] = "read before it was published"
    rejects = [(n, str(reason)) for n, reason in enumerate(why, 1) if reason]
    return table[why == ""], rejects


def _posts(text: pd.DataFrame) -> pd.Series:
    """What names each row's post; "" where nothing does."""
    import pandas as pd

    if "post_id" in text:
        return text["post_id"]
    parts = [c for c in ("title", "author", "published_at") if c in text]
    ids = {
        key: stable_id("recorded post", *key) if key[0] else ""
        for key in set(text[parts].itertuples(index=False, name=None))
    }
    keys = text[parts].itertuples(index=False, name=None)
    return pd.Series([ids[key] for key in keys], index=text.index)


def _instants(texts: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Naive UTC instants, NaT where there is none; and which are days without a time.

    A day is written as YYYY-MM-DD. pandas' `ISO8601` alone would take `2026` for its
    first of January and `2026/11/28` for a midnight (seen with pandas 3.1.1).
    """
    import pandas as pd

    texts = texts.where(texts.str.fullmatch(_ISO_INSTANT), "")
    parsed = pd.to_datetime(texts, errors="coerce", utc=True, format="ISO8601")
    naive = parsed.dt.tz_localize(None).astype("datetime64[us]")
    return naive, texts.str.fullmatch(_ISO_DAY) & naive.notna()


def _recording(
    table: pd.DataFrame,
    rejects: list[tuple[int, str]],
    rows_read: int,
    mapping: Mapping[str, str],
) -> Recording:
    table = table.drop_duplicates(["post", "observed_at"], keep="last")
    table = table.sort_values(["post", "observed_at"], kind="stable")
    posts, firsts = np.unique(table["post"].to_numpy(str), return_index=True)
    grouped = table.groupby("post", sort=True)
    first_seen = grouped["observed_at"].min().to_numpy("datetime64[us]")
    births = grouped["published_at"].min().to_numpy("datetime64[us]")
    # An unrecorded publication was at the latest within the day before the first row.
    births = np.where(np.isnat(births), first_seen - DAY, births)
    return Recording(
        post_ids=posts.tolist(),
        published_at=births,
        starts=np.append(firsts, len(table)).astype(np.int64),
        observed_at=table["observed_at"].to_numpy("datetime64[us]"),
        counters={
            name: table[name].to_numpy(np.float64)
            for name in COUNTERS
            if name in mapping
        },
        rejects=tuple(sorted(rejects)),
        rows_read=rows_read,
        mapping=mapping,
    )


def as_datetime(instant: Any) -> datetime:
    """A numpy instant as a naive UTC datetime."""
    found: datetime = instant.astype("datetime64[us]").item()
    return found
