"""The ledger beside a vendor's invoice: every line once, and why the sides differ."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.reports.costs.invoice_file import Invoice, read_invoice
from ig_assets.core.reports.costs.reconcile import reconcile, unexplained_usd
from ig_assets.errors import InputError, NothingTakenError
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.warehouses import migrated_warehouse

DAY = datetime(2026, 5, 30)
CSV = "start_time_iso,amount_value,amount_currency,line_item,project_id\n"


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return migrated_warehouse(tmp_path / "w.duckdb", lambda: DAY)


def pay(warehouse: Warehouse, *calls: tuple[int, str, float | None, str]) -> None:
    """Calls of (day of May 2026, model, USD, status); reserved for half a dollar."""
    with warehouse.transaction() as con:
        merge_rows(
            con,
            "api_calls",
            [
                {
                    "call_id": f"{number}",
                    "provider": "openai",
                    "model": model,
                    "status": status,
                    "cost_usd": usd,
                    "reserved_usd": None if status == "done" else 0.5,
                    "called_at": datetime(2026, 5, day, 12),
                }
                for number, (day, model, usd, status) in enumerate(calls)
            ],
        )


def page(*results: tuple[int, Any, Any], **more: Any) -> str:
    """OpenAI's answer: (day of May 2026, line item, amount)."""
    return json.dumps(
        {
            "object": "page",
            "has_more": False,
            "data": [
                {
                    "object": "bucket",
                    "start_time": int(datetime(2026, 5, day, tzinfo=UTC).timestamp()),
                    "results": [
                        {
                            "object": "organization.costs.result",
                            "amount": {"value": amount, "currency": "usd"},
                            "line_item": item,
                        }
                    ],
                }
                for day, item, amount in results
            ],
        }
        | more
    )


def verdicts(warehouse: Warehouse, invoice: Invoice) -> dict[tuple[str, str], str]:
    with warehouse.transaction() as con:
        lines = reconcile(con, invoice, "openai")
    return {(line.when, line.item): line.verdict for line in lines}


def invoice(tmp_path: Path, text: str) -> Invoice:
    file = tmp_path / "export"
    file.write_text(text, encoding="utf-8")
    return read_invoice(file)


def test_a_line_of_a_day_to_come_is_rejected_and_the_clock_is_named(
    tmp_path: Path,
) -> None:
    file = tmp_path / "export.csv"
    days = ("2026-05-01", "2026-05-02", "2026-05-04", "2026-06")
    file.write_text(
        "\n".join(["date,amount,currency,line_item", *(f"{d},1,usd,o3" for d in days)])
    )
    found = read_invoice(file, datetime(2026, 5, 1, 12))
    assert [str(line.day) for line in found.lines] == ["2026-05-01", "2026-05-02"]
    clock = "is after today, 2026-05-01 by the machine's clock"
    assert [why for _, why in found.rejected] == [
        f"its day 2026-05-04 {clock}",
        f"its day 2026-06 {clock}",
    ]


def test_every_line_of_both_sides_has_a_verdict(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    pay(
        warehouse,
        (1, "gpt-5-mini", 1.0, "done"),
        (2, "gpt-5-mini", None, "unknown"),
        (3, "ft:gpt-5-mini:us", None, "done"),
        (4, "text-embedding-3-small", 0.4, "done"),
        (5, "text-embedding-3-small", 0.6, "done"),
        (6, "gpt-5-mini", 2.0, "done"),
        (7, "gpt-4.1", 3.0, "done"),
    )
    export = page(
        (1, "gpt-5-mini-2025-08-07, input", 0.4),
        (1, "gpt-5-mini-2025-08-07, output", "0.6000000000000000001"),
        (2, "gpt-5-mini", 0.1),
        (3, "ft:gpt-5-mini:us", 7),
        (4, "text-embedding-3-small", 0.3),
        (5, "text-embedding-3-small", 0.7),
        (6, "gpt-5-mini", 5.0),
        (7, "o3", 9.0),
    )
    found = invoice(tmp_path, export)
    assert verdicts(warehouse, found) == {
        ("2026-05-01", "gpt-5-mini"): "agrees",
        ("2026-05-02", "gpt-5-mini"): "the ledger has calls without a known outcome",
        ("2026-05-03", "ft:gpt-5-mini:us"): "the ledger has calls without a price",
        ("2026-05-04", "text-embedding-3-small"): "the days differ, the sum agrees",
        ("2026-05-05", "text-embedding-3-small"): "the days differ, the sum agrees",
        ("2026-05-06", "gpt-5-mini"): "unexplained",
        ("2026-05-07", "gpt-4.1"): "not on the invoice",
        ("2026-05-07", "o3"): (
            "not in the ledger: another program or key uses the account"
        ),
    }
    with warehouse.transaction() as con:
        lines = reconcile(con, found, "openai")
    assert unexplained_usd(lines) == pytest.approx(3.0 + 3.0 + 9.0)


def test_an_export_without_items_is_compared_by_the_day(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    pay(warehouse, (1, "gpt-5-mini", 1.0, "done"), (1, "gpt-4.1", 2.0, "done"))
    found = invoice(tmp_path, page((1, None, 3.0)))
    assert verdicts(warehouse, found) == {("2026-05-01", "(all)"): "agrees"}


def test_small_lines_that_the_ledger_never_had_do_not_agree(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    rows = [f"2026-05-01,0.0099,usd,model{number},p\n" for number in range(580)]
    found = invoice(tmp_path, CSV + "".join(rows))
    with warehouse.transaction() as con:
        lines = reconcile(con, found, "openai")
    assert {line.verdict for line in lines} == {
        "not in the ledger: another program or key uses the account"
    }
    assert unexplained_usd(lines) == pytest.approx(580 * 0.0099)


def test_a_cent_a_day_is_rounding_only_while_the_months_sum_is(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    days = range(1, 31)
    pay(warehouse, *((day, "o3", 0.001, "done") for day in days))
    rows = [f"2026-05-{day:02},0.0099,usd,o3,p\n" for day in days]
    found = invoice(tmp_path, CSV + "".join(rows))
    assert {*verdicts(warehouse, found).values()} == {"unexplained"}
    pay(warehouse, (1, "o3", 0.0149, "done"), (2, "o3", 0.0049, "done"))
    rows = ["2026-05-01,0.01,usd,o3,p\n", "2026-05-02,0.01,usd,o3,p\n"]
    found = invoice(tmp_path, CSV + "".join(rows))
    assert {*verdicts(warehouse, found).values()} == {"agrees"}


def test_a_vendor_that_is_none_is_refused_and_the_known_are_named(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    found = invoice(tmp_path, CSV + "2026-05-01,1,usd,o3,p\n")
    known = "'opnai' is no vendor of this project; there are fireworks, openai, "
    with warehouse.transaction() as con, pytest.raises(InputError, match=known):
        reconcile(con, found, "opnai")


@pytest.mark.parametrize("before", ["\n", ";;\n\n", " \r\n"])
def test_blank_lines_before_the_columns_are_skipped(
    tmp_path: Path, before: str
) -> None:
    found = invoice(tmp_path, f"{before}Month;Model;Total\n2026-05;o3;3\n2026-05;o3;x")
    assert [line.usd for line in found.lines] == [3.0]
    [(place, _)] = found.rejected
    assert place == f"row {before.count(chr(10)) + 3}"


def test_an_invoice_of_a_month_is_compared_by_the_month(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    pay(warehouse, (1, "gpt-5-mini", 1.0, "done"), (31, "gpt-5-mini", 2.0, "done"))
    found = invoice(tmp_path, "Month;Description;Total\n2026-05;GPT-5-mini;$3.00\n")
    assert verdicts(warehouse, found) == {("2026-05", "gpt-5-mini"): "agrees"}


def test_a_csv_is_the_sum_of_taken_rejected_and_skipped(tmp_path: Path) -> None:
    text = (
        CSV + "2026-05-01T00:00:00+00:00,1.5,usd,gpt-5-mini,p\n"
        '2026-05-01,"1,200.25",USD,gpt-5-mini,p\n'
        "2026-05-01,0,usd,gpt-5-mini,p\n"
        "2026-05-01,1.5,eur,gpt-5-mini,p\n"
        "May the first,1.5,usd,gpt-5-mini,p\n"
        "2026-05-01,nan,usd,gpt-5-mini,p\n"
        "2026-05-01,1.2.3,usd,gpt-5-mini,p\n"
        "2026-05-01,1,usd,gpt-5-mini,p,more\n"
        "2026-05-01,,usd,gpt-5-mini,p\n\n"
    )
    found = invoice(tmp_path, text)
    assert [line.usd for line in found.lines] == [1.5, 1200.25]
    assert dict(found.rejected) == {
        "row 5": "its currency is 'eur', not USD",
        "row 6": "its day is 'May the first', not one as 2026-05-01",
        "row 7": "its amount is 'nan', not a number as 12.50",
        "row 8": "its amount is '1.2.3', not a number as 12.50",
        "row 9": "it has too many cells",
        "row 10": "its amount is None, not a number as 12.50",
    }
    assert found.skipped == 1


def test_an_export_that_goes_on_says_so(tmp_path: Path) -> None:
    found = invoice(tmp_path, page((1, "gpt-5-mini", 1.0), has_more=True))
    assert found.rejected == (("the end", "the export has further pages"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (",,\n\n", "no column of days"),
        ("{]", "neither JSON nor CSV"),
        ('{"object": "list"}', "no `data` of buckets"),
        ("date,note\n2026-05-01,x\n", "no column of amounts"),
        ("[" * 100_000, "neither JSON nor CSV"),
    ],
)
def test_a_file_that_is_no_export_is_one_sentence(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        invoice(tmp_path, text)


def test_a_file_of_which_nothing_can_be_taken_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NothingTakenError, match="row 2: its currency is 'eur'"):
        invoice(tmp_path, CSV + "2026-05-01,1,eur,x,p\n")
    with pytest.raises(NothingTakenError, match="has no line of costs"):
        invoice(tmp_path, "[]")
    for blank in ("", "\n \n"):
        with pytest.raises(NothingTakenError, match="is empty; nothing was compared"):
            invoice(tmp_path, blank)
    with pytest.raises(InputError, match="cannot be read"):
        read_invoice(tmp_path / "none.csv")


def test_pages_line_by_line_end_at_their_line_feed_alone(tmp_path: Path) -> None:
    """A name may hold U+2028, which JSON need not escape and `splitlines` breaks at."""
    first = page((1, "a project\u2028of ours", 1.5)).replace("\\u2028", "\u2028")
    found = invoice(tmp_path, f"{first}\n{page((2, 'gpt-5-mini', 2.0))}\n")
    assert [line.usd for line in found.lines] == [1.5, 2.0]
