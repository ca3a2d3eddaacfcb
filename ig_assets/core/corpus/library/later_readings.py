"""Leaves out readings that are dated in the future, and records each omission.

Such a reading would stay the latest until its date, even after a correction.
"""

from __future__ import annotations

from dataclasses import replace
from ig_assets.core.corpus.scripts.build import READING
from ig_assets.core.corpus.scripts.parse import FileContents
from ig_assets.core.corpus.scripts.script import LeftOut, ParsedScript
from ig_assets.core.operations.present import Present


def without_later_readings(contents: FileContents, present: Present) -> FileContents:
    """Return the contents of a file without readings that are later than `present`.

    A script whose reading is left out gets an entry in its `left_out`.
    """
    if not any(_is_later(script, present) for script in contents.scripts):
        return contents
    scripts = tuple(_until(script, present) for script in contents.scripts)
    return replace(contents, scripts=scripts)


def _is_later(script: ParsedScript, present: Present) -> bool:
    return script.performance is not None and script.performance.as_of > present.latest


def _until(script: ParsedScript, present: Present) -> ParsedScript:
    if script.performance is None or not _is_later(script, present):
        return script
    detail = (
        f"The reading is of {script.performance.as_of:%Y-%m-%d}, which is after "
        f"{present.day_in_words}; correct it."
    )
    left_out = (*script.left_out, LeftOut(READING, 1, detail))
    return replace(script, performance=None, left_out=left_out)
