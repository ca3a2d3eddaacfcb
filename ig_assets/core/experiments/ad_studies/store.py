"""Stores split tests and their objects at the vendor.

Rows are written before each request: first the test with its terms, then each object
with the key that its name will contain. After a crash the vendor is searched for that
key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from ig_assets.core.ports import AdStudyTerms
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

ALL_ARMS = ""

_SPLIT = """
SELECT *
FROM split_tests
WHERE split_id = ?
"""

_SPLITS_OF = """
SELECT *
FROM split_tests
WHERE of_experiment_id = ?
ORDER BY planned_at, split_id
"""

_OBJECTS = """
SELECT *
FROM split_objects
WHERE split_id = ?
ORDER BY kind, arm
"""

_STATE = """
SELECT asked_at, object_id
FROM split_objects
WHERE split_id = ?
  AND kind = ?
  AND arm = ?
"""


@dataclass(frozen=True)
class AdStudy:
    """One split test of an experiment's reels; it is an experiment itself.

    `of_experiment_id` is the experiment of the reels, `experiment_id` that of the test.
    `budget` is in whole units of `currency`, other amounts in minor units. `status` is
    planned (an object is missing), paused (all exist), starting, running, stopping or
    stopped. `started_at` is when the start was first requested.
    """

    split_id: str
    of_experiment_id: str
    experiment_id: str
    budget: float
    currency: str
    spend_cap: int
    arm_budget: int
    days: int
    countries: str
    min_age: int
    max_age: int
    payer: str | None
    starts_at: datetime
    ends_at: datetime
    status: str
    planned_at: datetime
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    custom_audiences: str | None = None

    @property
    def audiences(self) -> tuple[str, ...]:
        """Return the ids of the targeted custom audiences; empty for everyone."""
        return tuple(filter(None, (self.custom_audiences or "").split(",")))

    @property
    def terms(self) -> AdStudyTerms:
        """Return the terms that all arms share."""
        return AdStudyTerms(
            spend_cap=self.spend_cap,
            arm_budget=self.arm_budget,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            countries=tuple(self.countries.split(",")),
            min_age=self.min_age,
            max_age=self.max_age,
            payer=self.payer,
            custom_audiences=self.audiences,
        )


@dataclass(frozen=True)
class StoredStudyObject:
    """One object of a split test at the vendor.

    `asked_at` is when its creation was requested. If it is set and `object_id` is None,
    the outcome of that request is unknown.
    """

    split_id: str
    kind: str
    arm: str
    intent_key: str
    of_post_id: str | None = None
    media_id: str | None = None
    object_id: str | None = None
    asked_at: datetime | None = None
    made_at: datetime | None = None

    @property
    def name(self) -> str:
        """Return the object's name at the vendor, with the intent key in brackets."""
        what = f"{self.kind} {self.arm}".strip().replace("_", " ")
        return f"ig_assets split test {self.split_id}: {what} [{self.intent_key}]"


class AdStudyStore:
    """Reads and writes tests and their objects, one short transaction per call."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def study(self, split_id: str) -> AdStudy:
        """Return the test with this id. Raises InputError if there is none."""
        with self._warehouse.transaction() as con:
            return study_of(con, split_id)

    def move(self, split_id: str, before: Sequence[str], **changes: Any) -> AdStudy:
        """Call the module's function `move` in a new transaction."""
        with self._warehouse.transaction() as con:
            return move(con, split_id, before, **changes)

    def objects(self, split_id: str) -> dict[tuple[str, str], StoredStudyObject]:
        """Return {(kind, arm): object} of a test."""
        with self._warehouse.transaction() as con:
            rows = fetch_dicts(con, _OBJECTS, [split_id])
        return {(row["kind"], row["arm"]): StoredStudyObject(**row) for row in rows}

    def claim(self, known: StoredStudyObject, now: datetime) -> bool:
        """Mark an object as requested at `now`; return False if another process did."""
        with self._warehouse.transaction() as con:
            key = [known.split_id, known.kind, known.arm]
            state = con.execute(_STATE, key).fetchall()
            if state != [(known.asked_at, None)]:
                return False
            write_rows(con, [replace(known, asked_at=now)])
        return True

    def write(self, known: StoredStudyObject) -> None:
        """Store the present state of an object."""
        with self._warehouse.transaction() as con:
            write_rows(con, [known])


def study_of(con: Connection, split_id: str) -> AdStudy:
    """Return the test with this id. Raises InputError if there is none."""
    rows = fetch_dicts(con, _SPLIT, [split_id])
    if not rows:
        raise InputError(
            f"There is no split test {split_id}; `ig-assets split list` shows them all."
        )
    return AdStudy(**rows[0])


def studies_of(con: Connection, experiment_id: str) -> list[AdStudy]:
    """Return the split tests of an experiment's posts, oldest first."""
    return [AdStudy(**row) for row in fetch_dicts(con, _SPLITS_OF, [experiment_id])]


def move(
    con: Connection, split_id: str, before: Sequence[str], **changes: Any
) -> AdStudy:
    """Apply `changes` to a test whose status is one of `before`; return the test.

    Raises InputError for another status: another process has changed it in the
    meantime.
    """
    study = study_of(con, split_id)
    if study.status not in before:
        raise InputError(
            f"The split test {split_id} is {study.status} and no longer "
            f"{' or '.join(before)}; `ig-assets split list` shows its state."
        )
    moved = replace(study, **changes)
    write_rows(con, [moved])
    return moved


def write_rows(con: Connection, items: Sequence[StoredStudyObject | AdStudy]) -> None:
    """Store tests or objects (of one kind) inside the caller's transaction."""
    table = "split_tests" if isinstance(items[0], AdStudy) else "split_objects"
    merge_rows(con, table, [_row(item) for item in items])


def _row(item: StoredStudyObject | AdStudy) -> dict[str, Any]:
    return {field.name: getattr(item, field.name) for field in fields(item)}
