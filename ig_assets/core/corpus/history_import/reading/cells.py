"""Reads the cells of one row of history, and counts the values that it leaves out."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ig_assets.core.corpus.history_import.reading.columns import METRICS
from ig_assets.core.corpus.scripts.decoding import with_line_feeds
from ig_assets.core.corpus.scripts.screening.secret_scan import secret_kind
from ig_assets.core.corpus.scripts.script import (
    MAX_BYTES,
    InvalidSourceError,
    join_script,
)
from ig_assets.core.corpus.scripts.sections.sections import split_parts
from ig_assets.core.corpus.scripts.spoken.directions import has_directions
from ig_assets.core.identity import normalise_text, text_hash
from ig_assets.core.tabular import (
    Cell,
    Formats,
    NestedCellError,
    NotACountError,
    NotAnInstantError,
    SpoiltTextError,
    ValueOptions,
    first_visible_line,
    is_missing,
    parse_cell_instant,
    parse_count,
    repaired,
    sheet_error,
    text_of,
    visible,
)

_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_TRUTH = {"true": True, "1": True, "yes": True} | dict.fromkeys(
    ("", "false", "0", "no"), False
)


class RowReader:
    """Turns the cells of a row into the fields of a `HistoryRow`.

    `indices` is {our column: position}; `labels` is {position: name} of unmapped
    columns that hold labels. A row is rejected if its words or a count of the rate
    cannot be read; any other unreadable field is left out and counted.
    """

    def __init__(
        self,
        indices: Mapping[str, int],
        formats: Formats,
        values: ValueOptions,
        numerator: str | None,
        denominators: Sequence[str],
        simulated: bool | None,
        labels: Mapping[int, str],
    ) -> None:
        self._indices = indices
        self._label_columns = labels
        self._formats = formats
        self._values = values
        self._numerator = numerator
        self._denominators = denominators
        self._simulated = simulated
        self._metrics = [name for name in METRICS if name in indices]
        self._left_out: Counter[tuple[str, str]] = Counter()
        self._ranges: Counter[str] = Counter()
        self._repaired = 0
        self._assumed_utc = False
        self._directions = 0

    def row(self, cells: Sequence[Cell]) -> dict[str, Any]:
        """Return the fields of a `HistoryRow` by name, except number and line.

        Raises InvalidSourceError if the row cannot be used.
        """
        parts = self._words(cells)
        counts = self._counts(cells)
        return {
            **parts,
            "experiment": self._label(cells, "experiment_id"),
            "arm": self._label(cells, "arm"),
            "topic": self._label(cells, "topic"),
            "hook_style": self._label(cells, "hook_style"),
            "language": self._label(cells, "language"),
            "author": self._label(cells, "author"),
            "image": self._label(cells, "image"),
            "post_id": self._label(cells, "post_id"),
            "permalink": self._label(cells, "permalink"),
            "counts": counts,
            "posted_on": self._instant(cells, "posted_on"),
            "read_at": self._instant(cells, "as_of", needed=True),
            "ends_on": self._instant(cells, "ends_on"),
            "is_running": self._flag(cells, "running"),
            "labels": tuple(
                (name, str(cells[at]))
                for at, name in self._label_columns.items()
                if not is_missing(cells[at])
            ),
            "simulated": (
                bool(self._flag(cells, "simulated"))
                if self._simulated is None
                else self._simulated
            ),
        }

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each kind of value left out, repaired or assumed."""
        notes = [
            f"`{name}`: {_values(count)} left out, the first because it {why}."
            for (name, why), count in self._left_out.items()
        ]
        notes += [
            f"`{name}`: {_values(count)} a range of days; the first day was taken."
            for name, count in self._ranges.items()
        ]
        notes += [
            f"`{name}`: times without a zone are of {zone}, as the column's name says."
            for name, zone in self._formats.zones.items()
        ]
        if self._repaired:
            notes.append(
                f"{self._repaired:,} rows had text that was encoded twice; it was "
                "repaired."
            )
        if self._directions:
            texts = "text has" if self._directions == 1 else "texts have"
            notes.append(
                f"{self._directions:,} {texts} directions in brackets, such as "
                "[zoom in], which were kept as they were published."
            )
        if self._assumed_utc:
            notes.append(
                "Times without a zone were taken as UTC; --timezone says another."
            )
        return tuple(notes)

    def _words(self, cells: Sequence[Cell]) -> dict[str, str]:
        names = ("hook", "body", "call_to_action", "text")
        found = (with_line_feeds(self._text(cells, name)) for name in names)
        hook, body, call_to_action, text = found
        hook = " ".join(hook.split())
        if text and not body:
            hook, body, call_to_action = split_parts(
                text, hook or first_visible_line(text), call_to_action, True
            )
        text = text or join_script(hook, body, call_to_action)
        self._directions += has_directions(text)
        if not hook:
            raise InvalidSourceError("no hook", "The row has no hook.")
        if len(text.encode("utf-8")) > MAX_BYTES:
            raise InvalidSourceError("over 64 KiB", "The text is longer than 64 KiB.")
        if kind := secret_kind(text):
            raise InvalidSourceError(
                "looks like a secret", f"The text seems to contain {kind}."
            )
        return {
            "hook": hook,
            "body": body,
            "call_to_action": call_to_action,
            "text": text,
            "revision_hash": text_hash(text),
        }

    def _text(self, cells: Sequence[Cell], name: str) -> str:
        """Return a cell's text without HTML tags, with HTML entities decoded.

        Invisible characters are removed only at both ends. Returns "" if the file has
        no such column. Raises InvalidSourceError if the text is damaged.
        """
        at = self._indices.get(name)
        if at is None:
            return ""
        try:
            text = text_of(cells[at])
        except NestedCellError as error:
            raise InvalidSourceError("broken row", f"`{name}`: {error}.") from None
        if "\x00" in text:
            raise InvalidSourceError("binary", "The text contains NUL characters.")
        try:
            text.encode("utf-8")
            text, was_repaired = repaired(text)
        except UnicodeEncodeError:
            raise InvalidSourceError(
                "invalid UTF-8", "The text has surrogates, which no UTF-8 text has."
            ) from None
        except SpoiltTextError as error:
            raise InvalidSourceError("damaged text", str(error)) from None
        self._repaired += was_repaired
        if "<" in text and _TAG.search(text):
            text = html.unescape(_TAG.sub(" ", text))
            text = re.sub(r"[ \t]+", " ", text)
        return normalise_text(visible(text))

    def _label(self, cells: Sequence[Cell], name: str) -> str:
        at = self._indices.get(name)
        if at is None:
            return ""
        self._note_error(name, cells[at])
        try:
            text, _ = repaired(text_of(cells[at]))
        except (NestedCellError, SpoiltTextError):
            self._left_out[name, "is no readable text"] += 1
            return ""
        return text

    def _counts(self, cells: Sequence[Cell]) -> dict[str, float]:
        counts = {}
        for name in self._metrics:
            try:
                form = self._formats.numbers[name]
                count = parse_count(cells[self._indices[name]], form)
            except NotACountError as error:
                if name in (self._numerator, *self._denominators):
                    raise _bad_count(name, error) from None
                self._left_out[name, str(error)] += 1
                continue
            if count is not None:
                counts[name] = count
            else:
                self._note_error(name, cells[self._indices[name]])
        denominator = next((n for n in self._denominators if n in counts), None)
        events = counts.get(self._numerator or "")
        trials = counts.get(denominator or "")
        if events is not None and trials is not None and events > trials:
            raise InvalidSourceError(
                "impossible counts",
                f"More {self._numerator} than {denominator} are given.",
            )
        return counts

    def _instant(
        self, cells: Sequence[Cell], name: str, needed: bool = False
    ) -> datetime | None:
        at = self._indices.get(name)
        if at is None:
            return None
        try:
            found = parse_cell_instant(cells[at], self._formats.orders[name])
        except NotAnInstantError as error:
            if needed:
                raise InvalidSourceError("not a date", f"`{name}` {error}.") from None
            self._left_out[name, str(error)] += 1
            return None
        if found is None:
            self._note_error(name, cells[at])
            return None
        if found.until is not None:
            if name == "as_of":
                raise InvalidSourceError(
                    "not a date", "`as_of` is a range of days; a reading has one time."
                )
            if name == "ends_on":
                found = replace(found, local=found.until, until=None)
            else:
                self._ranges[name] += 1
        zone = self._formats.zones.get(name)
        if found.zone is None and zone is None and self._values.zone is None:
            self._assumed_utc = True
        return found.utc(zone or self._values.assumed_zone)

    def _note_error(self, name: str, cell: Cell) -> None:
        """Count a cell that holds a spreadsheet's error in place of a value."""
        if error := sheet_error(cell):
            self._left_out[name, f"is {error}, an error of the spreadsheet"] += 1

    def _flag(self, cells: Sequence[Cell], name: str) -> bool | None:
        value = self._label(cells, name).lower()
        if name not in self._indices or (not value and name == "running"):
            return None
        if value not in _TRUTH:
            raise InvalidSourceError(
                "not yes or no", f"`{name}` is neither true nor false."
            )
        return _TRUTH[value]


def _bad_count(name: str, error: NotACountError) -> InvalidSourceError:
    reason = "negative count" if error.why == "negative" else "not a count"
    hint = "; say which with --numbers" if error.why == "doubtful" else ""
    return InvalidSourceError(reason, f"`{name}` {error}{hint}.")


def _values(count: int) -> str:
    return "1 value was" if count == 1 else f"{count:,} values were"
