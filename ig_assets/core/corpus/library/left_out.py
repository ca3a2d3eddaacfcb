"""Stores which parts of library files are in no script (table `script_left_out`).

A note's comments, properties and cues are not part of its script. They are counted, and
their text is not stored. Parts that a person should correct are stored with a reason:

- a label or a reading that cannot be read;
- a blank such as `[product name]`, which stays in the script;
- a heading that names no known part, which counts as spoken;
- words in brackets within a sentence, which count as not spoken.
"""

from __future__ import annotations

from typing import TypedDict, cast

from ig_assets.core.corpus.library.parsed_files import LEFT_OUT_COLUMNS, Batch
from ig_assets.core.corpus.library.staging import execute_on_texts, texts
from ig_assets.core.corpus.scripts.build import ASKED, FAULTS, HEADING, SHEET
from ig_assets.core.corpus.scripts.spoken.directions import PLACEHOLDER
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

_DELETE_REPLACED = """
    DELETE FROM script_left_out
    WHERE file_uri IN (SELECT file_uri FROM replaced_files)
"""

_INSERT = f"""
    INSERT INTO script_left_out (file_uri, source_uri, kind, pieces, detail)
    SELECT file_uri, source_uri, kind, CAST(pieces AS INTEGER), nullif(detail, '')
    FROM {texts(LEFT_OUT_COLUMNS)}
"""

_TOTALS = f"""
    SELECT kind, CAST(sum(pieces) AS INTEGER) AS pieces,
        count(DISTINCT source_uri) AS scripts
    FROM script_left_out
    WHERE kind NOT IN ('{PLACEHOLDER}', '{SHEET}', '{HEADING}', '{ASKED}')
    GROUP BY kind
    ORDER BY kind
"""

_FAULTS = f"""
    SELECT source_uri, kind, coalesce(detail, '') AS detail
    FROM script_left_out
    WHERE kind IN {FAULTS}
    ORDER BY source_uri, kind
"""


class LeftOutTotal(TypedDict):
    """How many pieces of one kind were left out, and from how many scripts."""

    kind: str
    pieces: int
    scripts: int


class Fault(TypedDict):
    """A part of an accepted script or file that a person should correct.

    It is a label or a reading that cannot be read, a blank that is not filled in, a
    heading that names no known part, words in brackets within a sentence, or sheets of
    a workbook that are not read.
    """

    source_uri: str
    kind: str
    detail: str


def delete_left_out(con: Connection) -> None:
    """Delete the rows of the files that were parsed or have disappeared."""
    con.execute(_DELETE_REPLACED)


def write_left_out(con: Connection, batch: Batch) -> None:
    """Write the rows of parsed files, after their earlier rows were deleted."""
    if batch.left_out["file_uri"]:
        execute_on_texts(con, batch.left_out, (_INSERT, ()))


def left_out_totals(con: Connection) -> list[LeftOutTotal]:
    """Return the totals of the whole library, one per kind."""
    return cast(list[LeftOutTotal], fetch_dicts(con, _TOTALS))


def faults(con: Connection) -> list[Fault]:
    """Return all parts that a person should correct, ordered by source."""
    return cast(list[Fault], fetch_dicts(con, _FAULTS))
