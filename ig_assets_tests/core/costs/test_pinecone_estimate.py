"""The store's monthly cost, against figures worked out by hand."""

from __future__ import annotations

import pytest

from ig_assets.core.costs.pinecone_estimate import (
    MonthlyUse,
    first_fill_usd,
    pinecone_monthly_cost,
)


def test_a_million_records_cost_what_the_price_list_says() -> None:
    """1,536 dimensions and 1,008 other bytes are 7,152 bytes, as in Pinecone's own
    table of namespace sizes (7.14 kB without the id)."""
    cost = pinecone_monthly_cost(
        1_000_000, 1536, 1008, MonthlyUse(queries=1_000_000, syncs=30)
    )
    assert cost.gigabytes == pytest.approx(7.152)
    assert cost.storage_usd == pytest.approx(7.152 * 0.33)
    # 1,000 requests of 100 records of 715.2 kB each
    assert cost.writes_usd == pytest.approx(1_000 * 716 * 4e-6)
    assert cost.reads_usd == pytest.approx((1_000_000 * 7.152 + 30 * 10_000) * 16e-6)
    assert cost.total_usd == pytest.approx(
        cost.storage_usd + cost.writes_usd + cost.reads_usd
    )


def test_a_small_corpus_costs_the_plans_minimum() -> None:
    cost = pinecone_monthly_cost(300, 384)
    assert cost.total_usd == 50.0
    assert 0 < cost.storage_usd + cost.writes_usd + cost.reads_usd < 1


def test_a_small_namespace_pays_the_smallest_query() -> None:
    idle = MonthlyUse(queries=0, syncs=0)
    asked = MonthlyUse(queries=1000, syncs=0)
    more = (
        pinecone_monthly_cost(10, 8, use=asked).reads_usd
        - pinecone_monthly_cost(10, 8, use=idle).reads_usd
    )
    assert more == pytest.approx(1000 * 0.25 * 16e-6)


@pytest.mark.parametrize(
    ("records", "units"), [(0, 0), (1, 5), (100, 32), (101, 32 + 5)]
)
def test_the_first_fill_pays_by_the_kilobyte_and_at_least_five_units_a_request(
    records: int, units: int
) -> None:
    assert first_fill_usd(records, 5, 300) == pytest.approx(units * 4e-6)


def test_listing_all_ids_is_what_frequent_syncs_pay_for() -> None:
    seldom = pinecone_monthly_cost(1_000_000, 1536, use=MonthlyUse(syncs=30))
    often = pinecone_monthly_cost(1_000_000, 1536, use=MonthlyUse(syncs=720))
    assert often.reads_usd - seldom.reads_usd == pytest.approx(690 * 10_000 * 16e-6)
