"""Estimate what a corpus costs per month in Pinecone, before it is uploaded.

Rates of the Standard plan, on demand, AWS us-east-1, as read in Pinecone's price list
of November 2026: USD 0.33 per GB-month, 16 per million read units, 4 per million write
units, at least 50 per month. Units follow Pinecone's "Understanding cost". A record is
its id, its metadata and 4 bytes per dimension. An upsert takes 1 write unit per kB and
at least 5 per request. A query takes 1 read unit per GB of its namespace and at least
0.25. Listing takes 1 read unit per page of 100 ids.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

STORAGE_USD_GB_MONTH = 0.33
READ_USD_UNIT = 16e-6
WRITE_USD_UNIT = 4e-6
LEAST_USD_MONTH = 50.0

GB, KB = 1e9, 1e3
BYTES_A_DIMENSION = 4
RECORDS_A_REQUEST = 100
LEAST_WRITE_UNITS = 5
LEAST_QUERY_UNITS = 0.25


@dataclass(frozen=True)
class MonthlyUse:
    """How much a team uses the index in a month; the defaults are guesses.

    `rewritten_share` is the share of the records that is upserted again (0 to 1).
    """

    queries: int = 1_000
    syncs: int = 120
    rewritten_share: float = 0.1


@dataclass(frozen=True)
class StoreCost:
    """The monthly cost (USD) of one corpus size.

    `total_usd` is at least the plan's minimum.
    """

    records: int
    dimensions: int
    gigabytes: float
    storage_usd: float
    writes_usd: float
    reads_usd: float
    total_usd: float


def pinecone_monthly_cost(
    records: int,
    dimensions: int,
    bytes_beside_vector: float = 300.0,
    use: MonthlyUse = MonthlyUse(),
) -> StoreCost:
    """Estimate the monthly cost (USD) of `records` vectors.

    `bytes_beside_vector` is the size of a record's id and metadata. Every sync lists
    all ids, in order to notice lost vectors. Filling the index for the first time costs
    `first_fill_usd` in addition, once.
    """
    record = bytes_beside_vector + BYTES_A_DIMENSION * dimensions
    gigabytes = records * record / GB
    query_units = use.queries * max(LEAST_QUERY_UNITS, gigabytes)
    list_units = use.syncs * math.ceil(records / RECORDS_A_REQUEST)
    storage = gigabytes * STORAGE_USD_GB_MONTH
    writes = _write_units(math.ceil(records * use.rewritten_share), record)
    reads = query_units + list_units
    metered = storage + writes * WRITE_USD_UNIT + reads * READ_USD_UNIT
    return StoreCost(
        records=records,
        dimensions=dimensions,
        gigabytes=gigabytes,
        storage_usd=storage,
        writes_usd=writes * WRITE_USD_UNIT,
        reads_usd=reads * READ_USD_UNIT,
        total_usd=max(LEAST_USD_MONTH, metered),
    )


def first_fill_usd(
    records: int, dimensions: int, bytes_beside_vector: float = 300.0
) -> float:
    """Return the cost (USD) of upserting `records` vectors once."""
    record = bytes_beside_vector + BYTES_A_DIMENSION * dimensions
    return _write_units(records, record) * WRITE_USD_UNIT


def _write_units(records: int, record_bytes: float) -> float:
    requests, rest = divmod(records, RECORDS_A_REQUEST)
    units = requests * _request_units(RECORDS_A_REQUEST * record_bytes)
    return units + (_request_units(rest * record_bytes) if rest else 0)


def _request_units(request_bytes: float) -> float:
    return max(LEAST_WRITE_UNITS, math.ceil(request_bytes / KB))
