"""Leaves out readings that are dated in the future, and records that it did.

Such a reading would stay the latest until its date, even after somebody corrected it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ig_assets.core.corpus.scripts.build import READING
from ig_assets.core.corpus.scripts.parse import FileContents
from ig_assets.core.corpus.scripts.script import LeftOut, ParsedScript

TOLERANCE = timedelta(days=1)
"""How far ahead of UTC a time may be, since a day begins earlier in other zones."""


def without_later_readings(contents: FileContents, latest: datetime) -> FileContents:
    """Return the contents of a file without readings dated after `latest` (naive UTC).

    A script whose reading is left out gets an entry in its `left_out`.
    """
    if not any(_is_later(script, latest) for script in contents.scripts):
        return contents
    scripts = tuple(_until(script, latest) for script in contents.scripts)
    return replace(contents, scripts=scripts)


def _is_later(script: ParsedScript, latest: datetime) -> bool:
    return script.performance is not None and script.performance.as_of > latest


def _until(script: ParsedScript, latest: datetime) -> ParsedScript:
    if script.performance is None or not _is_later(script, latest):
        return script
    detail = (
        f"The reading is of {script.performance.as_of:%Y-%m-%d}, which is after today; "
        "correct it."
    )
    left_out = (*script.left_out, LeftOut(READING, 1, detail))
    return replace(script, performance=None, left_out=left_out)
