"""Nothing but the clock's adapter asks the machine for the time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ig_assets

PACKAGE = Path(ig_assets.__file__).parent
CLOCKS = "adapters/simulated/clocks.py"

# perf_counter and monotonic measure how long something took, which is no time of
# day, and the file system's own stamps are compared only with one another.
_PYTHON = re.compile(
    r"""
    \b(?:datetime|date|Timestamp|dt\.datetime|dt\.date)\.(?:now|utcnow|today)\b
    | \btime\.(?:time|time_ns|gmtime|localtime|ctime|asctime|strftime)\b
    | \bfrom\s+time\s+import\s+(?!.*\b(?:monotonic|perf_counter|sleep)\b)
    | \b(?:utcnow|now_utc|get_current_timestamp|get_current_datetime)\s*\(
    | \bget_current_datetime_in_utc\b
    """,
    re.VERBOSE,
)
_SQL = re.compile(
    r"""
    \b(?:CURRENT_(?:TIMESTAMP|DATE|TIME)|LOCALTIME(?:STAMP)?)\b
    | \b(?:GET_CURRENT_(?:TIMESTAMP|TIME)|TRANSACTION_TIMESTAMP|TODAY)\s*\(
    | (?<![.\w])NOW\s*\(\s*\)
    | \bUTC_TIMESTAMP\b
    """,
    re.VERBOSE | re.IGNORECASE,
)


def asks_the_machine(line: str) -> bool:
    return bool(_PYTHON.search(line) or _SQL.search(line))


def test_only_the_clock_s_adapter_asks_the_machine_for_the_time() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).as_posix() != CLOCKS
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if asks_the_machine(line)
    ]
    assert found == []


def test_the_clock_s_adapter_does_ask_it() -> None:
    assert asks_the_machine((PACKAGE / CLOCKS).read_text("utf-8"))


@pytest.mark.parametrize(
    "line",
    [
        "at = datetime.now(UTC)",
        "at = datetime.utcnow()",
        "day = date.today()",
        "started = time.time()",
        "from time import time",
        '"WHERE called_at < now()"',
        "DEFAULT CURRENT_TIMESTAMP,",
        "WHERE due_on >= current_date",
    ],
)
def test_what_is_looked_for_is_found(line: str) -> None:
    assert asks_the_machine(line)


@pytest.mark.parametrize(
    "line",
    [
        "now = clock.now()",
        "started = time.perf_counter()",
        "deadline = time.monotonic() + wait_s",
        "from time import monotonic, sleep",
        "CURRENT_SCRIPTS = 'SELECT'",
    ],
)
def test_clocks_that_are_passed_in_and_durations_are_fine(line: str) -> None:
    assert not asks_the_machine(line)
