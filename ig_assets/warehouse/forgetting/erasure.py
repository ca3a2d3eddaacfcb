"""Erase scripts from the tables, by ids and hashes alone.

So an erasure can be repeated without the words: read from a receipt, it is applied to a
restored copy of the warehouse (`replay.py`). A row whose words are erased stays, since
a missing row would be written and paid for again.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ig_assets.warehouse.backends import Connection
from ig_assets.warehouse.forgetting.registry import COLUMNS

FORGOTTEN = "forgotten"
"""The status of a forgotten script, and the rejection of its drafts and variants."""
WINNER = "winner/"
"""The prefix of the script id of a promoted variant; the variant's id follows."""

# Lists are read as JSON by other code; NULL is what a row without beats has.
_NULLED = ("beats", "on_screen_text", "shots")


@dataclass(frozen=True)
class Erasure:
    """The ids and hashes of everything that one request erases.

    `scripts` never come back; `revisions` are their (script id, revision hash).
    `variants` are ids of the variants whose final words are erased, and `drafts` are
    ids of the variants whose draft is erased. `attempts` are "<variant id> <attempt>"
    of polishing attempts. `edits` are "<post id> <microseconds since 1970>" of a
    person's edits. `contents` are the hashes of all erased words; their vectors are
    deleted too. `examples` are ids of training examples of any month, and `models` are
    ids of the models that learnt from one. `words` are the `identity.words_hash` of all
    texts, by which the same words in other letter case or spacing are refused. A
    receipt of an earlier version has no `words`.
    """

    request_id: str
    reason: str
    requested_by: str
    forgotten_at: datetime
    scripts: tuple[str, ...] = ()
    revisions: tuple[tuple[str, str], ...] = ()
    variants: tuple[str, ...] = ()
    drafts: tuple[str, ...] = ()
    attempts: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON types, in the form that `from_json` reads."""
        fields = dataclasses.asdict(self)
        plain: dict[str, Any] = json.loads(json.dumps(fields, default=str))
        return plain | {"forgotten_at": self.forgotten_at.isoformat()}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Erasure:
        """Read what `as_json` returned.

        Raises TypeError or ValueError for other input.
        """
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in fields.items()
        }
        values["revisions"] = tuple((a, b) for a, b in fields["revisions"])
        values["forgotten_at"] = datetime.fromisoformat(fields["forgotten_at"])
        return cls(**values)


@dataclass(frozen=True)
class _Rule:
    """Which rows of a table an erasure empties or deletes.

    A row is selected if its `key` (SQL) is among the erasure's `keys`. `also` is a
    further SQL assignment for a row that is emptied.
    """

    table: str
    key: str
    keys: Callable[[Erasure], Sequence[str]]
    deletes: bool = False
    also: str = ""  # set in a row that is emptied

    @property
    def where(self) -> str:
        return f"{self.key} IN (SELECT unnest(?::TEXT[]))"

    @property
    def is_left(self) -> str:
        """Return the SQL condition of rows that still hold something to erase."""
        if self.deletes:
            return "TRUE"
        of = COLUMNS[self.table]
        words = (f"coalesce({name}, '') <> ''" for name in of.words.split())
        labels = (f"{name} IS NOT NULL" for name in of.labels.split())
        return "(" + " OR ".join([*words, *labels]) + ")"

    @property
    def statement(self) -> str:
        if self.deletes:
            return f"DELETE FROM {self.table} WHERE {self.where}"
        of = COLUMNS[self.table]
        emptied = [
            f"{name} = NULL" if name in _NULLED else f"{name} = ''"
            for name in of.words.split()
        ]
        emptied += [f"{name} = NULL" for name in of.labels.split()]
        if self.also:
            emptied.append(self.also)
        return (
            f"UPDATE {self.table} SET {', '.join(emptied)} "
            f"WHERE {self.where} AND {self.is_left}"
        )


_REJECTED = f"rejection = coalesce(rejection, '{FORGOTTEN}')"

RULES = (
    _Rule("scripts", "script_id", lambda e: e.scripts),
    _Rule("variants", "variant_id", lambda e: e.variants, also=_REJECTED),
    _Rule("drafts", "variant_id", lambda e: e.drafts, also=_REJECTED),
    _Rule("polish_attempts", "variant_id || ' ' || attempt", lambda e: e.attempts),
    _Rule("post_edits", "post_id || ' ' || epoch_us(edited_at)", lambda e: e.edits),
    _Rule("embeddings", "content_hash", lambda e: e.contents, deletes=True),
    _Rule("hook_vectors", "hook_hash", lambda e: e.contents, deletes=True),
    _Rule("index_entries", "script_id", lambda e: e.scripts, deletes=True),
    _Rule("training_examples", "example_id", lambda e: e.examples, deletes=True),
)

_KEEP_EXAMPLES = """
    INSERT INTO forgotten_examples
        (month, example_id, kind, split, request_id, forgotten_at)
    SELECT month, example_id, kind, split, ?, ?
    FROM training_examples AS t
    WHERE example_id IN (SELECT unnest(?::TEXT[]))
        AND NOT EXISTS (
            SELECT 1
            FROM forgotten_examples AS f
            WHERE f.month = t.month
                AND f.example_id = t.example_id
        )
"""

_DECLINE = f"""
    UPDATE posts
    SET status = 'declined', detail = '{FORGOTTEN}'
    WHERE status IN ('proposed', 'approved')
        AND (
            variant_id IN (SELECT unnest(?::TEXT[]))
            OR post_id IN (SELECT unnest(?::TEXT[]))
        )
"""

# Earlier versions quoted words in the details. A file is named by all its revisions.
REMARKS = ("script_left_out", "script_rejects")
"""The tables of remarks about the files of scripts."""
_OF_SOURCES = """
    source_uri IN (
        SELECT source_uri
        FROM scripts
        WHERE script_id IN (SELECT unnest(?::TEXT[]))
    )
"""

_TAINT = """
    INSERT INTO model_events (model_id, changed_at, status, reason)
    SELECT model_id, ?, 'tainted', ?
    FROM models
    WHERE model_id IN (SELECT unnest(?::TEXT[]))
        AND model_id NOT IN (
            SELECT model_id
            FROM model_events
            WHERE status = 'tainted'
        )
"""


def rows_to_erase(con: Connection, erasure: Erasure) -> dict[str, int]:
    """Return {table: number of rows that the erasure would empty or delete}.

    Tables without such rows are left out, so the result is empty once all is erased.
    """
    counts = {}
    for rule in RULES:
        [(count,)] = con.execute(
            f"SELECT count(*) FROM {rule.table} WHERE {rule.where} AND {rule.is_left}",
            [list(rule.keys(erasure))],
        ).fetchall()
        if count:
            counts[rule.table] = int(count)
    for table in REMARKS:
        [(count,)] = con.execute(
            f"SELECT count(*) FROM {table} WHERE {_OF_SOURCES}",
            [list(erasure.scripts)],
        ).fetchall()
        if count:
            counts[table] = int(count)
    return counts


def erase(con: Connection, erasure: Erasure) -> dict[str, int]:
    """Erase in the caller's transaction; return what `rows_to_erase` gave before.

    The scripts get the status `forgotten`. Open posts that would show the words are
    declined. Models that learnt from them get the status `tainted`. Deleted training
    examples are recorded for the manifests of their sets. Remarks about the scripts'
    files are deleted. A second call changes nothing.
    """
    counts = rows_to_erase(con, erasure)
    now = erasure.forgotten_at
    examples = list(erasure.examples)
    con.execute(_KEEP_EXAMPLES, [erasure.request_id, now, examples])
    for rule in RULES:
        con.execute(rule.statement, [list(rule.keys(erasure))])
    for table in REMARKS:
        con.execute(f"DELETE FROM {table} WHERE {_OF_SOURCES}", [list(erasure.scripts)])
    edited = sorted({edit.split(" ")[0] for edit in erasure.edits})
    con.execute(_DECLINE, [list(erasure.variants), edited])
    _note_scripts(con, erasure)
    _note_statuses(con, erasure)
    [(latest,)] = con.execute("SELECT max(changed_at) FROM model_events").fetchall()
    reason = f"learnt from a forgotten script (request {erasure.request_id})"
    con.execute(_TAINT, [_after(now, latest), reason, list(erasure.models)])
    return counts


def _note_scripts(con: Connection, erasure: Erasure) -> None:
    """Add rows to `forgotten`: scripts, and variants that must not become scripts."""
    known = {i for (i,) in con.execute("SELECT script_id FROM forgotten").fetchall()}
    for script_id in _all_scripts(erasure):
        if script_id not in known:
            con.execute(
                "INSERT INTO forgotten "
                "(script_id, reason, requested_by, forgotten_at, receipt) "
                "VALUES (?, ?, ?, ?, ?)",
                [
                    script_id,
                    erasure.reason,
                    erasure.requested_by,
                    erasure.forgotten_at,
                    erasure.request_id,
                ],
            )


def _all_scripts(erasure: Erasure) -> list[str]:
    promoted = (f"{WINNER}{variant_id}" for variant_id in erasure.variants)
    return sorted({*erasure.scripts, *promoted})


def _note_statuses(con: Connection, erasure: Erasure) -> None:
    """Add the status `forgotten` for each revision.

    Scripts with the same revision hash are refused because of it.
    """
    rows = con.execute(
        "SELECT script_id, revision_hash, status, changed_at FROM script_status "
        "WHERE script_id IN (SELECT unnest(?::TEXT[])) ORDER BY changed_at",
        [sorted({script_id for script_id, _ in erasure.revisions})],
    ).fetchall()
    noted = {(row[0], row[1]) for row in rows if row[2] == FORGOTTEN}
    latest = {row[0]: row[3] for row in rows}
    current = {row[0]: row[1] for row in rows}
    # The current revision comes last, so that the latest row still names it.
    revisions = sorted(erasure.revisions, key=lambda r: (current.get(r[0]) == r[1], r))
    for script_id, revision_hash in revisions:
        if (script_id, revision_hash) in noted:
            continue
        at = _after(erasure.forgotten_at, latest.get(script_id))
        latest[script_id] = at
        con.execute(
            "INSERT INTO script_status "
            "(script_id, changed_at, status, revision_hash, reason) "
            "VALUES (?, ?, ?, ?, ?)",
            [script_id, at, FORGOTTEN, revision_hash, erasure.reason],
        )


def _after(now: datetime, last: datetime | None) -> datetime:
    return now if last is None else max(now, last + timedelta(microseconds=1))
