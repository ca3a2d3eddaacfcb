"""Reads a vendor's invoice file: OpenAI's cost export or Pinecone's usage report.

OpenAI's `GET /organization/costs` returns JSON pages of daily buckets; its dashboard
exports CSV with the same fields. Pinecone's usage report is CSV. The CSV of another
vendor is read too if its columns have names that this module knows.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ig_assets.core.operations.present import Present
from ig_assets.errors import InputError, NothingTakenError

_DAY = (
    *("start_time_iso", "start_time", "date", "usage_date", "day"),
    *("usage_start", "period_start", "month"),
)
_AMOUNT = ("amount_value", "amount", "cost", "cost_usd", "total_cost", "total", "usd")
_ITEM = ("line_item", "model", "description", "sku", "product", "service", "usage_type")
_CURRENCY = ("amount_currency", "currency")
_NUMBER = re.compile(r"-?\$?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d+)?(?:[eE][+-]?\d+)?")
_LARGEST_BYTES = 100_000_000
ALL_ITEMS = "(all)"


@dataclass(frozen=True)
class InvoiceLine:
    """The USD of one item on one day (UTC), or in one month if `day` is None."""

    month: str
    day: date | None
    item: str
    usd: float


@dataclass(frozen=True)
class Invoice:
    """The lines of an invoice file: accepted, rejected and skipped ones.

    `rejected` are (place, reason); `skipped` is the number of lines with an amount of
    0.
    """

    lines: tuple[InvoiceLine, ...]
    rejected: tuple[tuple[str, str], ...]
    skipped: int


def _check_day(line: InvoiceLine, now: datetime | None) -> None:
    """Raise ValueError if a line's day or month is in the future."""
    if now is None:
        return
    present = Present(now, now)
    is_later = line.day is not None and line.day > present.latest.date()
    if is_later or line.month > f"{present.latest:%Y-%m}":
        when = line.day or line.month
        raise ValueError(f"its day {when} is after {present.day_in_words}")


def read_invoice(path: Path, now: datetime | None = None) -> Invoice:
    """Read the invoice in a CSV or JSON file.

    With `now`, the machine's time in UTC, a line with a day in the future is rejected,
    since the ledger cannot have such calls. Raises InputError if the file is neither
    CSV nor JSON, or has no column of days or amounts; NothingTakenError if no line can
    be accepted.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise InputError(f"{path} has more than 100 MB; export fewer days.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise InputError(
            f"{path} is no text in UTF-8; export it again, as CSV or JSON."
        ) from None
    if not text.strip():
        raise NothingTakenError(f"{path} is empty; nothing was compared.")
    entries = (
        _of_json(path, text) if text.lstrip()[:1] in ("{", "[") else _of_csv(path, text)
    )
    if not entries:
        raise NothingTakenError(
            f"{path} has no line of costs; nothing was compared. Look at its period."
        )
    lines, rejected, skipped = [], [], 0
    for place, entry in entries:
        try:
            line = _line(entry)
            _check_day(line, now)
        except ValueError as error:
            rejected.append((place, str(error)))
            continue
        if line.usd:
            lines.append(line)
        else:
            skipped += 1
    if rejected and not lines and not skipped:
        place, reason = rejected[0]
        raise NothingTakenError(
            f"No line of {path} can be taken; {place}: {reason}. Nothing was compared."
        )
    return Invoice(tuple(lines), tuple(rejected), skipped)


def _of_json(path: Path, text: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return (place, entry) of each cost in the text.

    The text is one page, a list of pages, or one page per line. Raises InputError for
    any other text.
    """
    try:
        found = json.loads(text)
        pages = found if isinstance(found, list) else [found]
    except ValueError:
        try:
            pages = [json.loads(line) for line in text.split("\n") if line.strip()]
        except (ValueError, RecursionError):
            raise InputError(f"{path} is neither JSON nor CSV.") from None
    except RecursionError:
        raise InputError(f"{path} is neither JSON nor CSV.") from None
    entries: list[tuple[str, Mapping[str, Any]]] = []
    for page in pages:
        buckets = page.get("data") if isinstance(page, dict) else None
        if not isinstance(buckets, list):
            raise InputError(
                f"{path} has no `data` of buckets, as OpenAI's cost export has."
            )
        for bucket in buckets:
            entries += _of_bucket(len(entries), bucket)
        if page.get("has_more"):
            entries.append(("the end", {"problem": "the export has further pages"}))
    return entries


def _of_bucket(begin: int, bucket: Any) -> Iterable[tuple[str, Mapping[str, Any]]]:
    results = bucket.get("results") if isinstance(bucket, dict) else None
    if not isinstance(results, list):
        yield f"bucket after result {begin}", {"problem": "it has no results"}
        return
    for number, result in enumerate(results, begin + 1):
        amount = result.get("amount") if isinstance(result, dict) else None
        if not isinstance(amount, dict):
            yield f"result {number}", {"problem": "it has no amount"}
            continue
        yield f"result {number}", {
            "start_time": bucket.get("start_time"),
            "amount": amount.get("value"),
            "currency": amount.get("currency"),
            "line_item": result.get("line_item"),
        }


def _of_csv(path: Path, text: str) -> list[tuple[str, Mapping[str, Any]]]:
    lines = (line for line in io.StringIO(text) if line.strip(",;\t\r\n "))
    delimiter = max(",;\t", key=next(lines, "").count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error as error:
        raise InputError(f"{path} is no CSV ({error}).") from None
    filled = (at for at, row in enumerate(rows) if any(cell.strip() for cell in row))
    begin = next(filled, 0)
    header = [_name(cell) for cell in rows[begin]]
    for names, what in ((_DAY, "days"), (_AMOUNT, "amounts")):
        if not set(header) & set(names):
            raise InputError(
                f"{path} has no column of {what}; one of them must be called "
                f"{', '.join(names)}."
            )
    entries: list[tuple[str, Mapping[str, Any]]] = []
    for number, row in enumerate(rows[begin + 1 :], begin + 2):
        if len(row) > len(header):
            entries.append((f"row {number}", {"problem": "it has too many cells"}))
        elif any(cell.strip() for cell in row):
            entries.append((f"row {number}", dict(zip(header, row, strict=False))))
    return entries


def _name(cell: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", cell.strip().lower()).strip("_")


def _line(entry: Mapping[str, Any]) -> InvoiceLine:
    """Return the entry as an invoice line.

    Raises ValueError with the reason if the entry is not one.
    """
    if problem := entry.get("problem"):
        raise ValueError(problem)
    currency = str(_first(entry, _CURRENCY) or "usd").strip().lower()
    if currency != "usd":
        raise ValueError(f"its currency is {currency!r}, not USD")
    month, day = _when(_first(entry, _DAY))
    item = str(_first(entry, _ITEM) or "").strip() or ALL_ITEMS
    return InvoiceLine(month, day, item, _amount(_first(entry, _AMOUNT)))


def _first(entry: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((entry[n] for n in names if entry.get(n) not in (None, "")), None)


def _amount(value: Any) -> float:
    if isinstance(value, str):
        text = value.strip()
        if not text.strip("-$") or not _NUMBER.fullmatch(text):
            raise ValueError(f"its amount is {value!r}, not a number as 12.50")
        value = float(text.replace("$", "").replace(",", ""))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"its amount is {value!r}, not a number as 12.50")
    if not math.isfinite(value):
        raise ValueError(f"its amount is {value!r}, not a number as 12.50")
    return float(value)


def _when(value: Any) -> tuple[str, date | None]:
    text = str(value).strip() if value is not None else ""
    try:
        if re.fullmatch(r"\d{4}-\d{2}", text):
            return f"{date.fromisoformat(f'{text}-01'):%Y-%m}", None
        if re.fullmatch(r"\d{9,11}(\.0+)?", text):
            day = datetime.fromtimestamp(float(text), UTC).date()
        else:
            instant = datetime.fromisoformat(text)
            aware = instant.astimezone(UTC) if instant.tzinfo else instant
            day = aware.date()
    except (ValueError, OverflowError):
        raise ValueError(f"its day is {value!r}, not one as 2026-05-01") from None
    return f"{day:%Y-%m}", day
