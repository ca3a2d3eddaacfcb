"""Keys are known by fingerprint and age, never by themselves."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from ig_assets.core.operations.diagnosis import State
from ig_assets.core.operations.key_rotation import (
    KeyAge,
    key_ages,
    overdue_sentence,
)
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.generation.generation_factory import FixedClock
from ig_assets_tests.factories.warehouses import migrated_warehouse


def test_a_key_is_as_old_as_its_first_sighting_and_a_new_one_starts_anew(
    tmp_path: Path,
) -> None:
    clock = FixedClock()
    warehouse = migrated_warehouse(tmp_path / "k.duckdb", clock.now)
    [first] = key_ages(warehouse, clock, {"OPENAI_API_KEY": "sk-one"})
    clock.at += timedelta(days=91)
    [later] = key_ages(warehouse, clock, {"OPENAI_API_KEY": "sk-one"})
    assert (first.days, later.days) == (0, 91)
    assert later.fingerprint == first.fingerprint
    [fresh] = key_ages(warehouse, clock, {"OPENAI_API_KEY": "sk-two"})
    assert fresh.days == 0 and fresh.fingerprint != first.fingerprint
    with warehouse.transaction() as con:
        rows = str(con.execute("SELECT * FROM key_sightings").fetchall())
    assert "sk-" not in rows


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def warehouse(tmp_path: Path, clock: FixedClock) -> Warehouse:
    return migrated_warehouse(tmp_path / "k.duckdb", clock.now)


def test_a_fingerprint_is_salted_so_that_two_of_one_key_differ(
    warehouse: Warehouse, clock: FixedClock
) -> None:
    first, second = key_ages(warehouse, clock, {"A": "sk-one", "B": "sk-one"})
    assert first.fingerprint.split(":")[1] != second.fingerprint.split(":")[1]
    plain = hashlib.sha256(b"sk-one").hexdigest()
    with warehouse.transaction() as con:
        rows = str(con.execute("SELECT * FROM key_sightings").fetchall())
    assert plain[:12] not in rows


def test_a_key_that_moves_to_another_name_keeps_its_age(
    warehouse: Warehouse, clock: FixedClock
) -> None:
    """The new key is _NEXT during the overlap, and takes the place of the old."""
    both = {"OPENAI_API_KEY": "sk-old", "OPENAI_API_KEY_NEXT": "sk-new"}
    key_ages(warehouse, clock, both)
    clock.at += timedelta(days=80)
    for _ in range(2):
        [age] = key_ages(warehouse, clock, {"OPENAI_API_KEY": "sk-new"})
        assert age.days == 80


def test_the_fingerprint_of_an_earlier_version_still_counts(
    warehouse: Warehouse, clock: FixedClock
) -> None:
    plain = hashlib.sha256(b"sk-one").hexdigest()[:12]
    with warehouse.transaction() as con:
        con.execute(
            "INSERT INTO key_sightings VALUES ('OPENAI_API_KEY', ?, ?)",
            [plain, clock.at - timedelta(days=91)],
        )
    [age] = key_ages(warehouse, clock, {"OPENAI_API_KEY": "sk-one"})
    assert age.days == 91


@pytest.mark.parametrize(
    ("days", "state", "said"),
    [
        (74, State.GOOD, ""),
        (75, State.WARNING, "OPENAI_API_KEY (75 days, 15 left)"),
        (89, State.WARNING, "OPENAI_API_KEY (89 days, 1 left)"),
        (90, State.FAILED, "OPENAI_API_KEY (90 days, overdue)"),
    ],
)
def test_a_key_warns_from_75_days_on_and_fails_from_90_on(
    days: int, state: State, said: str, clock: FixedClock
) -> None:
    age = KeyAge("OPENAI_API_KEY", "0:0", clock.at, days)
    assert age.state is state
    assert said in overdue_sentence([age]) and bool(said) is bool(
        overdue_sentence([age])
    )


def test_a_sighting_by_a_wrong_clock_does_not_count_and_the_key_ages_from_now(
    warehouse: Warehouse, clock: FixedClock
) -> None:
    right = clock.at
    clock.at += timedelta(days=183)
    key_ages(warehouse, clock, {"OPENAI_API_KEY": "sk-one"})
    clock.at = right
    for days in (0, 100):
        clock.at = right + timedelta(days=days)
        [age] = key_ages(warehouse, clock, {"OPENAI_API_KEY": "sk-one"})
        assert (age.days, age.first_seen_at) == (days, right)
        wrong = f"{right + timedelta(days=183):%Y-%m-%d}"
        assert f"is dated {wrong}, so the machine's clock was wrong" in age.sentence
    assert age.state is State.FAILED
