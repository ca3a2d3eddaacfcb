"""Compares the ledger with a vendor's invoice, line by line.

A line is an item (a model) on one day of the bill (UTC), or in one month if the invoice
has no days. Each difference gets the cause that the ledger shows, or is unexplained.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ig_assets.core.costs.prices import LOCAL_PROVIDERS
from ig_assets.core.reports.costs.invoice_file import ALL_ITEMS, Invoice
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

VENDORS = ("fireworks", "openai", "pinecone", "together")
"""The vendors whose invoices can be compared."""
LEAST_USD = 0.01
"""Largest difference in USD that counts as rounding, in a line and in a month's sum."""
ROUNDING = 0.01
"""Largest difference that counts as rounding, as a share of the larger sum."""

AGREES = "agrees"
SUM_AGREES = "the days differ, the sum agrees"
RESERVED = "the ledger has calls without a known outcome"
UNPRICED = "the ledger has calls without a price"
FOREIGN = "not in the ledger: another program or key uses the account"
NOT_BILLED = "not on the invoice"
NO_LEDGER = "not compared: no call of this vendor is in the ledger"
UNEXPLAINED = "unexplained"
EXPLAINED = (AGREES, SUM_AGREES, RESERVED, UNPRICED)
WITHOUT_LEDGER = frozenset({"pinecone"})
"""Vendors whose requests are no calls of the ledger."""

_SNAPSHOT = re.compile(r"[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest)$")
_LEDGER = """
SELECT strftime(coalesce(sent_at, called_at), '%Y-%m-%d') AS day, model,
    sum(coalesce(cost_usd, reserved_usd, 0)) AS usd,
    sum(coalesce(reserved_usd, 0)) FILTER (
        WHERE status IN ('unknown', 'reserved', 'submitted') AND cost_usd IS NULL
    ) AS reserved_usd,
    count(*) FILTER (WHERE status = 'done' AND cost_usd IS NULL) AS unpriced
FROM api_calls
WHERE provider = $1
    AND strftime(coalesce(sent_at, called_at), '%Y-%m') BETWEEN $2 AND $3
GROUP BY ALL
"""


@dataclass(frozen=True)
class ComparedLine:
    """One item on a day or in a month, compared.

    `difference_usd` is the invoice minus the ledger.
    """

    when: str
    item: str
    invoice_usd: float
    ledger_usd: float
    difference_usd: float
    verdict: str


@dataclass
class _Sums:
    invoice_usd: float = 0.0
    ledger_usd: float = 0.0
    reserved_usd: float = 0.0
    unpriced: int = 0
    is_billed: bool = False
    is_known: bool = False

    @property
    def difference_usd(self) -> float:
        return self.invoice_usd - self.ledger_usd


def reconcile(con: Connection, invoice: Invoice, provider: str) -> list[ComparedLine]:
    """Return one compared line per day and item of invoice or ledger.

    The list is empty for an empty invoice. Days before the first and after the last day
    of the invoice are not compared. A line without a call in the ledger is never taken
    for a rounding difference. Raises InputError for a vendor that this project does not
    know.
    """
    _check_vendor(con, provider)
    if not invoice.lines:
        return []
    has_days = all(line.day is not None for line in invoice.lines)
    has_items = all(line.item != ALL_ITEMS for line in invoice.lines)
    sums: dict[tuple[str, str], _Sums] = {}
    days = set()
    for line in invoice.lines:
        when = f"{line.day}" if has_days else line.month
        days.add(when)
        item = _model(line.item) if has_items else ALL_ITEMS
        of = sums.setdefault((when, item), _Sums())
        of.invoice_usd += line.usd
        of.is_billed = True
    for row in fetch_dicts(con, _LEDGER, [provider, *_months(invoice)]):
        when = row["day"] if has_days else row["day"][:7]
        if not min(days) <= when <= max(days):
            continue
        item = _model(row["model"]) if has_items else ALL_ITEMS
        of = sums.setdefault((when, item), _Sums())
        of.ledger_usd += row["usd"]
        of.reserved_usd += row["reserved_usd"] or 0.0
        of.unpriced += row["unpriced"]
        of.is_known = True
    lines = _compared(sums)
    if provider in WITHOUT_LEDGER and not any(one.is_known for one in sums.values()):
        return [replace(line, verdict=NO_LEDGER) for line in lines]
    return lines


def _check_vendor(con: Connection, provider: str) -> None:
    paid = con.execute("SELECT DISTINCT provider FROM api_calls").fetchall()
    known = ({name for (name,) in paid if name} | {*VENDORS}) - LOCAL_PROVIDERS
    if provider not in known:
        raise InputError(
            f"{provider!r} is no vendor of this project; there are "
            f"{', '.join(sorted(known))}."
        )


def paid_in_month(con: Connection, month: str) -> dict[str, float]:
    """Return {vendor: USD} that the ledger recorded in a month, without local models.

    A call counts with its reservation while its cost is unknown.
    """
    rows = con.execute(
        """
        SELECT provider, sum(coalesce(cost_usd, reserved_usd, 0)) AS usd
        FROM api_calls
        WHERE strftime(coalesce(sent_at, called_at), '%Y-%m') = ?
        GROUP BY provider HAVING usd > 0 ORDER BY provider
        """,
        [month],
    ).fetchall()
    return {vendor: usd for vendor, usd in rows if vendor not in LOCAL_PROVIDERS}


def unexplained_usd(lines: Sequence[ComparedLine]) -> float:
    """Return the sum of the absolute differences (USD) without a known cause."""
    settled = (*EXPLAINED, NO_LEDGER)
    return sum(
        abs(line.difference_usd) for line in lines if line.verdict not in settled
    )


def _compared(sums: Mapping[tuple[str, str], _Sums]) -> list[ComparedLine]:
    of_item: dict[str, _Sums] = {}
    rounded: dict[tuple[str, str], _Sums] = {}
    for (when, item), one in sums.items():
        _add(of_item.setdefault(item, _Sums()), one)
        if _agrees(one):
            _add(rounded.setdefault((when[:7], item), _Sums()), one)
    return [
        ComparedLine(
            when,
            item,
            one.invoice_usd,
            one.ledger_usd,
            one.difference_usd,
            _verdict(one, of_item[item], rounded.get((when[:7], item))),
        )
        for (when, item), one in sorted(sums.items())
    ]


def _add(total: _Sums, one: _Sums) -> None:
    total.invoice_usd += one.invoice_usd
    total.ledger_usd += one.ledger_usd
    total.is_known |= one.is_known


def _verdict(one: _Sums, total: _Sums, rounded: _Sums | None) -> str:
    """Return the cause of the difference between the two sides of a line.

    `total` is the sum of all lines of the item. `rounded` is the sum of those lines of
    the same item and month that differ only by rounding; their sums must agree too.
    """
    if one.is_known and _agrees(one):
        if _is_within_share(one) or (rounded is not None and _agrees(rounded)):
            return AGREES
    if total.is_known and _agrees(total):
        return SUM_AGREES
    if one.difference_usd < 0 and -one.difference_usd <= one.reserved_usd + LEAST_USD:
        return RESERVED
    if one.difference_usd > 0 and one.unpriced:
        return UNPRICED
    if not one.is_known:
        return FOREIGN
    return UNEXPLAINED if one.is_billed else NOT_BILLED


def _agrees(one: _Sums) -> bool:
    return abs(one.difference_usd) <= LEAST_USD or _is_within_share(one)


def _is_within_share(one: _Sums) -> bool:
    larger = max(abs(one.invoice_usd), abs(one.ledger_usd))
    return abs(one.difference_usd) <= ROUNDING * larger


def _months(invoice: Invoice) -> tuple[str, str]:
    months = sorted(line.month for line in invoice.lines)
    return months[0], months[-1]


def _model(item: str) -> str:
    """Return the model that an invoice's item names, without its dated snapshot.

    For `gpt-5-mini-2025-08-07, input` it is `gpt-5-mini`.
    """
    name = item.partition(",")[0].strip().lower()
    return _SNAPSHOT.sub("", name)
