"""Keys are known by fingerprint and age, never by themselves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ig_assets.core.operations.key_rotation import key_ages
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
