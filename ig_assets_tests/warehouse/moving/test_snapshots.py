"""Snapshots of a lake are expired, and its rows stay."""

from __future__ import annotations

from datetime import datetime

import pytest

from ig_assets.warehouse.moving.snapshots import expire_snapshots
from ig_assets_tests.warehouse.conftest import MakeHome
from ig_assets_tests.warehouse.moving.filled_homes import LATER, content, fill


def test_a_home_without_snapshots_has_none_to_expire(new_home: MakeHome) -> None:
    assert expire_snapshots(new_home("duckdb").url, LATER) == 0


@pytest.mark.further
def test_a_lake_s_snapshots_are_counted_and_expired_and_its_rows_stay(
    new_home: MakeHome,
) -> None:
    lake = new_home("ducklake")
    fill(lake)
    before = content(lake)
    lake.close()
    future = datetime(2100, 1, 1)
    counted = expire_snapshots(lake.url, future, dry_run=True)
    assert counted > 1
    assert expire_snapshots(lake.url, datetime(2000, 1, 1)) == 0
    assert expire_snapshots(lake.url, future) == counted
    assert expire_snapshots(lake.url, future, dry_run=True) == 0
    assert content(lake) == before
    lake.close()
